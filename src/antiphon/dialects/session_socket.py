"""Contract C: one socket a client of a session, on which it asks and is told all replies of the session."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from antiphon.dialects import session_rest
from antiphon.dialects.session_access import SessionAccess, check_client_id
from antiphon.dialects.session_frames import Frames, refusal
from antiphon.dialects.session_receipts import Receipts
from antiphon.engine.cursor import Cursor, parse_cursor
from antiphon.engine.engine import Engine
from antiphon.engine.follow import SessionFollow
from antiphon.engine.submit import Ask
from antiphon.errors import AntiphonError, CursorExpired, Invalid, NotFound, Overloaded
from antiphon.ids import new_id, now_ms
from antiphon.model import Chunk, Principal, Turn
from antiphon.transports.asgi import Request
from antiphon.transports.http import WEBSOCKET, Route
from antiphon.transports.socket import Closed, Socket, read_frame, text_frame
from antiphon.transports.stream import Streams
from antiphon.transports.views import iso

logger = structlog.get_logger(__name__)
# Frames of one client that may wait for those before them.
MOST_WAITING = 32


class ClientFrame(msgspec.Struct):
    """What a client sends: ``type`` is ``message`` (also if it is left out), ``ping`` or ``stop``."""

    type: str = "message"
    message: str | None = None
    message_id: str | None = None
    bot: str | None = None
    model: str | None = None
    idempotency_key: str | None = None


class ClientSocket(Socket):
    """The socket of one client, and a SessionReader.

    Behind what it writes it asks, with a ping, whether that arrived: the answer moves the client's place (see
    session_receipts.py). At most one question is open, and ``Places.pause`` lies between two, but for the end
    of a reply.
    """

    def __init__(self, request: Request, engine: Engine, session_id: str, client_id: str) -> None:
        super().__init__(request, engine.bounds.reader_backlog_bytes)
        self.arrived = self._arrived
        self.outlet.mark = self._mark
        self._places = engine.places
        self._now = asyncio.get_running_loop().time
        self._session_id = session_id
        self._client_id = client_id
        # Of each turn under way, by number.
        self._frames: dict[int, Frames] = {}
        self._held: list[bytes] | None = []
        self._lost = False
        # Where the client is once it has all that was written.
        self._written = ""
        self._receipts = Receipts(self._now)
        self._asked_at = 0.0
        self._ask_soon = False

    def received_before(self, turn: Turn, chunks: Sequence[Chunk]) -> None:
        """Learn what the client already has of a turn that it goes on with."""
        self._frames[turn.number] = Frames(turn, chunks)

    def begin_writing(self) -> None:
        """Write what was held until the socket was open; from now on write at once."""
        held, self._held = self._held or [], None
        self._write(b"".join(held))
        if self._lost:
            self.go_away()

    def tell(self, frame: dict[str, Any]) -> None:
        """Send a frame that is no part of a reply."""
        self._write(text_frame(msgspec.json.encode({**frame, "cursor": self._written})))

    def ready(self, cursor: str) -> None:
        """See SessionReader. The place is noted although nothing came yet: so that nothing is missed."""
        self._written = cursor
        self._receipts.begin(cursor)
        self.note_place()

    def begin(self, turn: Turn) -> None:
        """See SessionReader."""
        if turn.number not in self._frames:
            self._frames[turn.number] = Frames(turn)

    def feed(
        self,
        turn: Turn,
        first: int,
        chunks: Sequence[Chunk],
        others: str,
        memo: dict[Any, bytes],  # noqa: ARG002 - a session has few clients, and the frames are counted
    ) -> bool:
        """See SessionReader."""
        frames = self._frames[turn.number].of(first, chunks, others)
        ended = chunks[-1].kind == "end"
        if ended:
            del self._frames[turn.number]
            self._ask_soon = True
        for cursor, _ in frames:
            self._written = cursor
            self._receipts.written(cursor, ends=ended and cursor == frames[-1][0])
        if frames:
            self._write(b"".join(text_frame(frame) for _, frame in frames))
        return self.outlet.alive

    def after_end(self, turn: Turn, received: int, end: Chunk, others: str) -> None:
        """See SessionReader: nothing follows an end."""

    def lost(self, turn: Turn) -> None:  # noqa: ARG002 - whichever turn it was
        """See SessionReader."""
        self._end()

    def gone(self, cursor: str) -> None:
        """See SessionReader. Where the client was is no place in another session of this id."""
        self._receipts = Receipts(self._now)
        self.ready(cursor)
        self._end()

    def heartbeat(self) -> None:
        """Ask about what was written while another question was open, or too soon after one."""
        self.note_place()
        if self._receipts.may_ask and self._held is None:
            self._ask_soon = True
            self.outlet.write(b"")

    def _end(self) -> None:
        self._lost = True
        if self._held is None:
            self.go_away()

    def note_place(self) -> None:
        """Tell where the client is."""
        self._places.reached(self._session_id, self._client_id, self._receipts.known())

    def _write(self, data: bytes) -> None:
        if self._held is None:
            self.outlet.write(data)
        else:
            self._held.append(data)

    def _mark(self) -> bytes | None:
        """Return the question to be asked behind what is being written, if there is one."""
        now = self._now()
        if not self._receipts.may_ask or not self._due(now):
            return None
        self._asked_at, self._ask_soon = now, False
        self._receipts.ask()
        return b"%016x" % int(now * 1e6)

    def _due(self, now: float) -> bool:
        return self._ask_soon or now - self._asked_at >= self._places.pause

    def _arrived(self, mark: bytes) -> None:  # noqa: ARG002 - only one is open
        self._receipts.answered()
        self.note_place()
        if self._receipts.may_ask and self._due(self._now()):
            self.outlet.write(b"")


_decode = msgspec.json.Decoder(ClientFrame).decode


class Sender:
    """Does what the frames of one client ask for, one after the other, while its socket is read on."""

    def __init__(self, do: Callable[[ClientFrame], Any], refuse: Callable[[AntiphonError], None]) -> None:
        self._do = do
        self._refuse = refuse
        self._waiting: deque[ClientFrame] = deque()
        self._task: asyncio.Task[None] | None = None

    def take(self, frame: ClientFrame) -> None:
        """Do it soon. Raises Overloaded."""
        if len(self._waiting) >= MOST_WAITING:
            raise Overloaded(
                f"More than {MOST_WAITING} frames wait here. Send this one again in a second.", retry_after=1
            )
        self._waiting.append(frame)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def finish(self) -> None:
        """Wait until all is done that was taken."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._do_one(self._waiting.popleft())
        finally:
            self._task = None

    async def _do_one(self, frame: ClientFrame) -> None:
        try:
            await self._do(frame)
        except AntiphonError as error:
            self._refuse(error)
        except Exception as error:
            logger.exception("frame_crashed", error=type(error).__name__)
            self._refuse(AntiphonError("The server failed to handle this frame. Try again."))


