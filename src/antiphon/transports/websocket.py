"""The native WebSocket: many sessions and turns on one connection, see PROTOCOL.md."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import structlog

from antiphon.engine.cursor import parse_cursor
from antiphon.engine.engine import Engine
from antiphon.engine.submit import Ask, check_session_id
from antiphon.errors import AntiphonError, Invalid, Overloaded, RateLimited
from antiphon.transports import views
from antiphon.transports.asgi import Request
from antiphon.transports.http import WEBSOCKET, Route
from antiphon.transports.native import NewMessage, once_more
from antiphon.transports.socket import Closed, Socket, read_frame
from antiphon.transports.stream import Streams
from antiphon.transports.websocket_follows import RETRY_S, Follows, Id, Key, answer

logger = structlog.get_logger(__name__)
MOST_UNDER_WAY = 16
"""Requests of one socket that are carried out at a time."""

Reference = Annotated[str, msgspec.Meta(max_length=100)] | int | None
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[!-~]+$")]


class _Frame(msgspec.Struct, tag_field="type", kw_only=True, forbid_unknown_fields=True):
    id: Reference = None


class Ping(_Frame, tag="ping"):
    """Answered with ``pong``."""


class Submit(NewMessage, tag_field="type", tag="submit", kw_only=True):
    """Send a message; with ``follow``, its reply comes on this socket."""

    session_id: Name
    id: Reference = None
    create: bool = False
    follow: bool = True


class Regenerate(_Frame, tag="regenerate"):
    """Answer a turn's message once more, as a branch."""

    turn_id: Name
    model: str | None = None
    idempotency_key: str | None = None
    follow: bool = True


class Follow(_Frame, tag="follow"):
    """Follow a session, or a turn to its end."""

    session_id: Name | None = None
    turn_id: Name | None = None
    cursor: str | None = None


class Unfollow(_Frame, tag="unfollow"):
    """Follow it no more."""

    session_id: Name | None = None
    turn_id: Name | None = None


class Stop(_Frame, tag="stop"):
    """Have a turn end; what there is of the reply is kept."""

    turn_id: Name


Command = Submit | Regenerate | Follow | Unfollow | Stop
_decode: Callable[[bytes], Ping | Command] = msgspec.json.Decoder(Ping | Command).decode
_reference = msgspec.json.Decoder(dict[str, Any]).decode


def read(data: bytes) -> Ping | Command:
    """Read a frame. Raises BadRequest for what is no JSON, Invalid for JSON of another shape."""
    return read_frame(_decode, data)


def _key(frame: Command) -> Key:
    """Return what a frame is about; requests with the same are carried out in order. Raises Invalid."""
    session_id: str | None = getattr(frame, "session_id", None)
    turn_id: str | None = getattr(frame, "turn_id", None)
    if session_id is not None and turn_id is None:
        return "session_id", session_id
    if turn_id is not None and session_id is None:
        return "turn_id", turn_id
    raise Invalid("Name either a session_id or a turn_id.")


