"""Carrying out subscriptions: from the engine's plain calls to the frames of a socket.

What a reader has room for is sent in the call that brings it. The rest waits in order, up to a bound, and is
sent as the reader takes it. A reply that changes pods is followed on without the client noticing.
"""

import asyncio
import collections
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from antiphon.engine.cursor import parse_cursor
from antiphon.engine.engine import Engine
from antiphon.errors import AntiphonError, Overloaded
from antiphon.model import Chunk, Turn
from antiphon.transports.graphql.events import Projection
from antiphon.transports.graphql.subscriptions import SessionSource, Source, TurnSource
from antiphon.transports.socket import Closed, Socket, text_frame

# So many chunks are put into frames at a time.
PAGE = 64
# What a chunk counts that waits, beside its text: about what its frame adds.
CHUNK_BYTES = 100
# A reply that changes pods is looked for again after so long.
AGAIN_S = 0.2


class Waiting(NamedTuple):
    """Chunks that are to be sent once the reader has room."""

    turn: Turn
    first: int
    chunks: Sequence[Chunk]
    others: str
    size: int


class Flow:
    """The events of one subscription on their way to its client."""

    def __init__(self, socket: Socket, operation: str, shown: Projection, most_waiting: int) -> None:
        self._socket = socket
        self._head = b'{"id":%b,"type":"next","payload":' % msgspec.json.encode(operation)
        self._shown = shown
        self._most = most_waiting
        self._queue: collections.deque[Waiting | bytes] = collections.deque()
        self._size = 0
        self._wake = asyncio.Event()
        self._failure: AntiphonError | None = None
        self._ended = False
        self._lost = False
        self.cursor: str | None = None

    def lost(self, turn: Turn) -> None:  # noqa: ARG002
        """See Reader and SessionReader."""
        self._lost = True
        self._wake.set()

    def put(self, result: bytes, cursor: str | None) -> None:
        """Send a result that is no chunk; with its ``cursor`` the subscription begins."""
        self.cursor = self.cursor or cursor
        if self._queue or self._socket.outlet.stuck_since:
            self._queue.append(result)
            self._wake.set()
        else:
            self._write([result])

    def take(
        self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str, memo: dict[Any, bytes]
    ) -> bool:
        """Send chunks now, or as soon as there is room; False once there is nobody to send them to."""
        if self._failure is not None:
            return False
        self._ended = chunks[-1].kind == "end"
        if not self._queue and not self._socket.outlet.stuck_since and len(chunks) <= PAGE:
            self._send(turn, first, chunks, others, memo)
        else:
            size = sum(len(chunk.text) for chunk in chunks) + CHUNK_BYTES * len(chunks)
            if self._queue and self._size + size > self._most:
                self._failure = Overloaded(
                    "You take events more slowly than they come. Subscribe again with the cursor.",
                    retry_after=1,
                )
            else:
                self._queue.append(Waiting(turn, first, chunks, others, size))
                self._size += size
        if self._queue or self._ended or self._failure:
            self._wake.set()
        return self._failure is None and self._socket.outlet.alive

    async def until_ended(self) -> bool:
        """Send what waits until the reply has ended; False if it will not go on here.

        Raises Overloaded (the client takes events more slowly than they come), Closed.
        """
        while True:
            self._wake.clear()
            while self._queue and self._failure is None:
                await self._send_next()
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return True
            if self._lost:
                self._lost = False
                return False
            await self._wake.wait()

    async def _send_next(self) -> None:
        await self._socket.outlet.room()
        waiting = self._queue[0]
        if isinstance(waiting, bytes):
            self._write([waiting])
            self._queue.popleft()
            return
        turn, first, chunks, others, _ = waiting
        for start in range(0, len(chunks), PAGE):
            if start:
                await self._socket.outlet.room()
            self._send(turn, first + start, chunks[start : start + PAGE], others, {})
        self._size -= waiting.size
        self._queue.popleft()

    def _send(
        self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str, memo: dict[Any, bytes]
    ) -> None:
        self._write(self._shown.chunks(turn, first, chunks, others, memo))
        self.cursor = f"{turn.number}.{first + len(chunks)}{others}"

    def _write(self, results: Sequence[bytes]) -> None:
        # In one piece: with room for its beginning there is room for all of it.
        head = self._head
        self._socket.outlet.write(b"".join([text_frame(b"%b%b}" % (head, result)) for result in results]))


