"""Following all replies of a session as one stream."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from antiphon.engine.cursor import Cursor
from antiphon.engine.deliver import Channel, Hub
from antiphon.model import Chunk, Turn
from antiphon.stores.port import Standing


class SessionReader(Protocol):
    """Somebody who follows a session."""

    def ready(self, cursor: str) -> None:
        """Learn where the stream begins, before anything else."""
        ...

    def begin(self, turn: Turn) -> None:
        """Learn that chunks of this turn come next."""
        ...

    def feed(
        self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str, memo: dict[Any, bytes]
    ) -> bool:
        """Take chunks; tell whether they were sent or will be, False if the reader is gone.

        ``others`` completes a cursor with the other turns under way (``,13.2`` or empty).
        """
        ...

    def after_end(self, turn: Turn, received: int, end: Chunk, others: str) -> None:
        """Learn that all chunks of this turn were received before, in case something is to follow them."""
        ...

    def lost(self, turn: Turn) -> None:
        """Learn that the reader should come back with its cursor."""
        ...

    def gone(self, cursor: str) -> None:
        """Learn that the session was deleted: the reader should come back with this cursor, its beginning."""
        ...


class SessionFollow:
    """One reader of one session: attaches to each turn, old and new, and keeps the cursor."""

    def __init__(
        self, hub: Hub, reader: SessionReader, cursor: Cursor | None, ended: Callable[[Turn], None]
    ) -> None:
        self._hub = hub
        self._reader = reader
        self._cursor = cursor
        self._ended = ended
        self._channels: dict[int, Channel] = {}
        # Turns that were taken up, also those that have ended since: none is taken up twice.
        self._known: set[int] = set()
        self._open: set[int] = set()
        # Turns announced before the reader was told where its stream begins.
        self._early: list[Turn] | None = []
        # Chunks received of each turn that is under way, and of the newest one.
        self._received: dict[int, int] = dict(cursor.received) if cursor else {}
        # When the session was created, which tells it from another one of the same id; None: it is not known.
        self.created_at: int | None = None
        # Word of sessions that were deleted, heard before the reader was told where its stream begins.
        self._deleted: list[int] = []
        self.closed = False
        # The newest turn of the session that this follow knows of; None before it has begun.
        self.newest: int | None = None
        # The newest one when it began: what it is owed up to there it was given then.
        self._before = 0

    @property
    def cursor(self) -> str:
        """Where the reader is now."""
        return str(Cursor(self._received))

    async def begin(self, owed: Sequence[Turn], next_number: int) -> None:
        """Tell the reader where the stream begins and follow the turns it is owed.

        ``next_number`` is the lowest number a further turn can have. Raises CursorExpired.
        """
        early, self._early = self._early or [], None
        self.newest = self._before = next_number - 1
        taken = self._take([*owed, *self._later(early)])
        if self._cursor is None:
            self._received.setdefault(next_number, 0)
        self._reader.ready(self.cursor)
        await self._attach_all(taken)
        for created_at in self._deleted:
            self.deleted(created_at)

    async def add(self, turn: Turn) -> None:
        """Follow a further turn."""
        if self._early is not None:
            self._early.append(turn)
        elif not self.closed:
            await self._attach_all(self._take(self._later([turn])))

    def deleted(self, created_at: int) -> None:
        """Learn that the session of this id was deleted that had been created at that time."""
        if self._early is not None:
            self._deleted.append(created_at)
        elif created_at == self.created_at or (self.created_at is None and self.newest):
            self.gone()

    def look(self, newest: int, standing: Standing | None) -> None:
        """Learn how the store has the session, read after ``newest`` was the newest turn known here."""
        if standing is None:
            # One that is followed before it exists is not gone.
            if self.created_at is not None or newest:
                self.gone()
        elif self.created_at not in (None, standing.created_at) or standing.turn_count < newest:
            self.gone()
        else:
            self.created_at = standing.created_at

    def gone(self) -> None:
        """Send the reader away: what it follows is no more."""
        if not self.closed:
            self.close()
            self._received = {1: 0}
            self._reader.gone(self.cursor)

    def close(self) -> None:
        """Stop following."""
        self.closed = True
        for channel in self._channels.values():
            channel.detach(self)
        self._channels.clear()

    def feed(self, turn: Turn, first: int, chunks: Sequence[Chunk], memo: dict[Any, bytes]) -> None:
        """See Reader: pass on, with the cursor of the other turns."""
        if self.closed:
            return
        self._received[turn.number] = first + len(chunks)
        others = self._others(turn.number) if len(self._received) > 1 else ""
        sent = self._reader.feed(turn, first, chunks, others, memo)
        if chunks[-1].kind == "end":
            # One more than its chunks, as contracts count that tell something after the end.
            self._received[turn.number] += 1
            self._settle(turn.number)
            if sent:
                self._ended(turn)

    def lost(self, turn: Turn) -> None:
        """See Reader."""
        self._reader.lost(turn)

    def _others(self, number: int) -> str:
        return "".join(f",{n}.{count}" for n, count in self._received.items() if n != number)

    def _later(self, turns: Sequence[Turn]) -> list[Turn]:
        """Return the turns that came after this follow began; word of the others is late."""
        return [turn for turn in turns if turn.number > self._before]

    def _take(self, turns: Sequence[Turn]) -> list[Turn]:
        """Note new turns in the cursor, before anything of them or of later ones is delivered."""
        taken = []
        for turn in turns:
            received = self._cursor.of(turn.number) if self._cursor else 0
            if received is not None and turn.number not in self._known:
                self._known.add(turn.number)
                self._open.add(turn.number)
                self._received[turn.number] = received
                self.newest = max(self.newest or 0, turn.number)
                taken.append(turn)
        return taken

    async def _attach_all(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            received = self._received[turn.number]
            channel = await self._hub.channel(turn, received)
            if self.closed:
                return
            channel.check(received)
            if channel.ended and received >= len(channel.chunks):
                if received == len(channel.chunks):
                    self._reader.after_end(turn, received, channel.chunks[-1], self._others(turn.number))
                self._received[turn.number] = len(channel.chunks) + 1
                self._settle(turn.number)
                continue
            self._channels[turn.number] = channel
            self._reader.begin(turn)
            channel.attach(self, received)

    def _settle(self, number: int) -> None:
        """Forget ended turns, but for the newest: a cursor always names that one."""
        self._channels.pop(number, None)
        self._open.discard(number)
        newest = max(self._received)
        for other in [n for n in self._received if n < newest and n not in self._open]:
            del self._received[other]
