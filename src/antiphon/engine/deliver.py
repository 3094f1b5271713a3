"""From committed chunks to readers.

A channel holds all chunks of a turn that this process knows to be committed; whoever attaches gets those
after its cursor and then each further one, in the same step of the event loop, so that nothing can come
between. Delivery is by plain calls, not by a task a reader: a token costs its readers no wake-up.

A channel is fed by the worker of this process, or else by the pod that runs the turn (see relay.py). What is
not fed for a while is looked up in the log.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog

from antiphon.errors import CursorExpired, Overloaded, StoreUnavailable
from antiphon.logs.port import Log
from antiphon.model import Chunk, Turn
from antiphon.stores.port import Store

logger = structlog.get_logger(__name__)
# So long a reader waits whose cursor is ahead of the log: one that has lost chunks is given them again.
REBUILT_WITHIN_S = 10.0
LOOK_EVERY_S = 0.2


class Reader(Protocol):
    """Somebody who follows a turn."""

    def feed(self, turn: Turn, first: int, chunks: Sequence[Chunk], memo: dict[Any, bytes]) -> None:
        """Take chunks numbered from ``first``; must not block, raise or wait.

        ``memo`` is shared by all readers of this call: what one has encoded, the next can send.
        """
        ...

    def lost(self, turn: Turn) -> None:
        """Learn that the turn's chunks will not go on here: the reader should come back with its cursor."""
        ...


class Channel:
    """The committed chunks of one turn and those who follow it."""

    __slots__ = ("_idle", "beats_alone", "chunks", "fed", "gone", "quiet", "readers", "turn")

    def __init__(self, turn: Turn, chunks: list[Chunk], idle: Callable[["Channel"], None]) -> None:
        self.turn = turn
        self.chunks = chunks
        self.fed = False
        self.gone = False
        self.quiet = False
        self.beats_alone = 0
        self.readers: list[Reader] = []
        self._idle = idle

    @property
    def ended(self) -> bool:
        """Whether the last chunk is here."""
        return bool(self.chunks) and self.chunks[-1].kind == "end"

    def check(self, received: int) -> None:
        """Raise CursorExpired if a reader cannot go on after this many chunks."""
        # One more than all: contracts with an event after the end count it too.
        if received > len(self.chunks) + self.ended:
            raise CursorExpired(
                f"The chunks of this cursor are gone: it says {received} were received, and the reply has "
                f"{len(self.chunks)}. Begin again without a cursor."
            )

    def attach(self, reader: Reader, received: int) -> None:
        """Feed the reader what follows its ``received`` chunks, then whatever comes. Raises CursorExpired."""
        self.check(received)
        if received < len(self.chunks):
            reader.feed(self.turn, received, self.chunks[received:], {})
        if self.gone and not self.ended:  # lost since the reader asked for it
            reader.lost(self.turn)
        elif not self.ended:
            self.readers.append(reader)

    def detach(self, reader: Reader) -> None:
        """Stop feeding the reader; no effect if it was not attached."""
        if reader in self.readers:
            self.readers.remove(reader)
            if not self.readers:
                self._idle(self)

    def publish(self, chunks: list[Chunk]) -> None:
        """Add committed chunks and feed them to all readers."""
        first = len(self.chunks)
        self.chunks += chunks
        memo: dict[Any, bytes] = {}
        for reader in tuple(self.readers):
            try:
                reader.feed(self.turn, first, chunks, memo)
            except Exception as error:
                # One reader's fault must not keep the others, nor the committer, from going on.
                logger.exception("reader_failed", turn=self.turn.id, error=type(error).__name__)
                self.detach(reader)
                # It gets nothing more, so it must not go on waiting; having failed once, it may again.
                with contextlib.suppress(Exception):
                    reader.lost(self.turn)
        if chunks[-1].kind == "end":
            self.readers.clear()
            self._idle(self)

    def catch_up(self, first: int, chunks: list[Chunk]) -> bool:
        """Add those of the chunks numbered from ``first`` that are new; tell whether any were."""
        known = len(self.chunks) - first
        if known < 0 or known >= len(chunks):
            return False
        self.publish(chunks[known:])
        return True

    def lose(self) -> None:
        """Send all readers away to come back with their cursor; this process feeds the turn no more."""
        self.fed = False
        self.gone = True
        readers, self.readers = self.readers, []
        for reader in readers:
            reader.lost(self.turn)
        self._idle(self)


class Remote(Protocol):
    """Who asks other pods for what they commit."""

    def follow(self, channel: Channel) -> None:
        """Have the pod that runs the turn feed the channel from where it is."""
        ...

    def unfollow(self, turn_id: str) -> None:
        """Have nobody feed it any more."""
        ...

    def ended(self, channel: Channel) -> None:
        """Learn that a turn that ran here is over."""
        ...


