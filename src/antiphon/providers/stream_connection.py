"""One HTTP/1.1 connection of the streaming client: its parser, bounds and timeouts."""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import NamedTuple, cast

import httptools

from antiphon.errors import ProviderGarbled, ProviderTimeout, ProviderUnreachable

MAX_HEAD = 64 << 10
"""Bytes of headers, and of anything else that comes between two pieces of a body."""
MAX_COLLECTED = 64 << 10
"""Bytes kept of a body that nobody wants streamed, such as an error's."""
READ_SIZE = 64 << 10
"""Bytes of one read past the event loop."""
DRAIN_SECONDS = 1.0
"""How long a connection may take to end a response whose reader has had enough."""

_FINAL = 200  # statuses below are interim answers


class Origin(NamedTuple):
    """What a connection leads to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Head(NamedTuple):
    """Status and headers of a response; the names are lower case."""

    status: int
    headers: dict[str, str]

    @property
    def content_type(self) -> str:
        """The media type, lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Exchange:
    """One request and its response, as its reader sees them.

    All methods may be called at any time, also after the end: a late ``resume`` must not touch the request
    that has the connection by then.
    """

    __slots__ = ("_connection", "first_byte_timeout", "head", "idle_timeout", "paused")

    def __init__(self, connection: "Connection", first_byte_timeout: float, idle_timeout: float) -> None:
        self._connection: Connection | None = connection
        self.first_byte_timeout = first_byte_timeout
        self.idle_timeout = idle_timeout
        self.head: Head | None = None
        self.paused = False

    def pause(self) -> None:
        """Stop reading from the socket, so that the provider has to wait."""
        if self._connection is not None and not self.paused:
            self.paused = True
            self._connection.set_reading(on=False)

    def resume(self) -> None:
        """Read on."""
        if self._connection is not None and self.paused:
            self.paused = False
            self._connection.read_on()

    def finish(self) -> None:
        """End here: what may still come of the body is of no interest."""
        if self._connection is not None:
            self._connection.finish()

    def detach(self) -> None:
        """Let go of the connection."""
        if self._connection is not None and self.paused:
            self.paused = False
            self._connection.set_reading(on=True)
        self._connection = None


Begin = Callable[[Head, Exchange], Callable[[bytes], object] | None]
"""Takes a response's head; returns what its body is given to, or None to have a short one collected."""


