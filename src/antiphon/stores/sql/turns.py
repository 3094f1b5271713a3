"""Statements about turns: plain functions over one connection, inside its transaction.

A function raises an AntiphonError only before its first write; the executors rely on it to commit many
calls together (see stores/sqlite.py).
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, func, insert, literal, or_, select, text, update

from antiphon.errors import Conflict, NotFound, Overloaded, RateLimited
from antiphon.ids import new_id, now_ms
from antiphon.model import STATUS, Chunk, Message, Principal, Turn, TurnState
from antiphon.stores.port import Exchange, Finished, NewTurn, Outcome, Submitted
from antiphon.stores.sql import rows
from antiphon.stores.sql import sessions as session_statements
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.dialects import one_of
from antiphon.stores.sql.schema import ACTIVE, events, messages, pods, sessions, turns

# The condition of the partial indexes, word for word: that is what lets a database use them.
_active = text(f"turns.{ACTIVE}")
_OWNED = (
    select(turns).join(sessions).where(turns.c.id == bindparam("tid"), sessions.c.owner == bindparam("who"))
)
_BY_KEY = select(turns).where(
    turns.c.session_id == bindparam("sid"), turns.c.idempotency_key == bindparam("key")
)
_BY_REPLY = select(turns).where(turns.c.session_id == bindparam("sid"), turns.c.reply_id == bindparam("rid"))
# Locked first and read then: what is read after the lock is what the holder before left.
_LOCK_SESSION = (
    select(sessions.c.owner, sessions.c.turn_count).where(sessions.c.id == bindparam("sid")).with_for_update()
)
_claimer = (
    # Held until the commit, so that a pod cannot be buried between this and the insertion of its turn.
    select(pods.c.id).where(pods.c.id == bindparam("pod_id")).with_for_update(read=True, key_share=True)
).cte("claimer")
_BEFORE_SUBMIT = select(
    # Not simply the last number given out: its turn may have been deleted.
    select(turns.c.reply_id)
    .where(turns.c.session_id == bindparam("sid"), turns.c.number <= bindparam("newest"))
    .order_by(turns.c.number.desc())
    .limit(1)
    .scalar_subquery()
    .label("newest_reply"),
    select(func.count())
    .select_from(turns)
    .where(turns.c.session_id == bindparam("sid"), _active)
    .scalar_subquery()
    .label("active"),
    select(func.count()).select_from(_claimer).scalar_subquery().label("registered"),
)
_QUEUED = select(func.count()).select_from(turns).where(_active, turns.c.state == "queued")
_NEXT_NUMBER = (
    update(sessions)
    .where(sessions.c.id == bindparam("sid"))
    .values(turn_count=sessions.c.turn_count + 1, updated_at=bindparam("now"), archived=False)
    .returning(sessions.c.turn_count)
)
_PROMPT = select(messages.c.content, messages.c.role).where(
    messages.c.id == bindparam("mid"), messages.c.session_id == bindparam("sid")
)
_INSERT_MESSAGE = insert(messages)
_INSERT_TURN = insert(turns)
_INSERT_EVENT = insert(events)
_AFTER = (
    select(turns)
    .where(turns.c.session_id == bindparam("sid"), turns.c.number > bindparam("after"))
    .order_by(turns.c.number)
    .limit(bindparam("count"))
)
_UNDELIVERED = (
    select(turns)
    .where(
        turns.c.session_id == bindparam("sid"),
        or_(_active, (turns.c.ended_at > bindparam("ended_after")) & turns.c.delivered.is_(False)),
    )
    .order_by(turns.c.number)
)
_TRANSCRIPT = (
    select(turns.c.transcript, messages.c.content)
    .join(messages, messages.c.id == turns.c.reply_id)
    .where(turns.c.id == bindparam("tid"))
)
_FINISH = (
    update(turns)
    .where(
        turns.c.id == bindparam("tid"),
        turns.c.epoch == bindparam("ep"),
        turns.c.state == "running",
    )
    .values(state=bindparam("new_state"), ended_at=bindparam("now"), transcript=bindparam("packed"))
)
_STATE = select(turns.c.epoch, turns.c.state).where(turns.c.id == bindparam("tid"))
# Not by the condition of the partial indexes: the ids are what is to be looked up, not all active turns.
_UNDER_WAY = select(turns.c.id).where(one_of(turns.c.id, bindparam("ids")), turns.c.ended_at.is_(None))
_STOP = update(turns).where(turns.c.id == bindparam("tid"), _active).values(stop_requested=True)
_DELIVERED = update(turns).where(turns.c.id == bindparam("tid")).values(delivered=True)


def _history_statement() -> object:
    """Walk from a user message up its branch: its parent is a reply, which answers the message before."""
    shown = (messages.c.id, messages.c.content, messages.c.parent_id)
    path = (
        select(literal(0).label("depth"), *shown, messages.c.metadata)
        .where(messages.c.id == bindparam("mid"))
        .cte("path", recursive=True)
    )
    older = messages.alias("older")
    path = path.union_all(
        select(path.c.depth + 1, older.c.id, older.c.content, older.c.parent_id, older.c.metadata)
        .join(turns, turns.c.reply_id == path.c.parent_id)
        .join(older, older.c.id == turns.c.prompt_id)
        .where(path.c.depth + 1 < bindparam("count"))
    )
    reply = messages.alias("reply")
    # Looked up for each: a join may be planned as one with the whole table.
    before = select(reply.c.content).where(reply.c.id == path.c.parent_id).scalar_subquery().label("before")
    about = select(reply.c.metadata).where(reply.c.id == path.c.parent_id).scalar_subquery().label("about")
    return select(path.c.content, path.c.metadata, before, about).order_by(path.c.depth.desc())


_HISTORY = _history_statement()


def submit(conn: Connection, principal: Principal, new: NewTurn) -> Submitted:
    """Insert the user message and its turn, or return what the idempotency key already stands for."""
    session = conn.execute(_LOCK_SESSION, {"sid": new.session_id}).one_or_none()
    allowed = new.create_session if session is None else session.owner == principal.id
    if not allowed:
        raise session_statements.no_session(new.session_id)
    if session is not None:
        known = _known(conn, new)
        if known is not None:
            return Submitted(turn=known, fresh=False)
    newest = session.turn_count if session else 0
    before = conn.execute(
        _BEFORE_SUBMIT, {"sid": new.session_id, "newest": newest, "pod_id": new.claim_for}
    ).one()
    pod = new.claim_for if before.registered else None
    _check_room(conn, before.active, pod, new)
    parent_id = _parent(conn, new, before.newest_reply)
    if new.text is None:
        _check_prompt(conn, new)
    if session is None:
        title = (new.text or "")[:80]
        session_statements.add(conn, principal, new.session_id, title, new.context)
    turn = _insert(conn, new, parent_id, pod)
    if pod is None:
        return Submitted(turn=turn, fresh=True)
    if parent_id is None and new.text is not None:
        return Submitted(
            turn=turn, fresh=True, history=[Exchange(before=None, text=new.text, given=new.given)]
        )
    return Submitted(turn=turn, fresh=True, history=history(conn, turn.prompt_id, new.history_limit))


def _known(conn: Connection, new: NewTurn) -> Turn | None:
    if new.idempotency_key is None:
        return None
    row = conn.execute(_BY_KEY, {"sid": new.session_id, "key": new.idempotency_key}).one_or_none()
    if row is None:
        return None
    if new.text is not None:
        prompt = conn.execute(_PROMPT, {"mid": row.prompt_id, "sid": new.session_id}).one()
        if rows.from_text(prompt.content) != new.text:
            raise Conflict("This idempotency key was used for another message. Use a new key.")
    elif row.prompt_id != new.prompt_id:
        raise Conflict("This idempotency key was used for another request. Use a new key.")
    return rows.turn(row)


def _check_room(conn: Connection, active: int, pod: str | None, new: NewTurn) -> None:
    if active >= new.max_active:
        raise RateLimited(
            f"This session already has {new.max_active} replies under way. "
            "Wait for one to end, or stop one, and send again.",
            retry_after=1,
        )
    if pod is None and queued(conn) >= new.max_queued:
        raise Overloaded(
            f"{new.max_queued} messages already wait for a free pod. Try again shortly.", retry_after=2
        )


def queued(conn: Connection) -> int:
    """Return how many turns wait for a pod."""
    return int(conn.execute(_QUEUED).scalar_one())


def _parent(conn: Connection, new: NewTurn, newest_reply: str | None) -> str | None:
    if new.parent_id == "latest":
        return newest_reply
    if new.parent_id is not None:
        row = conn.execute(_BY_REPLY, {"sid": new.session_id, "rid": new.parent_id}).one_or_none()
        if row is None:
            raise NotFound(f"There is no reply {new.parent_id!r} in this session to follow.")
    return new.parent_id


def _check_prompt(conn: Connection, new: NewTurn) -> None:
    row = conn.execute(_PROMPT, {"mid": new.prompt_id, "sid": new.session_id}).one_or_none()
    if row is None or row.role != "user":
        raise NotFound(f"There is no user message {new.prompt_id!r} in this session to answer.")


def _insert(conn: Connection, new: NewTurn, parent_id: str | None, pod: str | None) -> Turn:
    now = now_ms()
    number = conn.execute(_NEXT_NUMBER, {"sid": new.session_id, "now": now}).scalar_one()
    turn = Turn(
        id=new_id("turn"),
        session_id=new.session_id,
        number=number,
        state=TurnState.RUNNING if pod else TurnState.QUEUED,
        pod=pod,
        epoch=1 if pod else 0,
        prompt_id=new.prompt_id or new_id("msg"),
        reply_id=new_id("msg"),
        bot=new.bot,
        model=new.model,
        params=new.params,
        stop_requested=False,
        created_at=now,
        ended_at=None,
    )
    if new.text is not None:
        _insert_prompt(conn, new, turn, parent_id)
    waiting = {"idempotency_key": new.idempotency_key, "delivered": False, "transcript": None}
    conn.execute(_INSERT_TURN, rows.turn_values(turn) | waiting)
    return turn


def _insert_prompt(conn: Connection, new: NewTurn, turn: Turn, parent_id: str | None) -> None:
    prompt = Message(
        id=turn.prompt_id,
        session_id=turn.session_id,
        ordinal=2 * turn.number,
        role="user",
        sender=new.sender,
        status="complete",
        content=new.text or "",
        parent_id=parent_id,
        turn_id=turn.id,
        usage=None,
        metadata={**new.metadata, "given": new.given} if new.given else new.metadata,
        created_at=turn.created_at,
    )
    conn.execute(_INSERT_MESSAGE, rows.message_values(prompt))


def owned(conn: Connection, principal: Principal, turn_id: str) -> Turn:
    """Return a turn of the principal. Raises NotFound."""
    row = conn.execute(_OWNED, {"tid": turn_id, "who": principal.id}).one_or_none()
    if row is None:
        raise NotFound(f"There is no turn {turn_id!r}.")
    return rows.turn(row)


def after(conn: Connection, principal: Principal, session_id: str, number: int, limit: int) -> Sequence[Turn]:
    """Return the session's turns above a number."""
    if session_statements.find(conn, principal, session_id) is None:
        return []
    values = {"sid": session_id, "after": number, "count": limit}
    return [rows.turn(row) for row in conn.execute(_AFTER, values)]