class Hub:
    """The channels of this process, one a turn however many follow it."""

    def __init__(self, store: Store, log: Log) -> None:
        self._store = store
        self._log = log
        self._channels: dict[str, Channel] = {}
        self._gaps: set[Channel] = set()
        self._filling: asyncio.Task[None] | None = None
        self.remote: Remote | None = None

    def feed(self, turn: Turn, chunks: list[Chunk]) -> Channel:
        """Return the channel that the worker of this process will feed, brought up to ``chunks``."""
        channel = self._channels.get(turn.id)
        if channel is None:
            channel = self._channels[turn.id] = Channel(turn, chunks, self._forget)
        else:
            channel.turn = turn  # of this attempt
            channel.catch_up(0, chunks)
        channel.fed = True
        return channel

    def fed(self, turn_id: str) -> Channel | None:
        """Return the channel of a turn that runs in this process."""
        channel = self._channels.get(turn_id)
        return channel if channel is not None and channel.fed else None

    def unfed(self, turn_id: str) -> Channel | None:
        """Return the channel of a turn that is followed here and runs elsewhere."""
        channel = self._channels.get(turn_id)
        return channel if channel is not None and not channel.fed else None

    async def channel(self, turn: Turn, received: int = 0) -> Channel:
        """Return a channel to follow the turn by, whoever runs it and whether or not it has ended.

        A log that holds less than was received may be about to be filled again; that is waited for.
        Raises Overloaded if this process does not know yet that another has taken the turn over.
        """
        known = self._channels.get(turn.id)
        if known is None:
            known = await self._join(turn)
        if received > len(known.chunks) + known.ended:
            await self._catch_up_with(known, received)
        return known

    async def _catch_up_with(self, channel: Channel, received: int) -> None:
        """Wait until the channel has what a reader was given elsewhere; raises Overloaded to send it there.

        A channel that is fed here may be behind too: what the log has taken can be read from it by others
        before the writer has its answer.
        """
        deadline = asyncio.get_running_loop().time() + REBUILT_WITHIN_S
        while received > len(channel.chunks) and not channel.ended:
            elsewhere = channel.gone or (channel.fed and not await self._store.owns(channel.turn))
            if elsewhere:
                raise Overloaded("Another pod has this reply. Come back with the cursor.", retry_after=1)
            if asyncio.get_running_loop().time() > deadline:
                return
            channel.beats_alone = 0  # a reader is about to come: refresh must not drop it
            await asyncio.sleep(LOOK_EVERY_S)
            if not channel.fed:
                await self._look([channel])

    async def _join(self, turn: Turn) -> Channel:
        if turn.state.ended:
            chunks = await self._store.transcript(turn.id)
            if chunks is not None:
                return Channel(turn, chunks, self._forget)
        (found,) = await self._log.read([(turn.id, 0)])
        channel = self._channels.get(turn.id)  # it may have been opened in the meantime
        if channel is None:
            channel = Channel(turn, found, self._forget)
            if not channel.ended:
                self._channels[turn.id] = channel
                if self.remote is not None:
                    self.remote.follow(channel)
        return channel

    def lose_unfed(self, turn_id: str) -> None:
        """Send the readers of a turn away that nobody will run any more."""
        channel = self.unfed(turn_id)
        if channel is not None:
            channel.lose()

    def take(self, turn_id: str, first: int, chunks: list[Chunk]) -> bool:
        """Take what another pod has committed; False if nobody here follows the turn."""
        channel = self._channels.get(turn_id)
        if channel is None:
            return False
        if not channel.fed:
            channel.quiet = False
            if first > len(channel.chunks):
                self.look_soon(channel)
            else:
                channel.catch_up(first, chunks)
        return True

    def look_soon(self, channel: Channel) -> None:
        """Read in the log what did not come by itself."""
        self._gaps.add(channel)
        if self._filling is None or self._filling.done():
            self._filling = asyncio.get_running_loop().create_task(self._fill(), name="fill gaps")

    async def _fill(self) -> None:
        while self._gaps:
            gaps, self._gaps = list(self._gaps), set()
            try:
                await self._look(gaps)
            except StoreUnavailable as error:
                logger.warning("gap_waits", error=error.message)  # refresh looks again

    async def _look(self, channels: Sequence[Channel]) -> None:
        """Bring channels up to what the log holds."""
        places = [(channel.turn.id, len(channel.chunks)) for channel in channels]
        for channel, (_, first), found in zip(channels, places, await self._log.read(places), strict=True):
            if not channel.fed:
                channel.catch_up(first, found)

    async def refresh(self) -> None:
        """Look after followed turns that nobody has fed since the last call, in the log and in the store."""
        silent = []
        for channel in [c for c in self._channels.values() if not c.fed]:
            # A reader attaches moments after it got the channel: one still alone at the second look stays so.
            channel.beats_alone = 0 if channel.readers else channel.beats_alone + 1
            if channel.beats_alone > 1:
                self._forget(channel)
            elif channel.quiet:
                silent.append(channel)
            channel.quiet = True
        if not silent:
            return
        had = [len(channel.chunks) for channel in silent]
        await self._look(silent)
        silent = [c for c, n in zip(silent, had, strict=True) if len(c.chunks) == n and not c.fed]
        ended = set(await self._store.ended([channel.turn.id for channel in silent]))
        for channel in silent:
            if channel.turn.id in ended:
                await self._end(channel)
            elif self.remote is not None:
                self.remote.follow(channel)

    async def _end(self, channel: Channel) -> None:
        """Give the rest to the readers of a turn whose end the log never got."""
        chunks = await self._store.transcript(channel.turn.id)
        if not channel.fed and not channel.catch_up(0, chunks or []) and not channel.ended:
            # Deleted, or what is stored is not what was delivered: coming back with the cursor tells which.
            channel.lose()

    def _forget(self, channel: Channel) -> None:
        """Drop a channel nobody needs: ended, or neither fed nor followed."""
        unneeded = channel.ended or (not channel.fed and not channel.readers)
        if unneeded and self._channels.get(channel.turn.id) is channel:
            del self._channels[channel.turn.id]
            if self.remote is not None and channel.ended and channel.fed:
                self.remote.ended(channel)
            elif self.remote is not None and not channel.ended:
                self.remote.unfollow(channel.turn.id)
