"""GraphQL over WebSocket: the subprotocol graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. Its predecessor, whose subprotocol is called
graphql-ws, is refused: it has no acknowledged beginning and no codes.
"""

import asyncio
from typing import Any

import msgspec
import structlog

from antiphon.engine.engine import Engine
from antiphon.errors import AntiphonError, Overloaded
from antiphon.transports.asgi import Request
from antiphon.transports.graphql.loading import Loader
from antiphon.transports.graphql.wire import GraphQLRequest, Limits, Refused, error_of
from antiphon.transports.socket import Closed, Socket
from antiphon.transports.stream import Streams

logger = structlog.get_logger(__name__)
SUBPROTOCOL = "graphql-transport-ws"
LONGEST_ID = 200
# Closing codes of the protocol.
BAD_MESSAGE = 4400
UNAUTHORIZED = 4401
WRONG_SUBPROTOCOL = 4406
INIT_TIMEOUT = 4408
ID_IN_USE = 4409
TOO_MANY_INITS = 4429


NOTHING = msgspec.Raw()


class Message(msgspec.Struct, frozen=True):
    """A message of either side."""

    type: str
    id: str | None = None
    payload: msgspec.Raw = NOTHING


_read = msgspec.json.Decoder(Message).decode
_read_asked = msgspec.json.Decoder(GraphQLRequest).decode
_read_payload = msgspec.json.Decoder(dict[str, Any] | None).decode


class Sockets:
    """The handler."""

    def __init__(self, engine: Engine, streams: Streams, loader: Loader, limits: Limits) -> None:
        self._engine = engine
        self._streams = streams
        self._loader = loader
        self._limits = limits

    async def serve(self, request: Request) -> None:
        """Carry out the operations of one client until it leaves."""
        socket = Socket(request, self._engine.bounds.reader_backlog_bytes)
        try:
            if SUBPROTOCOL in request.scope.get("subprotocols", ()):
                await socket.accept(SUBPROTOCOL)
                with self._streams.holding(socket):
                    await Connection(self._engine, socket, self._loader, self._limits).serve()
            else:
                await socket.accept()
                socket.close(WRONG_SUBPROTOCOL, f"Connect with the subprotocol {SUBPROTOCOL}.")
                while True:
                    await socket.receive()
        except Closed:
            return


class Connection:
    """One client and its operations."""

    def __init__(self, engine: Engine, socket: Socket, loader: Loader, limits: Limits) -> None:
        self._engine = engine
        self._socket = socket
        self._loader = loader
        self._limits = limits
        self._initialised = False
        self._operations: dict[str, asyncio.Task[None]] = {}
        # Also those that the client has ended: what changes something is then done all the same, not by half.
        self._under_way: set[asyncio.Task[None]] = set()
        self._changing: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Take messages until the client leaves. Raises Closed."""
        late = asyncio.get_running_loop().call_later(
            self._limits.init_seconds, self._close, INIT_TIMEOUT, "Connection initialisation timeout"
        )
        try:
            while True:
                frame = await self._socket.receive()
                self._take(frame)
                if self._initialised:
                    late.cancel()
        finally:
            late.cancel()
            for task in self._under_way - self._changing:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    def _take(self, frame: bytes) -> None:
        try:
            message = _read(frame)
            if message.type in ("connection_init", "ping", "pong") and bytes(message.payload):
                _read_payload(message.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._close(BAD_MESSAGE, f"Invalid message received: {error}")
            return
        match message.type:
            case "connection_init" if self._initialised:
                self._close(TOO_MANY_INITS, "Too many initialisation requests")
            case "connection_init":
                self._initialised = True
                self._socket.send_json({"type": "connection_ack"})
            case "ping":
                self._socket.send_json({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                self._subscribe(message)
            case "complete":
                task = self._operations.pop(message.id or "", None)
                if task is not None and task not in self._changing:
                    task.cancel()
            case _:
                self._close(BAD_MESSAGE, f"Invalid message received: there is no type {message.type!r}.")

    def _subscribe(self, message: Message) -> None:
        if not self._initialised:
            self._close(UNAUTHORIZED, "Unauthorized")
            return
        operation = message.id
        if not operation or len(operation) > LONGEST_ID or not bytes(message.payload):
            told = f"`subscribe` has an id of 1 to {LONGEST_ID} characters and a payload"
            self._close(BAD_MESSAGE, f"Invalid message received: {told}.")
            return
        try:
            asked = _read_asked(message.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._close(BAD_MESSAGE, f"Invalid message received: {error}")
            return
        if operation in self._operations:
            self._close(ID_IN_USE, f"Subscriber for {operation} already exists")
        elif len(self._under_way) >= self._limits.operations:
            most = self._limits.operations
            full = Overloaded(
                f"A socket carries {most} operations at once. Complete one first.", retry_after=1
            )
            self._tell(operation, "error", [error_of(full)])
        else:
            task = asyncio.create_task(self._run(operation, asked), name=f"graphql {operation}")
            self._operations[operation] = task
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _run(self, operation: str, asked: GraphQLRequest) -> None:
        """Carry out an operation and tell its end, unless the client ended it."""
        result = None
        try:
            result = await self._carry_out(operation, asked)
            errors = None
        except Refused as error:
            errors = error.errors
        except Closed:
            return
        except Exception as error:
            logger.exception("graphql_operation_crashed", error=type(error).__name__)
            errors = [error_of(AntiphonError("The server failed to carry this out. Try again."))]
        finally:
            wanted = self._operations.get(operation) is asyncio.current_task()
            if wanted:
                del self._operations[operation]
        if not wanted:
            return
        if result is not None:
            self._tell(operation, "next", result)
        if errors is None:
            self._tell(operation, "complete")
        else:
            self._tell(operation, "error", errors)

    async def _carry_out(self, operation: str, asked: GraphQLRequest) -> dict[str, Any] | None:
        """Return the response, None of a subscription. Raises Refused if it was not, or no longer, done."""
        graph = await self._loader.graph()
        prepared = await graph.prepare(asked)
        if prepared.kind == "subscription":
            await graph.follow(prepared, self._socket, operation)
            return None
        if prepared.kind == "query":
            return await graph.execute(prepared, self._socket.request)
        task = asyncio.current_task()
        assert task is not None
        self._changing.add(task)
        try:
            return await graph.execute(prepared, self._socket.request)
        finally:
            self._changing.discard(task)

    def _tell(self, operation: str, kind: str, payload: Any = None) -> None:
        told: dict[str, Any] = {"id": operation, "type": kind}
        if payload is not None:
            told["payload"] = payload
        self._socket.send_json(told)

    def _close(self, code: int, reason: str) -> None:
        # A closing frame has room for 123 bytes of reason (RFC 6455, 5.5).
        self._socket.close(code, reason.encode()[:123].decode(errors="ignore"))
