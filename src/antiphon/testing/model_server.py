"""A model to test with: an OpenAI-compatible server that needs no GPU and does what its model's name says.

    GET  /v1/models               some models to choose from
    POST /v1/chat/completions     streamed or whole; usage with ``stream_options.include_usage``
    POST /v1/embeddings           vectors of models such as ``embed-8``, see embedding.py
    GET  /stats                   {"requests": …, "chunks": …, "live": …}

Model names: ``test-<tokens>-<delay_ms>-<first_ms>`` and any of these options behind it:

    -stall<k>    say nothing more after k tokens, and keep the connection
    -cut<k>      cut the TCP connection after k tokens
    -garbage<k>  send bytes that are no JSON after k tokens
    -status<n>   answer with HTTP status n (400 to 599); 429 and 5xx with Retry-After
    -retry<s>    the seconds of that Retry-After (1)
    -once        the fault happens only at the first request of a conversation
    -reason<n>   think aloud for n tokens first
    -tool        end with a tool call, unless the last message is a tool's result
    -json        say {"asked": "<the user's message>"} instead of words

k counts the tokens of one response; with a k of 0, -stall and -cut come before the response's head. A
delay of 0 streams as fast as the client reads. ``max_tokens`` and ``max_completion_tokens`` are honoured.

The text is determined by the last user message alone (``expected_text``), so a reply put together from any
number of attempts has exactly one right form. When the last message is the assistant's, it must be a prefix
of that text: the server goes on right after it, also in the middle of a word, and else answers 400.
"""

import asyncio
import signal
import sys
import time
from collections import OrderedDict
from http import HTTPStatus
from typing import Any, TypeVar, cast

import httptools
import msgspec

from antiphon.testing.completion import CompletionRequest, Plan, event, framed, frames
from antiphon.testing.embedding import EmbeddingRequest, embed, parse_embedder
from antiphon.testing.script import expected_reasoning, expected_text, parse_model, token, word_index

__all__ = ["ModelServer", "expected_reasoning", "expected_text", "run", "serve"]

T = TypeVar("T")
MAX_BODY = 16 << 20
"""Bytes of a request."""
MAX_REMEMBERED = 65536
"""Conversations whose fault with ``-once`` is remembered."""
BURST = 64
"""Tokens a stream without delay sends each millisecond."""
MODELS = ("test-100-50-0", "test-200-10-0", "test-20-0-0", "test-100-50-0-cut30-once")

_TICK = 0.001
_SERVER_ERROR = 500
_encode = msgspec.json.encode
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_GARBAGE = b'data: {"choices": [{"del\xff\x00\n\n'


class _Stream:
    """One reply being streamed: a step each time its moment on the wheel comes."""

    __slots__ = ("_conn", "_frames", "_head", "_k", "_plan", "_seed", "_sent", "_stop")

    def __init__(self, conn: "_Connection", plan: Plan) -> None:
        self._conn = conn
        self._plan = plan
        self._frames = frames(plan.model)
        self._head = _HEAD + event(plan.model, {"role": "assistant", "content": ""})
        self._seed = plan.seed
        self._k = plan.start
        self._stop = plan.stop
        self._sent = 0

    def step(self) -> int:
        """Send what is due; return the milliseconds until the next step, -1 for never."""
        conn = self._conn
        if conn.stream is not self:
            return -1
        if conn.choked:
            return 1
        delay = self._plan.behaviour.delay
        if delay:
            return delay if self._next(conn) else -1
        return self._burst(conn)

    def _burst(self, conn: "_Connection") -> int:
        for _ in range(BURST):
            if conn.choked:
                break
            if not self._next(conn):
                return -1
        return 1

    def _next(self, conn: "_Connection") -> bool:
        """Send one piece; return whether there is more to come."""
        plan = self._plan
        if plan.faulty and self._fault(conn):
            return False
        if plan.ahead:
            piece = plan.ahead.pop(0)
        elif self._k < self._stop:
            k = self._k
            piece = self._frames[word_index(self._seed, k)] if k else self._first()
            self._k = k + 1
            self._sent += 1
            conn.server.chunks += 1
        else:
            piece = b""
        last = self._k >= self._stop and not plan.ahead and not plan.faulty
        if self._head:
            # The head goes with the first piece, as from a server that waits for its model.
            piece, self._head = self._head + piece, b""
        conn.write(piece + plan.tail if last or not piece else piece)
        if last or not piece:
            conn.ended()
            return False
        return True

    def _first(self) -> bytes:
        return event(self._plan.model, {"content": token(self._seed, 0)})

    def _fault(self, conn: "_Connection") -> bool:
        behaviour = self._plan.behaviour
        if self._plan.ahead or self._sent not in (behaviour.stall, behaviour.cut, behaviour.garbage):
            if self._k >= self._stop and not self._plan.ahead:
                self._plan.faulty = False  # shorter than the fault is deep
            return False
        if self._sent == behaviour.cut:
            conn.cut()
        elif self._sent == behaviour.garbage:
            conn.write(self._head + framed(_GARBAGE) + b"0\r\n\r\n")
            conn.ended()
        return True


