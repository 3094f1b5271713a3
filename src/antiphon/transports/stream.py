"""Server-sent events: the part that every SSE contract shares."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from antiphon.engine.cursor import Cursor, parse_cursor
from antiphon.engine.deliver import Channel
from antiphon.engine.engine import Engine
from antiphon.model import Chunk, Turn
from antiphon.transports.asgi import Request
from antiphon.transports.outlet import Outlet

HEARTBEAT_S = 15.0
SWEEP_S = 1.0
# A reader that takes nothing for so long is let go.
STUCK_S = 60.0
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


Header = tuple[bytes, bytes]


class Format(Protocol):
    """How one contract writes events."""

    def begin(self, turn: Turn) -> bytes:
        """Return what introduces a turn."""
        ...

    def chunks(self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str) -> bytes:
        """Return the events of chunks; the id of chunk ``k`` is ``<turn number>.<k + 1>`` and ``others``."""
        ...

    def after_end(self, turn: Turn, received: int, end: Chunk, others: str) -> bytes:
        """Return what follows the ``end`` chunk for a reader that has got only so far."""
        ...

    def heartbeat(self, cursor: str) -> bytes:
        """Return what keeps an idle connection open."""
        ...

    def resume(self) -> bytes | None:
        """Return the event that tells the reader to come back with its cursor.

        None cuts the connection: for contracts whose readers take every orderly end for that of the reply.
        """
        ...


class Open(Protocol):
    """A connection that stays open."""

    @property
    def outlet(self) -> Outlet:
        """What goes out on it."""
        ...

    def go_away(self) -> None:
        """Tell the reader to come back with its cursor, and end."""
        ...

    def heartbeat(self) -> None:
        """Keep it open."""
        ...

    def drop(self) -> None:
        """Let a reader go that does not read."""
        ...


class Streams:
    """All event streams and sockets of this process, with one heartbeat for all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: set[Open] = set()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def kinds(self) -> Counter[str]:
        """Return how many are open of each kind."""
        return Counter("sse" if isinstance(each, EventStream) else "websocket" for each in self._open)

    def start(self) -> None:
        """Begin the heartbeat."""
        self._task = asyncio.create_task(self._beat(), name="heartbeat")

    def close(self) -> None:
        """Send every reader away to resume elsewhere, and end the heartbeat."""
        self._closing = True
        for stream in tuple(self._open):
            stream.go_away()
        if self._task is not None:
            self._task.cancel()

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            due = loop.time() - HEARTBEAT_S + SWEEP_S
            for stream in tuple(self._open):
                if stream.outlet.stuck_since and stream.outlet.stuck_since < loop.time() - STUCK_S:
                    stream.drop()
                elif stream.outlet.last < due:
                    stream.heartbeat()

    async def turn(
        self, request: Request, turn: Turn, style: Format, cursor: Cursor | None, *headers: Header
    ) -> None:
        """Answer with the events of one turn, until its end."""
        received = cursor.of(turn.number) if cursor else 0
        channel = await self._engine.channel(turn, received or 0)
        channel.check(received or 0)
        if channel.ended and (received is None or received >= len(channel.chunks)):
            await request.nothing()
            return
        await self.channel(request, channel, style, received or 0, *headers)

    async def channel(
        self, request: Request, channel: Channel, style: Format, received: int, *headers: Header
    ) -> None:
        """Answer with the events of a channel after so many chunks; ``headers`` come with the others.

        A ``style`` of the reader's own may keep state: it is given all chunks from there on in order, once.
        """
        stream = TurnStream(request, style, self._engine.bounds.reader_backlog_bytes)
        await self.serve(stream, lambda: stream.attach(channel, received), stream.detach, *headers)

    @contextlib.contextmanager
    def holding(self, socket: "Open") -> Iterator[None]:
        """Look after a connection that is not an event stream while it is open: a socket."""
        self._open.add(socket)
        try:
            if self._closing:
                socket.go_away()
            yield
        finally:
            self._open.discard(socket)
            socket.outlet.close()

    async def session(
        self,
        request: Request,
        session_id: str,
        style: Format,
        cursor: Cursor | None,
        opening: Callable[[str], bytes],
    ) -> None:
        """Answer with the events of all replies of a session, for as long as the reader stays.

        ``opening`` returns the first event, given the cursor at which the stream begins.
        """
        stream = SessionStream(request, style, self._engine.bounds.reader_backlog_bytes, opening)
        follow = await self._engine.follow_session(request.principal, session_id, stream, cursor)
        stream.follow_cursor = lambda: follow.cursor
        await self.serve(
            stream, stream.flush, lambda: self._engine.unfollow_session(request.principal, session_id, follow)
        )

    async def serve(
        self,
        stream: "EventStream",
        attach: Callable[[], None],
        detach: Callable[[], None],
        *headers: Header,
    ) -> None:
        """Answer with an event stream until its end: ``attach`` begins to feed it, ``detach`` stops it."""
        request = stream.request
        self._open.add(stream)
        try:
            await request.start(200, [*HEADERS, *headers])
            stream.task = asyncio.current_task()
            attach()
            if self._closing:
                stream.go_away()
            # Ends when the reader leaves, and also when the response is complete.
            await request.hung_up()
        except asyncio.CancelledError:
            if not stream.overflowed:
                raise
        finally:
            self._open.discard(stream)
            detach()
            stream.outlet.close()