class Conversation:
    """One client of one session for as long as its socket is open."""

    def __init__(
        self, engine: Engine, request: Request, principal: Principal, session_id: str, client_id: str
    ) -> None:
        self._engine = engine
        self._request = request
        self._principal = principal
        self._session_id = session_id
        self._client_id = client_id
        self._socket = ClientSocket(request, engine, session_id, client_id)
        self._sender = Sender(self._do, self._refuse)

    async def hold(self, streams: Streams, cursor: Cursor | None) -> None:
        """Serve the socket until it ends. Raises CursorExpired, Overloaded before it is open."""
        places = self._engine.places
        place = await places.enter(self._session_id, self._client_id)
        connection_id = new_id("con")
        self._engine.connections.join(self._session_id, connection_id)
        try:
            follow = await (self._follow(cursor) if cursor else self._follow_from(place))
            try:
                await self._serve(streams)
            finally:
                self._socket.note_place()
                self._engine.unfollow_session(self._principal, self._session_id, follow)
        finally:
            self._engine.connections.leave(connection_id)
            await places.leave(self._session_id, self._client_id)
            await self._sender.finish()

    async def _serve(self, streams: Streams) -> None:
        with contextlib.suppress(Closed):
            await self._socket.accept()
            with streams.holding(self._socket):
                self._socket.begin_writing()
                while True:
                    self._take(await self._socket.receive())

    async def _follow_from(self, place: Cursor | None) -> SessionFollow:
        """Follow from where this client was; if that is too far behind, from now, and say so."""
        try:
            return await self._follow(place)
        except CursorExpired as error:
            self._refuse(error)
            return await self._follow(None)

    async def _follow(self, cursor: Cursor | None) -> SessionFollow:
        for number, received in cursor.received.items() if cursor else ():
            if received:
                await self._recall(number, received)
        return await self._engine.follow_session(self._principal, self._session_id, self._socket, cursor)

    async def _recall(self, number: int, received: int) -> None:
        """Count what the client has of a reply: its further chunks are numbered from there."""
        for turn in await self._engine.store.turns(self._principal, self._session_id, number - 1, 1):
            if turn.number == number:
                channel = await self._engine.channel(turn, received)
                self._socket.received_before(turn, channel.chunks[:received])

    def _take(self, data: bytes) -> None:
        try:
            frame = read_frame(_decode, data)
            if frame.type == "ping":
                self._socket.tell({"type": "pong", "timestamp": iso(now_ms())})
            elif frame.type == "stop" or frame.message is not None:
                self._sender.take(frame)
            else:
                raise Invalid('Send {"message": …}, {"type": "ping"} or {"type": "stop", "message_id": …}.')
        except AntiphonError as error:
            self._refuse(error)

    async def _do(self, frame: ClientFrame) -> None:
        if frame.type == "stop":
            await self._stop(frame.message_id or "")
            return
        ask = session_rest.ask_of(
            self._session_id,
            frame.message or "",
            self._client_id,
            bot=frame.bot,
            model=frame.model,
            key=frame.idempotency_key,
        )
        submitted = await self._engine.submit(self._principal, Ask(**ask, address=self._request.address))
        if frame.idempotency_key is not None:
            told = {
                "type": "accepted",
                "session_id": self._session_id,
                "message_id": submitted.turn.prompt_id,
                "chunk_id": 0,
                "idempotency_key": frame.idempotency_key,
                "timestamp": iso(submitted.turn.created_at),
            }
            self._socket.tell(told)

    async def _stop(self, message_id: str) -> None:
        message = await self._engine.store.message(self._principal, message_id)
        if message.session_id != self._session_id or message.turn_id is None:
            raise NotFound(f"There is no message {message_id!r} in this session.")
        await self._engine.stop(self._principal, message.turn_id)

    def _refuse(self, error: AntiphonError) -> None:
        self._socket.tell(refusal(self._session_id, error))


class SessionSocket:
    """Handler of the socket's route."""

    def __init__(self, engine: Engine, streams: Streams) -> None:
        self._engine = engine
        self._streams = streams
        self._sessions = SessionAccess(engine.store)

    async def connect(self, request: Request) -> None:
        """Open a client's socket; a session that does not exist is refused with 404 before that."""
        request.set_cookie = None
        session_id, client_id = request.params[0], check_client_id(request.params[1])
        principal, _ = await self._sessions.find(request, session_id)
        cursor = parse_cursor(request.query("cursor"))
        conversation = Conversation(self._engine, request, principal, session_id, client_id)
        await conversation.hold(self._streams, cursor)


def routes(engine: Engine, streams: Streams) -> list[Route]:
    """Return all routes of this contract."""
    socket = SessionSocket(engine, streams)
    error = session_rest.answer_error
    return [
        *session_rest.routes(engine),
        Route(WEBSOCKET, "/ws/{session_id}/{client_id}", socket.connect, error, parameters=("cursor",)),
    ]