class _Connection(asyncio.Protocol):
    """A client."""

    def __init__(self, server: "ModelServer") -> None:
        self.server = server
        self.choked = False
        self.stream: _Stream | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._transport = stream
        self.server.connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self.server.connections.discard(self)
        self.ended()
        if self._timer is not None:
            self._timer.cancel()

    def pause_writing(self) -> None:
        self.choked = True

    def resume_writing(self) -> None:
        self.choked = False

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.abort()

    def on_message_begin(self) -> None:
        self._url = b""
        self._body.clear()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        if len(self._body) <= MAX_BODY:
            self._body += body

    def on_message_complete(self) -> None:
        self.server.requests += 1
        route = (self._parser.get_method(), self._url.partition(b"?")[0])
        if route == (b"GET", b"/v1/models"):
            models = [{"id": name, "object": "model", "created": 1700000000} for name in MODELS]
            self._answer(200, _encode({"object": "list", "data": models}))
        elif route == (b"GET", b"/stats"):
            server = self.server
            stats = {"requests": server.requests, "chunks": server.chunks, "live": server.live}
            self._answer(200, _encode(stats))
        elif route == (b"POST", b"/v1/chat/completions"):
            self._complete(bytes(self._body))
        elif route == (b"POST", b"/v1/embeddings"):
            self._embed(bytes(self._body))
        else:
            self._refuse(404, "There is no such page; try /v1/models.")

    def write(self, data: bytes) -> None:
        """Send."""
        if self._transport is not None:
            self._transport.write(data)

    def ended(self) -> None:
        """Note that the stream is over."""
        if self.stream is not None:
            self.stream = None
            self.server.live -= 1

    def cut(self) -> None:
        """Close in mid-reply, after what was sent already."""
        self.ended()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _read(self, body: bytes, kind: type[T]) -> T | None:
        """Decode a request, or refuse it."""
        if len(body) > MAX_BODY:
            self._refuse(413, f"The request has more than {MAX_BODY} bytes.")
            return None
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._refuse(400, f"The request is not understood: {error}.")
            return None

    def _embed(self, body: bytes) -> None:
        request = self._read(body, EmbeddingRequest)
        if request is None:
            return
        embedder = parse_embedder(request.model)
        if embedder is None:
            self._refuse(404, f"There is no model {request.model!r}; try embed-8.")
        elif embedder.status:
            self._refuse(embedder.status, "This fault was asked for by the model's name.")
        else:
            self._answer(200, _encode(embed(request, embedder)))

    def _complete(self, body: bytes) -> None:
        request = self._read(body, CompletionRequest)
        if request is None:
            return
        behaviour = parse_model(request.model)
        if behaviour is None:
            self._refuse(404, f"There is no model {request.model!r}; try test-100-50-0.")
            return
        plan = Plan(
            request, behaviour, faulty=behaviour.faulty and self.server.faulty(request, once=behaviour.once)
        )
        if plan.faulty and behaviour.status:
            self._refuse(behaviour.status, "This fault was asked for by the model's name.", behaviour.retry)
        elif plan.place is None:
            self._refuse(400, "The last assistant message is not how the reply begins.")
        elif request.stream:
            self.ended()
            self.stream = _Stream(self, plan)
            self.server.live += 1
            self.server.schedule(self.stream, behaviour.first)
        else:
            seconds = (behaviour.first + behaviour.delay * (plan.stop - plan.start)) * _TICK
            self._timer = asyncio.get_running_loop().call_later(seconds, self._whole, plan)

    def _whole(self, plan: Plan) -> None:
        behaviour = plan.behaviour
        if plan.faulty and behaviour.cut >= 0:
            self.cut()
        elif not (plan.faulty and behaviour.stall >= 0):
            garbage = plan.faulty and behaviour.garbage >= 0
            self._answer(200, _GARBAGE if garbage else plan.whole())

    def _refuse(self, status: int, message: str, retry: int = 1) -> None:
        kind = "server_error" if status >= _SERVER_ERROR else "invalid_request_error"
        error = {"message": message, "type": kind, "param": None, "code": status}
        later = status == HTTPStatus.TOO_MANY_REQUESTS or status >= _SERVER_ERROR
        self._answer(status, _encode({"error": error}), b"Retry-After: %d\r\n" % retry if later else b"")

    def _answer(self, status: int, body: bytes, header: bytes = b"") -> None:
        head = b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n"
        self.write(head % (status, header, len(body)) + body)


