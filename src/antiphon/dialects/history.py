"""Contract B: the whole history in, the bot's whole reply out, over HTTP and a WebSocket."""

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Coroutine
from typing import Any, Literal, TypedDict, TypeVar

import msgspec
import structlog

from antiphon.engine.engine import Engine
from antiphon.engine.faults import error_of
from antiphon.engine.passing import Question
from antiphon.engine.submit import Ask, check_session_id
from antiphon.engine.whole import Whole, whole_of
from antiphon.engine.window import fit, room
from antiphon.errors import AntiphonError, BadRequest, Invalid, TooLarge
from antiphon.model import TurnState
from antiphon.providers.port import PromptMessage
from antiphon.stores.port import Exchange
from antiphon.transports.asgi import Request, answer_json, decode, retry_header
from antiphon.transports.http import WEBSOCKET, Route
from antiphon.transports.socket import Closed, Socket
from antiphon.transports.stream import Streams

logger = structlog.get_logger(__name__)
T = TypeVar("T")

BOT = "sizebot"
"""Who answers if the request names neither a bot nor a model."""

MOST_MESSAGES = 1_000
MOST_CHARS = 500_000
# Frames of a socket that wait to be answered, by number and by their bytes; later ones are refused, each in
# its turn. Who sends on all the same is sent away at the last bound.
MOST_WAITING = 32
MOST_WAITING_BYTES = 1_048_576
MOST_REFUSED = 1_000
TRY_AGAIN = 1013
_NO_ROOM = (
    f"Too much waited for an answer on this socket: at most {MOST_WAITING} messages and {MOST_WAITING_BYTES} "
    "bytes may. Send this message again later."
)


class Said(msgspec.Struct):
    """One message of a history."""

    sender: Literal["user", "agent"]
    text: str


class History(msgspec.Struct):
    """Body of ``POST /api/chat`` in this contract, and each frame of its socket.

    With a ``session_id`` the last message and its reply are stored in that session, which knows the
    history itself; without one nothing is stored.
    """

    history: list[Said] = []
    session_id: str | None = None
    bot: str | None = None
    model: str | None = None


class HistoryReply(TypedDict):
    """The bot's whole reply."""

    message: str


def check(history: list[Said]) -> None:
    """Raise Invalid or TooLarge, in this contract's words, for a history that cannot be answered."""
    if not history:
        raise Invalid("Chat history cannot be empty")
    if len(history) > MOST_MESSAGES:
        raise TooLarge(
            f"The history has {len(history)} messages; at most {MOST_MESSAGES} are taken. Send the newest."
        )
    chars = sum(len(said.text) for said in history)
    if chars > MOST_CHARS:
        raise TooLarge(
            f"The history has {chars} characters; at most {MOST_CHARS} are taken. Send the newest messages."
        )
    if any(a.sender == b.sender for a, b in itertools.pairwise(history)):
        raise Invalid("Messages must alternate between user and agent")
    if history[-1].sender != "user":
        raise Invalid("Last message must be from user")
    if not history[-1].text.strip():
        raise Invalid("The last message is empty. Write something in its text.")


def _fitting(history: list[Said], tokens: int) -> list[PromptMessage]:
    """Return the newest messages that a model has room for."""
    exchanges = [
        Exchange(before=history[i - 1].text if i else None, text=said.text)
        for i, said in enumerate(history)
        if said.sender == "user"
    ]
    kept = fit(None, exchanges, tokens)
    first = history[0]
    if first.sender == "agent" and sum(message.role == "user" for message in kept) == len(exchanges):
        return [PromptMessage(role="assistant", content=first.text), *kept]
    return kept


