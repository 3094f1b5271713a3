"""Deleting a single exchange: plain functions over one connection, inside its transaction."""

from sqlalchemy import bindparam, delete, select, update

from antiphon.errors import Conflict, NotFound
from antiphon.model import Principal
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.schema import messages, sessions, turns
from antiphon.stores.sql.sessions import keep_number
from antiphon.stores.sql.turns import owned

# Locked first, read then, as everything that adds to a session does.
_LOCK_SESSION = (
    select(sessions.c.turn_count)
    .where(
        sessions.c.id == select(turns.c.session_id).where(turns.c.id == bindparam("tid")).scalar_subquery(),
        sessions.c.owner == bindparam("who"),
    )
    .with_for_update()
)
_prompt = messages.alias("prompt")
# What followed the reply follows then what its message had followed: the branch stays whole.
_RELINK = (
    update(messages)
    .where(messages.c.session_id == bindparam("sid"), messages.c.parent_id == bindparam("rid"))
    .values(parent_id=select(_prompt.c.parent_id).where(_prompt.c.id == bindparam("mid")).scalar_subquery())
)
_DELETE_TURN = delete(turns).where(turns.c.id == bindparam("tid"))
_DELETE_MESSAGE = delete(messages).where(messages.c.id == bindparam("mid"))
# A message may have been answered more than once.
_ANSWERS = (
    select(turns.c.id)
    .where(turns.c.session_id == bindparam("sid"), turns.c.prompt_id == bindparam("mid"))
    .limit(1)
)
_ANY = select(turns.c.id).where(turns.c.session_id == bindparam("sid")).limit(1)
_DELETE_SESSION = delete(sessions).where(sessions.c.id == bindparam("sid"))


def delete_turn(conn: Connection, principal: Principal, turn_id: str) -> None:
    """Delete an ended turn and what belongs to it alone."""
    session = conn.execute(_LOCK_SESSION, {"tid": turn_id, "who": principal.id}).one_or_none()
    if session is None:
        raise NotFound(f"There is no turn {turn_id!r}.")
    turn = owned(conn, principal, turn_id)
    if not turn.state.ended:
        raise Conflict("This reply is still under way. Stop it first, and delete it when it has ended.")
    here = {"sid": turn.session_id}
    conn.execute(_RELINK, here | {"rid": turn.reply_id, "mid": turn.prompt_id})
    conn.execute(_DELETE_TURN, {"tid": turn.id})
    conn.execute(_DELETE_MESSAGE, {"mid": turn.reply_id})
    if conn.execute(_ANSWERS, here | {"mid": turn.prompt_id}).one_or_none() is None:
        conn.execute(_DELETE_MESSAGE, {"mid": turn.prompt_id})
    if conn.execute(_ANY, here).one_or_none() is None:
        keep_number(conn, turn.session_id, session.turn_count)
        conn.execute(_DELETE_SESSION, here)
