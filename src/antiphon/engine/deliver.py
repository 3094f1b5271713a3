"""From committed chunks to readers.

A channel holds all chunks of a turn that this process knows to be committed; whoever attaches gets those
after its cursor and then each further one, in the same step of the event loop, so that nothing can come
between. Delivery is by plain calls, not by a task a reader: a token costs its readers no wake-up.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog

from antiphon.errors import CursorExpired
from antiphon.logs.port import Log
from antiphon.model import Chunk, Turn
from antiphon.stores.port import Store

logger = structlog.get_logger(__name__)
# A turn's chunks are bounded (chunks_a_turn): a log is read whole.
READ_LIMIT = 1_000_000


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

    __slots__ = ("_idle", "beats_alone", "chunks", "fed", "gone", "readers", "turn")

    def __init__(self, turn: Turn, chunks: list[Chunk], idle: Callable[["Channel"], None]) -> None:
        self.turn = turn
        self.chunks = chunks
        self.fed = False
        self.gone = False
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
        if chunks[-1].kind == "end":
            self.readers.clear()
            self._idle(self)

    def lose(self) -> None:
        """Send all readers away to come back with their cursor; this process feeds the turn no more."""
        self.fed = False
        self.gone = True
        readers, self.readers = self.readers, []
        for reader in readers:
            reader.lost(self.turn)
        self._idle(self)


class Hub:
    """The channels of this process, one a turn however many follow it."""

    def __init__(self, store: Store, log: Log) -> None:
        self._store = store
        self._log = log
        self._channels: dict[str, Channel] = {}

    def feed(self, turn: Turn, chunks: list[Chunk]) -> Channel:
        """Return the channel that the worker of this process will feed, brought up to ``chunks``."""
        channel = self._channels.get(turn.id)
        if channel is None:
            channel = self._channels[turn.id] = Channel(turn, chunks, self._forget)
        elif len(chunks) > len(channel.chunks):
            channel.publish(chunks[len(channel.chunks) :])
        channel.fed = True
        return channel

    async def channel(self, turn: Turn) -> Channel:
        """Return a channel to follow the turn by, whoever runs it and whether or not it has ended."""
        if turn.id in self._channels:
            return self._channels[turn.id]
        chunks = await self._store.transcript(turn.id)
        if chunks is not None:
            return Channel(turn, chunks, self._forget)
        chunks = await self._log.read(turn.id, -1, READ_LIMIT)
        channel = self._channels.get(turn.id)  # it may have been opened in the meantime
        if channel is None:
            channel = Channel(turn, chunks, self._forget)
            if not channel.ended:
                self._channels[turn.id] = channel
        return channel

    def lose_unfed(self, turn_id: str) -> None:
        """Send the readers of a turn away that nobody will run any more."""
        channel = self._channels.get(turn_id)
        if channel is not None and not channel.fed:
            channel.lose()

    async def refresh(self) -> None:
        """Look for chunks of followed turns that this process does not write itself."""
        for channel in [c for c in self._channels.values() if not c.fed]:
            # A reader attaches moments after it got the channel: one still alone at the second look stays so.
            channel.beats_alone = 0 if channel.readers else channel.beats_alone + 1
            if channel.beats_alone > 1:
                self._forget(channel)
                continue
            chunks = await self._store.transcript(channel.turn.id)
            if chunks is None:
                chunks = channel.chunks + await self._log.read(
                    channel.turn.id, len(channel.chunks) - 1, READ_LIMIT
                )
            if not channel.fed and len(chunks) > len(channel.chunks):
                channel.publish(chunks[len(channel.chunks) :])

    def _forget(self, channel: Channel) -> None:
        """Drop a channel nobody needs: ended, or neither fed nor followed."""
        unneeded = channel.ended or (not channel.fed and not channel.readers)
        if unneeded and self._channels.get(channel.turn.id) is channel:
            del self._channels[channel.turn.id]
