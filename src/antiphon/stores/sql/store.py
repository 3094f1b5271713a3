"""The store of every relational database: statements from this folder, run by an executor."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from antiphon.errors import Invalid
from antiphon.model import Chunk, Feedback, Message, Post, Principal, Session, Turn
from antiphon.stores.archive_port import Found, Past, SessionPlace
from antiphon.stores.port import Exchange, Finished, NewTurn, Outcome, PodState, Standing, Submitted
from antiphon.stores.sql import (
    archive_import,
    board,
    deletion,
    fleet,
    pods,
    search,
    sessions,
    transfer,
    turns,
)
from antiphon.stores.sql import places as place_statements
from antiphon.stores.sql.connection import Connection

T = TypeVar("T")


class Executor(Protocol):
    """Runs functions over a connection, each inside a transaction, off the event loop."""

    async def write(self, operation: Callable[[Connection], T]) -> T:
        """Run in a transaction that writes and return after its commit.

        The operation may run again if the transaction must be repeated, so it must not touch anything but
        the connection. Raises StoreUnavailable.
        """
        ...

    async def read(self, operation: Callable[[Connection], T]) -> T:
        """Run in a transaction that sees all that was committed before. Raises StoreUnavailable."""
        ...

    async def close(self) -> None:
        """Commit what was accepted and release the connections."""
        ...


class SqlStore:
    """The Store port on SQL. With ``outbox`` each ended turn leaves a row in ``events``."""

    def __init__(self, executor: Executor, *, outbox: bool = False) -> None:
        self._db = executor
        self._outbox = outbox
        self._posting = board.Posting(lambda new: executor.write(lambda c: board.add(c, new)))

    async def create_session(
        self, principal: Principal, session_id: str, title: str, context: dict[str, Any]
    ) -> Session:
        """See SessionStore."""
        _check_title(title)
        return await self._db.write(lambda c: sessions.create(c, principal, session_id, title, context))

    async def session(self, principal: Principal, session_id: str) -> Session:
        """See SessionStore."""
        return await self._db.read(lambda c: sessions.owned(c, principal, session_id))

    async def sessions(
        self, principal: Principal, before: SessionPlace | None, limit: int, *, archived: bool = False
    ) -> Sequence[Session]:
        """See SessionStore."""
        return await self._db.read(lambda c: sessions.page(c, principal, before, limit, archived))

    async def busy(self, session_ids: Sequence[str]) -> Collection[str]:
        """See SessionStore."""
        return await self._db.read(lambda c: sessions.busy(c, session_ids))

    async def update_session(
        self,
        principal: Principal,
        session_id: str,
        title: str | None,
        context: dict[str, Any] | None,
        *,
        archived: bool | None = None,
    ) -> Session:
        """See SessionStore."""
        _check_title(title or "")
        return await self._db.write(
            lambda c: sessions.change(c, principal, session_id, title, context, archived)
        )

    async def delete_session(self, principal: Principal, session_id: str) -> Session:
        """See SessionStore."""
        return await self._db.write(lambda c: sessions.remove(c, principal, session_id))

    async def messages(
        self, principal: Principal, session_id: str, before: int | None, limit: int
    ) -> Sequence[Message]:
        """See SessionStore."""
        return await self._db.read(lambda c: sessions.list_messages(c, principal, session_id, before, limit))

    async def message(self, principal: Principal, message_id: str) -> Message:
        """See SessionStore."""
        return await self._db.read(lambda c: sessions.one_message(c, principal, message_id))

    async def delete_turn(self, principal: Principal, turn_id: str) -> None:
        """See SessionStore."""
        await self._db.write(lambda c: deletion.delete_turn(c, principal, turn_id))

    async def search(
        self, principal: Principal, text: str, before: SessionPlace | None, *, archived: bool
    ) -> Found:
        """See ArchiveStore."""
        return await self._db.read(lambda c: search.search(c, principal, text, before, archived))

    async def rate(self, principal: Principal, message_id: str, feedback: Feedback | None) -> Message:
        """See ArchiveStore."""
        return await self._db.write(lambda c: sessions.rate(c, principal, message_id, feedback))

    async def past(self, principal: Principal, session_id: str, after: int, limit: int) -> Sequence[Message]:
        """See ArchiveStore."""
        return await self._db.read(lambda c: transfer.past(c, principal, session_id, after, limit))

    async def branch(self, principal: Principal, session_id: str, leaf: str | None) -> Sequence[str]:
        """See ArchiveStore."""
        return await self._db.read(lambda c: transfer.branch(c, principal, session_id, leaf))

    async def named(self, principal: Principal, session_id: str, ids: Sequence[str]) -> Sequence[Message]:
        """See ArchiveStore."""
        return await self._db.read(lambda c: transfer.named(c, principal, session_id, ids))

    async def bring_in(self, past: Past) -> Session:
        """See ArchiveStore."""
        return await archive_import.bring_in(self._db.write, past)

    async def sweep(self, silent: int) -> None:
        """See ArchiveStore."""
        await archive_import.sweep(self._db.write, silent)

    async def submit(self, principal: Principal, new: NewTurn) -> Submitted:
        """See TurnStore."""
        return await self._db.write(lambda c: turns.submit(c, principal, new))

    async def turn(self, principal: Principal, turn_id: str) -> Turn:
        """See TurnStore."""
        return await self._db.read(lambda c: turns.owned(c, principal, turn_id))

    async def turns(self, principal: Principal, session_id: str, after: int, limit: int) -> Sequence[Turn]:
        """See TurnStore."""
        return await self._db.read(lambda c: turns.after(c, principal, session_id, after, limit))

    async def undelivered(self, principal: Principal, session_id: str, ended_after: int) -> Sequence[Turn]:
        """See FollowStore."""
        return await self._db.read(lambda c: turns.undelivered(c, principal, session_id, ended_after))

    async def ended(self, turn_ids: Sequence[str]) -> Sequence[str]:
        """See FollowStore."""
        return await self._db.read(lambda c: turns.ended(c, turn_ids))

    async def standings(self, session_ids: Sequence[str]) -> Mapping[str, Standing]:
        """See FollowStore."""
        return await self._db.read(lambda c: sessions.standings(c, session_ids))

    async def message_count(self, session_id: str) -> int:
        """See FollowStore."""
        return await self._db.read(lambda c: sessions.message_count(c, session_id))

    async def transcript(self, turn_id: str) -> list[Chunk] | None:
        """See TurnStore."""
        return await self._db.read(lambda c: turns.transcript(c, turn_id))

    async def history(self, prompt_id: str, limit: int) -> Sequence[Exchange]:
        """See TurnStore."""
        return await self._db.read(lambda c: turns.history(c, prompt_id, limit))

    async def finish(self, turn: Turn, outcome: Outcome) -> Finished:
        """See TurnStore."""
        return await self._db.write(lambda c: turns.finish(c, turn, outcome, self._outbox))

    async def request_stop(self, principal: Principal, turn_id: str) -> Turn:
        """See TurnStore."""
        return await self._db.write(lambda c: turns.request_stop(c, principal, turn_id))

    async def mark_delivered(self, turn_ids: Sequence[str]) -> None:
        """See TurnStore."""
        await self._db.write(lambda c: turns.mark_delivered(c, turn_ids))

    async def place(self, session_id: str, client_id: str) -> str | None:
        """See PlaceStore."""
        return await self._db.read(lambda c: place_statements.place(c, session_id, client_id))

    async def note_places(self, places: Sequence[tuple[str, str, str]]) -> None:
        """See PlaceStore."""
        await self._db.write(lambda c: place_statements.note(c, places))

    async def post(self, sender: str, message: str) -> Post:
        """See BoardStore."""
        return await self._posting.post(sender, message)

    async def posts(self, before: int | None, limit: int) -> Sequence[Post]:
        """See BoardStore."""
        return await self._db.read(lambda c: board.page(c, before, limit))

    async def heartbeat(self, pod: str, lease: int, *, works: bool) -> bool:
        """See PodStore."""
        return await self._db.write(lambda c: pods.heartbeat(c, pod, lease, works))

    async def bury(self, keep: str, silent: int = 0) -> int:
        """See PodStore."""
        return await self._db.write(lambda c: pods.bury(c, keep, silent))

    async def claim(self, pod: str, limit: int) -> Sequence[Turn]:
        """See ClaimStore."""
        return await self._db.write(lambda c: pods.claim(c, pod, limit))

    async def owns(self, turn: Turn) -> bool:
        """See ClaimStore."""
        return await self._db.read(lambda c: pods.owns(c, turn))

    async def stops(self, pod: str) -> Sequence[str]:
        """See ClaimStore."""
        return await self._db.read(lambda c: pods.stops(c, pod))

    async def held(self, pod: str) -> Sequence[tuple[str, int]]:
        """See ClaimStore."""
        return await self._db.read(lambda c: pods.held(c, pod))

    async def queued(self) -> int:
        """See ClaimStore."""
        return await self._db.read(turns.queued)

    async def fleet(self) -> Sequence[PodState]:
        """See FleetStore."""
        return await self._db.read(fleet.fleet)

    async def requeue(self, turns: Sequence[tuple[str, int]]) -> int:
        """See ClaimStore."""
        return await self._db.write(lambda c: pods.requeue(c, turns))

    async def release(self, pod: str) -> int:
        """See PodStore."""
        return await self._db.write(lambda c: pods.release(c, pod))

    async def secret(self, name: str) -> str:
        """See PodStore."""
        return await self._db.write(lambda c: pods.secret(c, name))

    async def ping(self) -> None:
        """See PodStore."""
        await self._db.read(lambda c: c.exec_driver_sql("SELECT 1").scalar_one())

    async def close(self) -> None:
        """See Store."""
        await self._posting.close()
        await self._db.close()


def _check_title(title: str) -> None:
    """Refuse on every database what one of them refuses."""
    if "\x00" in title:
        raise Invalid("The title contains a NUL character, which no database stores. Remove it.")