class ModelServer:
    """A running server; made by :func:`serve`."""

    def __init__(self) -> None:
        self.host = ""
        self.port = 0
        self.requests = 0
        self.chunks = 0
        self.live = 0
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._seen: OrderedDict[int, None] = OrderedDict()
        # A wheel of milliseconds shared by all streams: a timer of its own each would cost more than a token.
        self._wheel: dict[int, list[_Stream]] = {}
        self._now = 0
        self._zero = 0.0
        self._ticker: asyncio.TimerHandle | None = None

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/v1"

    async def start(self, host: str, port: int) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), host, port, backlog=4096)
        self.host = host
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Cut all connections and stop."""
        if self._ticker is not None:
            self._ticker.cancel()
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            connection.abort()
        await asyncio.sleep(0)

    def schedule(self, stream: _Stream, delay: int) -> None:
        """Let a stream take its next step after so many milliseconds."""
        if self._ticker is None:
            self._zero = time.monotonic() - self._now * _TICK
            self._ticker = asyncio.get_running_loop().call_later(_TICK, self._tick)
        self._wheel.setdefault(self._now + max(1, delay), []).append(stream)

    def faulty(self, request: CompletionRequest, *, once: bool) -> bool:
        """Whether a fault is due: always, or only for a conversation not seen before."""
        if not once:
            return True
        said = [
            each for each in request.messages if each.role != "assistant" or each is not request.messages[-1]
        ]
        key = hash(_encode([request.model, said]))
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _tick(self) -> None:
        target = int((time.monotonic() - self._zero) / _TICK)
        wheel = self._wheel
        while self._now < target:
            self._now = now = self._now + 1
            for stream in wheel.pop(now, ()):
                delay = stream.step()
                if delay >= 0:
                    wheel.setdefault(now + (delay or 1), []).append(stream)
        loop = asyncio.get_running_loop()
        self._ticker = loop.call_later(_TICK, self._tick) if wheel else None


async def serve(host: str = "127.0.0.1", port: int = 0) -> ModelServer:
    """Start a server in this event loop; port 0 takes a free one."""
    server = ModelServer()
    await server.start(host, port)
    return server


def run(host: str = "127.0.0.1", port: int = 9100) -> None:
    """Serve until interrupted."""
    runner: Any = asyncio.run
    if sys.platform != "win32":
        import uvloop  # noqa: PLC0415 - not there on Windows

        runner = uvloop.run
    runner(_run(host, port))


async def _run(host: str, port: int) -> None:
    server = await serve(host, port)
    stop = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    sys.stdout.write(f"Test model: OPENAI_BASE_URL={server.url} (models such as {MODELS[0]})\n")
    sys.stdout.flush()
    await stop.wait()
    await server.close()