class HistoryDialect:
    """Handlers of this contract's two ways in."""

    def __init__(self, engine: Engine, streams: Streams) -> None:
        self._engine = engine
        self._streams = streams

    async def post(self, request: Request) -> None:
        """``POST /api/chat``: answer the history with the whole reply."""
        body = await request.json(History)
        if body.session_id is None:  # nothing is kept that a guest could come back to
            request.set_cookie = None
        key = request.header(b"idempotency-key")
        with contextlib.suppress(Closed):
            message = await _while_waited_for(request, self.reply(request, body, key))
            await answer_json(request, 200, {"message": message})

    async def socket(self, request: Request) -> None:
        """``WS /api/ws/chat``: answer each frame, in their order."""
        socket = Socket(request, self._engine.bounds.reader_backlog_bytes)
        try:
            await socket.accept()
            with self._streams.holding(socket):
                await _Conversation(self, socket).run()
        except Closed:
            pass

    async def reply(self, request: Request, body: History, key: str | None = None) -> str:
        """Return the whole reply to a history. Raises an AntiphonError of any kind."""
        check(body.history)
        bot = body.bot or (BOT if body.model is None and BOT in self._engine.catalogue.bots else None)
        if body.session_id is None:
            answered = await self._passing(request, body, bot)
        else:
            answered = await self._stored(request, body, bot, check_session_id(body.session_id), key)
        if answered.end.state is TurnState.FAILED:
            raise error_of(answered.end.error)
        return answered.text

    async def _passing(self, request: Request, body: History, bot: str | None) -> Whole:
        known = self._engine.catalogue.bots.get(bot or "")
        most = room(known.context_tokens if known else None, self._engine.bounds)
        question = Question(
            messages=_fitting(body.history, most),
            bot=bot,
            model=body.model,
            address=request.address,
            whole=True,
        )
        return await whole_of(await self._engine.passing.begin(request.principal, question))

    async def _stored(
        self, request: Request, body: History, bot: str | None, session_id: str, key: str | None
    ) -> Whole:
        ask = Ask(
            session_id=session_id,
            text=body.history[-1].text,
            bot=bot,
            model=body.model,
            idempotency_key=key,
            create_session=True,
            address=request.address,
        )
        # What is to be stored is not left by half when the client leaves.
        submitted = await asyncio.shield(self._engine.submit(request.principal, ask))
        return await self._engine.whole(submitted.turn)


class _Conversation:
    """The frames of one socket, answered one after another while more are received."""

    def __init__(self, dialect: HistoryDialect, socket: Socket) -> None:
        self._dialect = dialect
        self._socket = socket
        # None stands for a frame that was refused for want of room.
        self._waiting: deque[bytes | None] = deque()
        self._bytes = 0
        self._more = asyncio.Event()

    async def run(self) -> None:
        """Receive until the peer leaves. What is being answered then ends, unless it is stored."""
        answering = asyncio.create_task(self._answer_all(), name="history-socket")
        try:
            while True:
                self._take(await self._socket.receive())
        finally:
            answering.cancel()

    def _take(self, frame: bytes) -> None:
        if len(self._waiting) >= MOST_REFUSED:
            self._socket.close(TRY_AGAIN, "Too many messages wait for an answer.")
            return
        room = len(self._waiting) < MOST_WAITING and self._bytes + len(frame) <= MOST_WAITING_BYTES
        self._waiting.append(frame if room or not self._waiting else None)
        self._bytes += len(frame) if self._waiting[-1] is not None else 0
        self._more.set()

    async def _answer_all(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                self._socket.send_json(await self._answer(self._waiting[0]))
                self._bytes -= len(self._waiting.popleft() or b"")

    async def _answer(self, frame: bytes | None) -> dict[str, str]:
        if frame is None:
            return {"error": _NO_ROOM}
        try:
            return {"message": await self._dialect.reply(self._socket.request, _read(frame))}
        except AntiphonError as error:
            return {"error": error.message}
        except Exception as error:
            logger.exception("history_frame_crashed", error=type(error).__name__)
            return {"error": "The server failed to answer this message. Try again."}


def _read(frame: bytes) -> History:
    try:
        return decode(frame, History)
    except BadRequest as error:
        raise BadRequest(
            'This frame is no JSON. Send an object such as {"history": [{"sender": "user", "text": "…"}]}.'
        ) from error


async def _while_waited_for(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns; end it if the client leaves before. Raises Closed then."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(request.hung_up())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return await working
        raise Closed
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def answer_error(request: Request, error: AntiphonError) -> None:
    """Send an error in this contract's shape."""
    await answer_json(request, error.status, {"error": error.message}, retry_header(error))


def routes(engine: Engine, streams: Streams) -> list[Route]:
    """Return the socket's route; over HTTP histories come by ``POST /api/chat``, see post_chat.py."""
    return [Route(WEBSOCKET, "/api/ws/chat", HistoryDialect(engine, streams).socket, answer_error)]
