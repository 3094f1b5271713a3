"""Bringing a conversation in, a few rows at a time, so that others' writes get between them.

Until all is there its session is nobody's and has the attempt's name for a title: no reader finds it, and
each batch is written under that name, so that an attempt that was given up for dead cannot go on (see
docs/decisions/021). A session that is nobody's and has no title is being removed.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from sqlalchemy import BigInteger, bindparam, delete, insert, select, update

from antiphon.errors import AntiphonError, Overloaded, StoreUnavailable
from antiphon.ids import new_id
from antiphon.model import Session
from antiphon.stores.archive_port import Past, PastTurn
from antiphon.stores.sql import rows
from antiphon.stores.sql import sessions as session_statements
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.dialects import clock
from antiphon.stores.sql.schema import messages, sessions, turns

Write = Callable[[Callable[[Connection], Any]], Awaitable[Any]]
"""Runs a function in a transaction of its own."""

# No principal has such an id: theirs say after a colon who they are.
NOBODY = "importing"
# What is written in one transaction; a text may be longer than this.
BATCH_ROWS = 200
BATCH_CHARS = 262_144
# So long one waits for another process that brings the same in.
WAIT_S = 5.0
LOOK_EVERY_S = 0.1

_BY_ID = select(sessions).where(sessions.c.id == bindparam("sid"))
_INSERT_SESSION = insert(sessions)
_INSERT_MESSAGE = insert(messages)
_INSERT_TURN = insert(turns)
_own = (
    sessions.c.id == bindparam("sid"),
    sessions.c.owner == NOBODY,
    sessions.c.title == bindparam("attempt"),
)
_HOLD = update(sessions).where(*_own).values(updated_at=clock())
_SHOW = (
    update(sessions)
    .where(*_own)
    .values(
        owner=bindparam("who"),
        title=bindparam("new_title"),
        context=bindparam("new_context"),
        updated_at=bindparam("used_at"),
    )
)
_GIVE_UP = update(sessions).where(*_own).values(title="")
_GIVE_UP_SILENT = (
    update(sessions)
    .where(
        sessions.c.owner == NOBODY, sessions.c.updated_at < clock() - bindparam("silent", type_=BigInteger)
    )
    .values(title="")
)
_GIVEN_UP = select(sessions.c.id, sessions.c.turn_count).where(
    sessions.c.owner == NOBODY, sessions.c.title == ""
)
_DELETE_ROWS = (
    delete(messages).where(
        messages.c.session_id == bindparam("sid"), messages.c.ordinal < bindparam("below")
    ),
    delete(turns).where(turns.c.session_id == bindparam("sid"), 2 * turns.c.number < bindparam("below")),
)
_DELETE_SESSION = delete(sessions).where(
    sessions.c.id == bindparam("sid"), sessions.c.owner == NOBODY, sessions.c.title == ""
)


async def bring_in(write: Write, past: Past) -> Session:
    """See ArchiveStore."""
    attempt = new_id("import")
    there = await _begin_when_free(write, past.session, attempt)
    if there is not None:
        return there
    try:
        for batch in _batches(past):
            began = time.monotonic()
            await write(functools.partial(_add, session_id=past.session.id, attempt=attempt, batch=batch))
            # As long for others as for this: processes that share a SQLite file do not queue up for it.
            await asyncio.sleep(time.monotonic() - began)
        await write(functools.partial(_show, session=past.session, attempt=attempt))
    except Exception:
        # What cannot be removed now is swept later.
        with contextlib.suppress(AntiphonError):
            await write(lambda c: c.execute(_GIVE_UP, {"sid": past.session.id, "attempt": attempt}))
            await _remove(write)
        raise
    return past.session


async def sweep(write: Write, silent: int) -> None:
    """See ArchiveStore."""
    await write(lambda c: c.execute(_GIVE_UP_SILENT, {"silent": silent}))
    await _remove(write)


async def _begin_when_free(write: Write, session: Session, attempt: str) -> Session | None:
    """Make the hidden session; return the one of this id that the principal has, if there is one."""
    until = time.monotonic() + WAIT_S
    while True:
        found: Session = await write(functools.partial(_begin, session=session, attempt=attempt))
        if found.owner != NOBODY:
            return found
        if found.title == attempt:
            return None
        if time.monotonic() > until:
            raise Overloaded("This is being imported already. Try again shortly.", retry_after=WAIT_S)
        await asyncio.sleep(LOOK_EVERY_S)


def _begin(conn: Connection, session: Session, attempt: str) -> Session:
    """Return the session of this id, made if there was none. Raises NotFound if it is another principal's."""
    row = conn.execute(_BY_ID, {"sid": session.id}).one_or_none()
    if row is not None:
        found = rows.session(row)
        if found.owner not in (session.owner, NOBODY):
            raise session_statements.no_session(session.id)
        return found
    hidden = {"owner": NOBODY, "title": attempt, "context": "{}"}
    conn.execute(_INSERT_SESSION, rows.session_values(session) | hidden)
    conn.execute(_HOLD, {"sid": session.id, "attempt": attempt})
    return rows.session(conn.execute(_BY_ID, {"sid": session.id}).one())


