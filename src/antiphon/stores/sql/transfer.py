"""Taking conversations out: functions over one connection, inside its transaction."""

from collections.abc import Sequence

from sqlalchemy import bindparam, literal, select, text

from antiphon.errors import NotFound
from antiphon.model import Message, Principal, Turn
from antiphon.stores.sql import rows
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.dialects import one_of
from antiphon.stores.sql.schema import ACTIVE, messages, turns
from antiphon.stores.sql.sessions import owned

_AFTER = (
    select(messages)
    .where(messages.c.session_id == bindparam("sid"), messages.c.ordinal > bindparam("after"))
    .order_by(messages.c.ordinal)
    .limit(bindparam("count"))
)
_UNDER_WAY = select(turns).where(turns.c.session_id == bindparam("sid"), text(f"turns.{ACTIVE}"))
_ONE = select(messages.c.id, messages.c.role, messages.c.parent_id).where(
    messages.c.session_id == bindparam("sid"), messages.c.id == bindparam("mid")
)
_NEWEST = (
    select(messages.c.id, messages.c.role, messages.c.parent_id)
    .where(messages.c.session_id == bindparam("sid"))
    .order_by(messages.c.ordinal.desc())
    .limit(1)
)
_ASKED = select(turns.c.prompt_id).where(
    turns.c.reply_id == bindparam("mid"), turns.c.session_id == bindparam("sid")
)
_NAMED = (
    select(messages)
    .where(one_of(messages.c.id, bindparam("ids")), messages.c.session_id == bindparam("sid"))
    .order_by(messages.c.ordinal)
)


def _path_statement() -> object:
    """Walk from a user message up to the beginning, also past replies that are still under way."""
    path = (
        select(literal(0).label("depth"), messages.c.id, messages.c.parent_id)
        .where(messages.c.id == bindparam("mid"))
        .cte("path", recursive=True)
    )
    older = messages.alias("older")
    path = path.union_all(
        select(path.c.depth + 1, older.c.id, older.c.parent_id)
        .join(turns, turns.c.reply_id == path.c.parent_id)
        .join(older, older.c.id == turns.c.prompt_id)
    )
    return select(path.c.id, path.c.parent_id).order_by(path.c.depth.desc())


_PATH = _path_statement()


def past(
    conn: Connection, principal: Principal, session_id: str, after: int, limit: int
) -> Sequence[Message]:
    """Return a stretch of a session, with what stands for replies under way."""
    owned(conn, principal, session_id)
    values = {"sid": session_id, "after": after, "count": limit}
    stored = [rows.message(row) for row in conn.execute(_AFTER, values)]
    waited_for = (_stand_in(rows.turn(row)) for row in conn.execute(_UNDER_WAY, {"sid": session_id}))
    both = [*stored, *(it for it in waited_for if it.ordinal > after)]
    return sorted(both, key=lambda it: it.ordinal)[:limit]


def _stand_in(turn: Turn) -> Message:
    return Message(
        id=turn.reply_id,
        session_id=turn.session_id,
        ordinal=2 * turn.number + 1,
        role="assistant",
        sender=turn.bot,
        status="stopped",
        content="",
        parent_id=turn.prompt_id,
        turn_id=turn.id,
        usage=None,
        metadata={"model": turn.model},
        created_at=turn.created_at,
    )


def branch(conn: Connection, principal: Principal, session_id: str, leaf: str | None) -> Sequence[str]:
    """Return the ids that lead to a message."""
    owned(conn, principal, session_id)
    here = {"sid": session_id, "mid": leaf}
    row = conn.execute(_NEWEST if leaf is None else _ONE, here).one_or_none()
    if row is None and leaf is None:
        return []
    if row is not None and row.role == "user":
        prompt, reply = row.id, None
    else:
        reply = leaf if row is None else row.id
        prompt = conn.execute(_ASKED, here).scalar() if row is None else row.parent_id
        if prompt is None:
            raise NotFound(f"There is no message {leaf!r} in this session.")
    path = [each for row in conn.execute(_PATH, {"mid": prompt}) for each in (row.parent_id, row.id)]
    return [each for each in (*path, reply) if each is not None]


def named(conn: Connection, principal: Principal, session_id: str, ids: Sequence[str]) -> Sequence[Message]:
    """Return messages of the session by their ids."""
    owned(conn, principal, session_id)
    found = conn.execute(_NAMED, {"sid": session_id, "ids": rows.to_json(ids)})
    return [rows.message(row) for row in found]
