"""Statements about sessions and messages: plain functions over one connection, inside its transaction."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Boolean, and_, bindparam, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from antiphon.errors import Invalid, NotFound
from antiphon.ids import now_ms
from antiphon.model import Feedback, Message, Principal, Session
from antiphon.stores.archive_port import SessionPlace
from antiphon.stores.port import Standing
from antiphon.stores.sql import rows
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.dialects import one_of
from antiphon.stores.sql.schema import ACTIVE, counters, messages, sessions, turns

# What comes after a place in the list of a principal's sessions, and its order. The time is compared twice:
# once for the index, and once together with the id.
listed = and_(
    sessions.c.owner == bindparam("who"),
    sessions.c.archived == bindparam("put_away", type_=Boolean),
    sessions.c.updated_at <= bindparam("time"),
    or_(sessions.c.updated_at < bindparam("time"), sessions.c.id < bindparam("after")),
)
last_used_first = (sessions.c.updated_at.desc(), sessions.c.id.desc())
_BY_ID = select(sessions).where(sessions.c.id == bindparam("sid"))
_BY_OWNER = select(sessions).where(listed).order_by(*last_used_first).limit(bindparam("count"))
_BUSY = select(
    sessions.c.id,
    # Looked up for each: as a condition it may be planned as a walk through all turns under way.
    select(turns.c.id)
    .where(turns.c.session_id == sessions.c.id, text(f"turns.{ACTIVE}"))
    .limit(1)
    .scalar_subquery()
    .label("turn"),
).where(one_of(sessions.c.id, bindparam("ids")))
_MESSAGES = (
    select(messages)
    .where(messages.c.session_id == bindparam("sid"), messages.c.ordinal < bindparam("before"))
    .order_by(messages.c.ordinal.desc())
    .limit(bindparam("count"))
)
_MESSAGE = (
    select(messages)
    .join(sessions)
    .where(messages.c.id == bindparam("mid"), sessions.c.owner == bindparam("who"))
)
# Turns are numbered on from those of a deleted session of this id: cursors of that one name its numbers.
_INSERT = (
    insert(sessions)
    .values(
        turn_count=func.coalesce(
            select(counters.c.value).where(counters.c.name == bindparam("numbers")).scalar_subquery(), 0
        )
    )
    .returning(sessions.c.turn_count)
)
_numbers = insert(counters)
_KEEP_NUMBER = _numbers.on_conflict_do_update(
    index_elements=[counters.c.name], set_={"value": _numbers.excluded.value}
)
_CHANGE = (
    update(sessions)
    .where(sessions.c.id == bindparam("sid"))
    .values(
        title=func.coalesce(bindparam("new_title"), sessions.c.title),
        context=func.coalesce(bindparam("new_context"), sessions.c.context),
        archived=func.coalesce(bindparam("put_away", type_=Boolean), sessions.c.archived),
    )
)
_RATE = update(messages).where(messages.c.id == bindparam("mid")).values(feedback=bindparam("given"))
_STANDINGS = select(sessions.c.id, sessions.c.turn_count, sessions.c.created_at).where(
    one_of(sessions.c.id, bindparam("ids"))
)
_MESSAGE_COUNT = select(func.count()).select_from(messages).where(messages.c.session_id == bindparam("sid"))
_DELETE = [
    delete(messages).where(messages.c.session_id == bindparam("sid")),
    delete(turns).where(turns.c.session_id == bindparam("sid")),
    delete(sessions).where(sessions.c.id == bindparam("sid")),
]
MAX_INT = 2**31 - 1
FOREVER = 2**62


def no_session(session_id: str) -> NotFound:
    """Say that there is no such session (for this principal)."""
    return NotFound(f"There is no session {session_id!r}. Create it with POST /api/sessions.")


def owned(conn: Connection, principal: Principal, session_id: str) -> Session:
    """Return the session. Raises NotFound if there is none or it is another principal's."""
    found = find(conn, principal, session_id)
    if found is None:
        raise no_session(session_id)
    return found


def find(conn: Connection, principal: Principal, session_id: str) -> Session | None:
    """Return the session, None if nobody has one of that id. Raises NotFound if another principal has."""
    row = conn.execute(_BY_ID, {"sid": session_id}).one_or_none()
    if row is None:
        return None
    if row.owner != principal.id:
        raise no_session(session_id)
    return rows.session(row)


def create(
    conn: Connection, principal: Principal, session_id: str, title: str, context: dict[str, Any]
) -> Session:
    """Insert the session unless the principal has it."""
    return find(conn, principal, session_id) or add(conn, principal, session_id, title, context)