Row = tuple[Any, dict[str, Any]]


def _add(conn: Connection, session_id: str, attempt: str, batch: list[Row]) -> None:
    if conn.execute(_HOLD, {"sid": session_id, "attempt": attempt}).rowcount != 1:
        raise _taken_away()
    for statement in (_INSERT_MESSAGE, _INSERT_TURN):
        values = [values for of, values in batch if of is statement]
        if values:
            conn.execute(statement, values)


def _show(conn: Connection, session: Session, attempt: str) -> None:
    shown = {
        "sid": session.id,
        "attempt": attempt,
        "who": session.owner,
        "new_title": session.title,
        "new_context": rows.to_json(session.context),
        "used_at": session.updated_at,
    }
    if conn.execute(_SHOW, shown).rowcount != 1:
        raise _taken_away()


def _taken_away() -> StoreUnavailable:
    return StoreUnavailable("The import stood still for too long and was given up. Try again.", retry_after=1)


def _batches(past: Past) -> Iterator[list[Row]]:
    batch: list[Row] = []
    chars = 0
    for row in _rows(past):
        batch.append(row)
        chars += sum(len(value) for value in row[1].values() if isinstance(value, (str, bytes)))
        if len(batch) >= BATCH_ROWS or chars >= BATCH_CHARS:
            yield batch
            batch, chars = [], 0
    if batch:
        yield batch


def _rows(past: Past) -> Iterator[Row]:
    for prompt in past.prompts:
        yield _INSERT_MESSAGE, rows.message_values(prompt)
    for it in past.turns:
        yield _INSERT_MESSAGE, rows.message_values(it.reply)
        yield _INSERT_TURN, _ended_turn(it)


def _ended_turn(it: PastTurn) -> dict[str, Any]:
    ended = {"idempotency_key": None, "delivered": True, "transcript": rows.pack_transcript(it.chunks)}
    return rows.turn_values(it.turn) | ended


async def _remove(write: Write) -> None:
    """Remove all that was given up, a few rows at a time; the session last, which says that there is more."""
    for given_up in await write(lambda c: c.execute(_GIVEN_UP).all()):
        for below in range(BATCH_ROWS, 2 * given_up.turn_count + 2 + BATCH_ROWS, BATCH_ROWS):
            await write(functools.partial(_delete_rows, session_id=given_up.id, below=below))
        await write(functools.partial(_delete_session, session_id=given_up.id))


def _delete_rows(conn: Connection, session_id: str, below: int) -> None:
    for statement in _DELETE_ROWS:
        conn.execute(statement, {"sid": session_id, "below": below})


def _delete_session(conn: Connection, session_id: str) -> None:
    conn.execute(_DELETE_SESSION, {"sid": session_id})