class NativeSocket(Socket):
    """One connection."""

    def __init__(self, request: Request, engine: Engine) -> None:
        super().__init__(request, engine.bounds.reader_backlog_bytes)
        self._engine = engine
        self._follows = Follows(engine, request.principal, self)
        self._under_way: set[asyncio.Task[None]] = set()
        self._newest: dict[Key, asyncio.Task[None]] = {}
        self._leaving = False

    async def serve(self) -> None:
        """Carry out requests until the peer goes."""
        try:
            while True:
                self._take(await self.receive())
        except Closed:
            pass
        finally:
            self._follows.close()
            # What was asked for is done, though nobody hears of it: a message is not accepted by half.
            await asyncio.gather(*self._under_way, return_exceptions=True)

    def go_away(self) -> None:
        """Send the reader away, once what it has asked for was answered."""
        self._leaving = True
        if not self._under_way:
            self.send_json({"type": "resume", "retry_after": RETRY_S})
            super().go_away()

    def _take(self, data: bytes) -> None:
        """Begin to carry out a frame."""
        try:
            frame = read(data)
            if isinstance(frame, Ping):
                self.send_json(answer("pong", frame.id))
                return
            self._check_room()
            key = _key(frame)
        except AntiphonError as error:
            self._refuse(_id_of(data), error)
            return
        task = asyncio.create_task(self._carry_out(frame, self._newest.get(key)))
        self._newest[key] = task
        self._under_way.add(task)
        task.add_done_callback(lambda task: self._done(key, task))

    def _check_room(self) -> None:
        if self._leaving:
            raise Overloaded("This pod is leaving. Connect again: another will answer.", retry_after=RETRY_S)
        if len(self._under_way) >= MOST_UNDER_WAY:
            raise RateLimited(
                f"{MOST_UNDER_WAY} requests are under way on this socket. Wait for an answer.", retry_after=1
            )

    def _done(self, key: Key, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if self._newest.get(key) is task:
            del self._newest[key]
        if self._leaving:
            self.go_away()

    async def _carry_out(self, frame: Command, before: asyncio.Task[None] | None) -> None:
        """Do what a frame asks for, after what was asked before of the same session or turn."""
        if before is not None:
            await asyncio.wait([before])
        try:
            await self._do(frame)
        except Closed:
            return
        except AntiphonError as error:
            self._refuse(frame.id, error)
        except Exception as error:
            logger.exception("socket_request_crashed", error=type(error).__name__)
            self._refuse(frame.id, AntiphonError("The server failed to handle this request. Try again."))

    def _refuse(self, reference: Id, error: AntiphonError) -> None:
        told = answer("error", reference, code=error.code, detail=error.message, status=error.status)
        if error.retry_after is not None:
            told["retry_after"] = error.retry_after
        self.send_json(told)

    async def _do(self, frame: Command) -> None:
        match frame:
            case Submit():
                await self._submit(frame)
            case Regenerate():
                await self._regenerate(frame)
            case Follow():
                await self._follow(frame)
            case Unfollow():
                self._unfollow(frame)
            case Stop():
                await self._stop(frame)

    async def _submit(self, frame: Submit) -> None:
        address = self.request.address
        ask = frame.ask(frame.session_id, address, create=frame.create)
        await self._begin(frame.id, ask, follow=frame.follow)

    async def _regenerate(self, frame: Regenerate) -> None:
        ask = await once_more(
            self._engine,
            self.request.principal,
            frame.turn_id,
            model=frame.model,
            key=frame.idempotency_key,
            address=self.request.address,
        )
        await self._begin(frame.id, ask, follow=frame.follow)

    async def _begin(self, reference: Id, ask: Ask, *, follow: bool) -> None:
        """Submit; the reply comes by the follow of its session, if there is one, or else by its own."""
        if ("session_id", ask.session_id) in self._follows:
            turn = (await self._engine.submit(self.request.principal, ask)).turn
            self.send_json(answer("submitted", reference, turn=views.turn(turn), followed_by="session"))
        elif follow:
            with self._follows.place():
                turn = (await self._engine.submit(self.request.principal, ask)).turn
                self.send_json(answer("submitted", reference, turn=views.turn(turn), followed_by="turn"))
                await self._follows.reply(turn)
        else:
            turn = (await self._engine.submit(self.request.principal, ask)).turn
            self.send_json(answer("submitted", reference, turn=views.turn(turn), followed_by=None))

    async def _follow(self, frame: Follow) -> None:
        cursor = parse_cursor(frame.cursor)
        if frame.session_id is not None:
            await self._follows.session(check_session_id(frame.session_id), cursor, frame.id)
        else:
            turn = await self._engine.store.turn(self.request.principal, frame.turn_id or "")
            await self._follows.turn(turn, cursor, frame.id)

    def _unfollow(self, frame: Unfollow) -> None:
        follower = self._follows.stop(_key(frame))
        self.send_json(answer("unfollowed", frame.id, **follower.names, cursor=follower.cursor))

    async def _stop(self, frame: Stop) -> None:
        turn = await self._engine.stop(self.request.principal, frame.turn_id)
        self.send_json(answer("stopping", frame.id, turn=views.turn(turn)))


def _id_of(data: bytes) -> Id:
    """Return the reference of a frame that could not be read, if there is one."""
    try:
        reference = _reference(data).get("id")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    fits = isinstance(reference, str) and len(reference) <= 100  # noqa: PLR2004 - as Reference
    return reference if fits or (isinstance(reference, int) and not isinstance(reference, bool)) else None


def routes(engine: Engine, streams: Streams) -> list[Route]:
    """Return the route."""

    async def serve(request: Request) -> None:
        socket = NativeSocket(request, engine)
        await socket.accept()
        with streams.holding(socket):
            await socket.serve()

    return [Route(WEBSOCKET, "/api/ws", serve)]