def add(
    conn: Connection, principal: Principal, session_id: str, title: str, context: dict[str, Any]
) -> Session:
    """Insert a session that is not there."""
    now = now_ms()
    new = Session(
        id=session_id,
        owner=principal.id,
        title=title,
        context=context,
        turn_count=0,
        created_at=now,
        updated_at=now,
    )
    values = rows.session_values(new) | {"numbers": _numbers_of(session_id)}
    del values["turn_count"]
    return msgspec.structs.replace(new, turn_count=conn.execute(_INSERT, values).scalar_one())


def page(
    conn: Connection, principal: Principal, before: SessionPlace | None, limit: int, archived: bool
) -> Sequence[Session]:
    """Return the principal's sessions, the last used first."""
    values = after_place(principal, before, limit, archived)
    return [rows.session(row) for row in conn.execute(_BY_OWNER, values)]


def after_place(
    principal: Principal, before: SessionPlace | None, limit: int, archived: bool
) -> dict[str, Any]:
    """Return the parameters of ``listed``, and a ``count``."""
    place = before or SessionPlace(FOREVER)
    return {
        "who": principal.id,
        "put_away": archived,
        "time": place.updated_at,
        "after": place.id,
        "count": limit,
    }


def busy(conn: Connection, session_ids: Sequence[str]) -> Collection[str]:
    """Return those of the sessions with a turn under way."""
    found = conn.execute(_BUSY, {"ids": rows.to_json(session_ids)})
    return {row.id for row in found if row.turn is not None}


def change(
    conn: Connection,
    principal: Principal,
    session_id: str,
    title: str | None,
    context: dict[str, Any] | None,
    archived: bool | None,
) -> Session:
    """Update what is given. When the session was last used stays as it is, and so its place in the list."""
    owned(conn, principal, session_id)
    values = {
        "sid": session_id,
        "put_away": archived,
        "new_title": title,
        "new_context": None if context is None else rows.to_json(context),
    }
    conn.execute(_CHANGE, values)
    return owned(conn, principal, session_id)


def remove(conn: Connection, principal: Principal, session_id: str) -> Session:
    """Delete the session and all in it."""
    deleted = owned(conn, principal, session_id)
    keep_number(conn, session_id, deleted.turn_count)
    for statement in _DELETE:
        conn.execute(statement, {"sid": session_id})
    return deleted


def keep_number(conn: Connection, session_id: str, number: int) -> None:
    """Note the highest number of a turn of a session that is being deleted."""
    if number:
        conn.execute(_KEEP_NUMBER, {"name": _numbers_of(session_id), "value": number})


def _numbers_of(session_id: str) -> str:
    """Return the name of a counter. A digest: ids are longer than names."""
    return f"turns {hashlib.sha256(session_id.encode()).hexdigest()}"


def standings(conn: Connection, session_ids: Sequence[str]) -> Mapping[str, Standing]:
    """Return how the sessions stand, by id."""
    found = conn.execute(_STANDINGS, {"ids": rows.to_json(session_ids)})
    return {row.id: Standing(row.turn_count, row.created_at) for row in found}


def message_count(conn: Connection, session_id: str) -> int:
    """Count the messages of a session."""
    return int(conn.execute(_MESSAGE_COUNT, {"sid": session_id}).scalar_one())


def list_messages(
    conn: Connection, principal: Principal, session_id: str, before: int | None, limit: int
) -> Sequence[Message]:
    """Return a page of messages, oldest first."""
    owned(conn, principal, session_id)
    values = {"sid": session_id, "before": MAX_INT if before is None else before, "count": limit}
    return [rows.message(row) for row in reversed(conn.execute(_MESSAGES, values).all())]


def one_message(conn: Connection, principal: Principal, message_id: str) -> Message:
    """Return one message of the principal."""
    row = conn.execute(_MESSAGE, {"mid": message_id, "who": principal.id}).one_or_none()
    if row is None:
        raise NotFound(f"There is no message {message_id!r}.")
    return rows.message(row)


def rate(conn: Connection, principal: Principal, message_id: str, feedback: Feedback | None) -> Message:
    """Store what the principal thinks of a reply, or that it is taken back."""
    if one_message(conn, principal, message_id).role != "assistant":
        raise Invalid("Only replies can be rated, and this is a user's message.")
    conn.execute(_RATE, {"mid": message_id, "given": feedback and rows.to_json(feedback)})
    return one_message(conn, principal, message_id)