def undelivered(conn: Connection, principal: Principal, session_id: str, ended_after: int) -> Sequence[Turn]:
    """Return what a subscriber without a cursor is owed."""
    if session_statements.find(conn, principal, session_id) is None:
        return []
    found = conn.execute(_UNDELIVERED, {"sid": session_id, "ended_after": ended_after})
    return [rows.turn(row) for row in found]


def transcript(conn: Connection, turn_id: str) -> list[Chunk] | None:
    """Return the chunks of an ended turn."""
    row = conn.execute(_TRANSCRIPT, {"tid": turn_id}).one_or_none()
    return rows.unpack_transcript(row.transcript, rows.from_text(row.content)) if row else None


def history(conn: Connection, prompt_id: str, limit: int) -> Sequence[Exchange]:
    """Return the branch that ends with this user message."""
    found = conn.execute(_HISTORY, {"mid": prompt_id, "count": limit})
    return [
        Exchange(
            before=row.before and rows.from_text(row.before),
            text=rows.from_text(row.content),
            calls=rows.part_of(row.about, "tool_calls"),
            given=rows.part_of(row.metadata, "given"),
        )
        for row in found
    ]


def finish(conn: Connection, turn: Turn, outcome: Outcome, outbox: bool) -> Finished:
    """End the turn and insert its reply, if the epoch still holds."""
    now = now_ms()
    values = {
        "tid": turn.id,
        "ep": turn.epoch,
        "new_state": outcome.state.value,
        "now": now,
        "packed": rows.pack_transcript(outcome.chunks),
    }
    if conn.execute(_FINISH, values).rowcount != 1:
        return _ended_before(conn, turn)
    end = outcome.end
    reply = Message(
        id=turn.reply_id,
        session_id=turn.session_id,
        ordinal=2 * turn.number + 1,
        role="assistant",
        sender=turn.bot,
        status=STATUS[outcome.state],
        content=outcome.content,
        parent_id=turn.prompt_id,
        turn_id=turn.id,
        usage=msgspec.to_builtins(end.usage),
        metadata=end.metadata,
        created_at=now,
    )
    conn.execute(_INSERT_MESSAGE, rows.message_values(reply))
    if outbox:
        payload = rows.to_json({"session_id": turn.session_id, "end": end})
        conn.execute(
            _INSERT_EVENT,
            {"kind": "turn.ended", "subject": turn.id, "payload": payload, "created_at": now},
        )
    return "done"


def _ended_before(conn: Connection, turn: Turn) -> Finished:
    """Tell why a turn cannot be ended: it was by this very attempt, it is another's, or it is gone."""
    row = conn.execute(_STATE, {"tid": turn.id}).one_or_none()
    if row is None:
        return "gone"
    return "done" if row.epoch == turn.epoch and TurnState(row.state).ended else "fenced"


def ended(conn: Connection, turn_ids: Sequence[str]) -> Sequence[str]:
    """Return those that are not under way."""
    under_way = {row.id for row in conn.execute(_UNDER_WAY, {"ids": rows.to_json(turn_ids)})}
    return [turn_id for turn_id in turn_ids if turn_id not in under_way]


def request_stop(conn: Connection, principal: Principal, turn_id: str) -> Turn:
    """Mark a turn to be stopped."""
    owned(conn, principal, turn_id)
    conn.execute(_STOP, {"tid": turn_id})
    return owned(conn, principal, turn_id)


def mark_delivered(conn: Connection, turn_ids: Sequence[str]) -> None:
    """Mark replies as received to their end."""
    conn.execute(_DELIVERED, [{"tid": turn_id} for turn_id in turn_ids])
