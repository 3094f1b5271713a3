"""Statements about sessions and messages: plain functions over one connection, inside its transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, bindparam, delete, func, insert, select, update

from antiphon.errors import Invalid, NotFound
from antiphon.ids import now_ms
from antiphon.model import Feedback, Message, Principal, Session
from antiphon.stores.sql import rows
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.dialects import one_of
from antiphon.stores.sql.schema import messages, sessions, turns

_BY_ID = select(sessions).where(sessions.c.id == bindparam("sid"))
_BY_OWNER = (
    select(sessions)
    .where(
        sessions.c.owner == bindparam("who"),
        sessions.c.archived == bindparam("put_away", type_=Boolean),
        sessions.c.updated_at < bindparam("before"),
    )
    .order_by(sessions.c.updated_at.desc(), sessions.c.id.desc())
    .limit(bindparam("count"))
)
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
_INSERT = insert(sessions)
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
_COUNTS = select(sessions.c.id, sessions.c.turn_count).where(one_of(sessions.c.id, bindparam("ids")))
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
    conn.execute(
        _INSERT,
        rows.session_values(new),
    )
    return new


def page(
    conn: Connection, principal: Principal, before: int | None, limit: int, archived: bool
) -> Sequence[Session]:
    """Return the principal's sessions, the last used first."""
    values = {
        "who": principal.id,
        "before": FOREVER if before is None else before,
        "count": limit,
        "put_away": archived,
    }
    return [rows.session(row) for row in conn.execute(_BY_OWNER, values)]


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


def remove(conn: Connection, principal: Principal, session_id: str) -> None:
    """Delete the session and all in it."""
    owned(conn, principal, session_id)
    for statement in _DELETE:
        conn.execute(statement, {"sid": session_id})


def turn_counts(conn: Connection, session_ids: Sequence[str]) -> Mapping[str, int]:
    """Return the newest turn's number by session."""
    found = conn.execute(_COUNTS, {"ids": rows.to_json(session_ids)})
    return {row.id: row.turn_count for row in found}


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