class Connection(asyncio.Protocol):
    """A connection, used by one exchange at a time.

    Args:
        origin: what it leads to.
        released: called when it can be used again.
        lost: called when it is closed, perhaps more than once.
    """

    __slots__ = (
        "_barren",
        "_begin",
        "_collected",
        "_complete",
        "_draining",
        "_error",
        "_exchange",
        "_fd",
        "_fresh",
        "_head_size",
        "_headers",
        "_in_body",
        "_keep",
        "_lost",
        "_parser",
        "_pieces",
        "_reading",
        "_released",
        "_sink",
        "_surplus",
        "_transport",
        "_waiter",
        "closing",
        "heard",
        "origin",
        "since",
    )

    def __init__(
        self,
        origin: Origin,
        released: Callable[["Connection"], None],
        lost: Callable[["Connection"], None],
    ) -> None:
        self.origin = origin
        self.closing = False
        self.heard = False  # whether any byte of the current response has come
        self.since = 0.0  # when something was last heard, or when it became idle
        self._released = released
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[bytes] | None = None
        self._pieces: list[bytes] = []
        self._exchange: Exchange | None = None
        self._sink: Callable[[bytes], object] = _drop
        self._reading = True
        self._fd = -1  # the socket, as long as it may be read without the transport

    # What the client calls

    async def run(self, exchange: Exchange, request: bytes, begin: Begin) -> bytes:
        """Send a request; return, when its response is over, what no sink wanted of it."""
        if self.closing or self._transport is None:
            raise ProviderUnreachable(f"{self.origin} closed the connection at once.")
        loop = asyncio.get_running_loop()
        self.heard = self._draining = self._fresh = self._in_body = False
        self._complete = self._keep = self._surplus = False
        self._barren = self._head_size = 0
        self._headers: dict[str, str] = {}
        self._collected = bytearray()
        self._error: Exception | None = None
        self.since = loop.time()
        self._sink = _drop
        self._begin = begin
        self._exchange = exchange
        self._parser = httptools.HttpResponseParser(self)
        waiter: asyncio.Future[bytes] = loop.create_future()
        self._waiter = waiter
        self._transport.write(request)
        return await waiter

    def cancel(self, exchange: Exchange) -> None:
        """Close the connection if this exchange still has it."""
        if self._exchange is exchange:
            self.abort()

    def check(self, now: float) -> None:
        """Fail what was silent too long; called by the sweep."""
        exchange = self._exchange
        if self._draining or exchange is None:
            if now - self.since > DRAIN_SECONDS:
                self.abort()
            return
        if self._fresh:
            self._fresh = False
            self._in_body = True
            self.since = now
        elif exchange.paused:
            self.since = now
        elif now - self.since >= (exchange.idle_timeout if self._in_body else exchange.first_byte_timeout):
            what = "went silent in mid-reply" if self._in_body else "sent nothing"
            self.fail(ProviderTimeout(f"{self.origin} {what} for {now - self.since:.1f} s."))

    def fail(self, error: Exception) -> None:
        """End the exchange with an error and close."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        self.abort()

    def abort(self) -> None:
        """Close at once."""
        self.closing = True
        self._sink = _drop
        if self._exchange is not None:
            self._exchange.detach()
            self._exchange = None
        if self._transport is not None:
            self._transport.abort()
        self._lost(self)

    # What the exchange calls

    def set_reading(self, *, on: bool) -> None:
        """Stop or go on reading from the socket."""
        transport = self._transport
        if transport is not None and on is not self._reading and not transport.is_closing():
            self._reading = on
            if on:
                transport.resume_reading()
            else:
                transport.pause_reading()

    def read_on(self) -> None:
        """Go on reading: what waits in the kernel at once, and then as it comes.

        A paused connection under load has something waiting nearly always, and is paused again after it.
        Reading that here spares the event loop switching its watch for the socket on and off.
        """
        transport = self._transport
        # Once the transport closes, the number of its socket may be another's.
        usable = transport is not None and not transport.is_closing() and not self.closing
        if usable and self._fd >= 0 and not self._reading:
            try:
                data = os.read(self._fd, READ_SIZE)
            except OSError:  # nothing there yet, or something that the transport has to find out
                data = b""
            if data:
                self.data_received(data)
                if self._exchange is not None and self._exchange.paused:
                    return
        self.set_reading(on=True)

    def finish(self) -> None:
        """Give the reader its answer now; the rest of the response is read for a moment and dropped."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(bytes(self._collected))
            self._sink = _drop
            self._draining = True
            self.since = asyncio.get_running_loop().time()
            if self._exchange is not None:
                self._exchange.resume()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        stream = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._transport = stream
        sock = stream.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if stream.get_extra_info("sslcontext") is None:
            self._fd = sock.fileno()

    def data_received(self, data: bytes) -> None:
        """Parse, and give what came of the body to the sink: once a read, however it is chunked."""
        if self._waiter is None or self.closing:
            self.abort()  # nothing was asked
            return
        self.heard = True
        broken = None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            broken = error
        pieces = self._pieces
        if pieces:
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            self._fresh = True
            self._barren = 0
            try:
                self._sink(body)
            except Exception as error:  # noqa: BLE001 - the awaiting caller gets it, whatever it is
                self.fail(error)
                return
        else:
            self._barren += len(data)
        if self._complete or broken or self._error or self._barren > MAX_HEAD:
            self._settle(broken)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange, well only where the end of the connection is the end of the body."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            if exc is None and self._until_close():
                waiter.set_result(bytes(self._collected))
            elif self._in_body or self._fresh:
                self.fail(ProviderGarbled(f"{self.origin} cut the connection in mid-reply."))
            else:
                self.fail(ProviderUnreachable(f"{self.origin} closed the connection without an answer."))
        self._transport = None
        self._fd = -1
        self.abort()

    # What the parser calls

    def on_message_begin(self) -> None:
        """Notice a response nobody asked for: the connection is of no further use."""
        self._surplus = self._complete

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._head_size += len(name) + len(value)
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Ask the reader what to do with the body."""
        status = self._parser.get_status_code()
        exchange = self._exchange
        if status < _FINAL or exchange is None or self._complete:
            return
        head = exchange.head = Head(status, self._headers)
        if self._head_size > MAX_HEAD:
            self._error = ProviderGarbled(f"{self.origin} sent headers of more than {MAX_HEAD} bytes.")
        elif head.headers.get("content-encoding", "identity").lower() != "identity":
            self._error = ProviderGarbled(f"{self.origin} compressed its answer although not asked to.")
        else:
            try:
                self._sink = self._begin(head, exchange) or self._collect
            except Exception as error:  # noqa: BLE001 - must not pass through the parser, which hides it
                self._error = error

    def on_body(self, body: bytes) -> None:
        """Gather a piece of the body."""
        if not self._surplus:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        """Note that the response is whole."""
        if self._complete:
            return
        if self._parser.get_status_code() >= _FINAL:
            self._complete = True
            self._keep = self._parser.should_keep_alive()
        else:
            self._headers = {}

    # Within

    def _settle(self, broken: Exception | None) -> None:
        if self._complete and self._error is None:
            self._end(keep=self._keep and broken is None and not self._surplus)
        elif self._error is not None:
            self.fail(self._error)
        elif broken is not None:
            self.fail(ProviderGarbled(f"{self.origin} does not speak HTTP: {broken}."))
        else:
            self.fail(ProviderGarbled(f"{self.origin} sent more than {MAX_HEAD} bytes that are no body."))

    def _end(self, *, keep: bool) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(bytes(self._collected))
        if not keep or self.closing:
            self.abort()
            return
        if self._exchange is not None:
            self._exchange.detach()
            self._exchange = None
        self._sink = _drop
        self.since = asyncio.get_running_loop().time()
        self._released(self)

    def _collect(self, body: bytes) -> None:
        self._collected += body[: MAX_COLLECTED - len(self._collected)]
        if len(self._collected) >= MAX_COLLECTED:
            self.finish()

    def _until_close(self) -> bool:
        head = self._exchange.head if self._exchange is not None else None
        if head is None or self._error is not None:
            return False
        chunked = "chunked" in head.headers.get("transfer-encoding", "").lower()
        return not chunked and "content-length" not in head.headers


def _drop(_: bytes) -> None:
    """Be the sink of a body that nobody wants."""