class TurnFlow(Flow):
    """A Reader of one turn."""

    received = 0

    def begin(self, turn: Turn, received: int) -> None:
        """Introduce the turn."""
        self.received = received
        cursor = f"{turn.number}.{received}"
        self.put(self._shown.begin(turn, cursor), cursor)

    def feed(self, turn: Turn, first: int, chunks: Sequence[Chunk], memo: dict[Any, bytes]) -> None:
        """See Reader."""
        self.received = first + len(chunks)
        self.take(turn, first, chunks, "", memo)


class SessionFlow(Flow):
    """A SessionReader."""

    _connected = False

    def ready(self, cursor: str) -> None:
        """See SessionReader: told once, however often the session is followed on, unless it was deleted."""
        if not self._connected:
            self._connected = True
            self.put(self._shown.connected(cursor), cursor)

    def begin(self, turn: Turn) -> None:
        """See SessionReader."""
        self.put(self._shown.begin(turn, None), None)

    def feed(
        self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str, memo: dict[Any, bytes]
    ) -> bool:
        """See SessionReader."""
        taken = self.take(turn, first, chunks, others, memo)
        self._ended = False  # others of the session may follow
        return taken

    def after_end(self, turn: Turn, received: int, end: Chunk, others: str) -> None:
        """See SessionReader: nothing follows an end."""

    def gone(self, cursor: str) -> None:  # noqa: ARG002 - it is the follow's own by now
        """See SessionReader: it is followed on from its beginning, and the client is told."""
        self._connected = False
        self.cursor = None
        self._lost = True
        self._wake.set()


class Interrupted(Exception):
    """A subscription ended before its time; ``cursor`` tells how far it came."""

    def __init__(self, error: AntiphonError, cursor: str | None) -> None:
        super().__init__(error.message)
        self.error = error
        self.cursor = cursor


async def follow(engine: Engine, socket: Socket, operation: str, source: Source, shown: Projection) -> None:
    """Send the events of a subscription until it ends. Raises Interrupted, Closed."""
    most = engine.bounds.reader_backlog_bytes
    flow: Flow
    try:
        if isinstance(source, TurnSource):
            flow = TurnFlow(socket, operation, shown, most)
            flow.cursor = str(source.cursor) if source.cursor else None
            await _follow_turn(engine, socket, source, flow)
        else:
            flow = SessionFlow(socket, operation, shown, most)
            flow.cursor = str(source.cursor) if source.cursor else None
            await _follow_session(engine, socket, source, flow)
    except AntiphonError as error:
        raise Interrupted(error, flow.cursor) from error


async def _follow_turn(engine: Engine, socket: Socket, source: TurnSource, flow: TurnFlow) -> None:
    turn, cursor = source.turn, source.cursor
    received = 0 if cursor is None else cursor.of(turn.number)
    begun = False
    while True:
        channel = await engine.channel(turn, received or 0)
        channel.check(received or 0)
        if channel.ended and (received is None or received >= len(channel.chunks)):
            return
        if not begun:
            begun = True
            flow.begin(turn, received or 0)
        channel.attach(flow, received or 0)
        try:
            if await flow.until_ended():
                return
        finally:
            channel.detach(flow)
        await _elsewhere(engine, socket)
        received = flow.received
        turn = await engine.store.turn(socket.request.principal, turn.id)


async def _follow_session(engine: Engine, socket: Socket, source: SessionSource, flow: SessionFlow) -> None:
    principal, cursor = socket.request.principal, source.cursor
    while True:
        following = await engine.follow_session(principal, source.session_id, flow, cursor)
        try:
            await flow.until_ended()
        finally:
            engine.unfollow_session(principal, source.session_id, following)
        await _elsewhere(engine, socket)
        cursor = parse_cursor(following.cursor)


async def _elsewhere(engine: Engine, socket: Socket) -> None:
    """Wait a moment for the pod that goes on with a reply. Raises Closed if this one leaves."""
    if engine.leaving:
        socket.go_away()
        raise Closed
    await asyncio.sleep(AGAIN_S)