class EventStream:
    """One reader on one connection."""

    def __init__(self, request: Request, style: Format, most_waiting: int) -> None:
        self.request = request
        self.style = style
        self.outlet = Outlet(request.send, most_waiting, self.drop)  # type: ignore[arg-type]
        self.task: asyncio.Task[Any] | None = None
        self.overflowed = False
        self._now = asyncio.get_running_loop().time

    def write(self, data: bytes) -> None:
        """Send and note when."""
        self.outlet.last = self._now()
        self.outlet.write(data)

    def go_away(self) -> None:
        """Tell the reader to come back with its cursor, and end."""
        word = self.style.resume()
        if word is None:
            self.drop()
        else:
            self.outlet.write(word)
            self.outlet.finish()

    def lost(self, turn: Turn) -> None:  # noqa: ARG002 - whichever turn it was
        """See Reader."""
        self.go_away()

    def heartbeat(self) -> None:
        """Keep the connection open."""
        self.write(self.style.heartbeat(""))

    def drop(self) -> None:
        """Let a reader go that does not read; it may resume."""
        self.overflowed = True
        if self.task is not None:
            self.task.cancel()


class TurnStream(EventStream):
    """The events of one turn."""

    channel: Channel | None = None

    def attach(self, channel: Channel, received: int) -> None:
        """Introduce the turn and follow it."""
        self.channel = channel
        self.write(self.style.begin(channel.turn))
        channel.attach(self, received)

    def detach(self) -> None:
        """Stop following."""
        if self.channel is not None:
            self.channel.detach(self)

    def feed(self, turn: Turn, first: int, chunks: Sequence[Chunk], memo: dict[Any, bytes]) -> None:
        """See Reader."""
        data = memo.get(self.style)
        if data is None:
            data = memo[self.style] = self.style.chunks(turn, first, chunks, "")
        self.write(data)
        if chunks[-1].kind == "end":
            self.outlet.finish()


class SessionStream(EventStream):
    """The events of all replies of a session. Writes are held until the response has begun."""

    def __init__(
        self, request: Request, style: Format, most_waiting: int, opening: Callable[[str], bytes]
    ) -> None:
        super().__init__(request, style, most_waiting)
        self._opening = opening
        self._held: list[bytes] | None = []
        self._gone = False
        self.follow_cursor: Callable[[], str] = str

    def write(self, data: bytes) -> None:
        """Send, or hold."""
        if self._held is None:
            super().write(data)
        else:
            self._held.append(data)

    def flush(self) -> None:
        """Send what was held; from now on write at once."""
        held, self._held = self._held or [], None
        self.write(b"".join(held))
        if self._gone:
            self.go_away()

    def ready(self, cursor: str) -> None:
        """See SessionReader."""
        self.write(self._opening(cursor))

    def begin(self, turn: Turn) -> None:
        """See SessionReader."""
        self.write(self.style.begin(turn))

    def feed(
        self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str, memo: dict[Any, bytes]
    ) -> bool:
        """See SessionReader."""
        key = (self.style, others)
        data = memo.get(key)
        if data is None:
            data = memo[key] = self.style.chunks(turn, first, chunks, others)
        self.write(data)
        return self.outlet.alive

    def after_end(self, turn: Turn, received: int, end: Chunk, others: str) -> None:
        """See SessionReader."""
        data = self.style.after_end(turn, received, end, others)
        if data:
            self.write(data)

    def gone(self, cursor: str) -> None:
        """See SessionReader: the reader comes back with the id it was given last."""
        self.write(self._opening(cursor))
        self.go_away()

    def go_away(self) -> None:
        """Tell the reader to come back with its cursor, and end."""
        if self._held is None:
            super().go_away()
        else:
            self._gone = True

    def heartbeat(self) -> None:
        """Keep the connection open."""
        self.write(self.style.heartbeat(self.follow_cursor()))


def cursor_of(request: Request, name: str) -> Cursor | None:
    """Read the cursor from ``Last-Event-ID`` or the query. Raises BadRequest."""
    return parse_cursor(request.header(b"last-event-id") or request.query(name))
