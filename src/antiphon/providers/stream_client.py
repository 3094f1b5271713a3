"""A small streaming HTTP/1.1 client: what stands between a provider's socket and a reply.

It does what the hot path needs and nothing else: response bytes are pushed to a callback from
``data_received`` itself, without a task, queue or timer of their own; one sweep a client watches all its
timeouts. TLS, keep-alive, back-pressure and bounds are included. Redirects are not followed, compression is
not asked for, and proxy variables of the environment (``HTTPS_PROXY`` …) are not read: a proxy is used by
giving its address as the base URL.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from antiphon.errors import ProviderTimeout, ProviderUnreachable
from antiphon.providers.stream_connection import Connection, Exchange, Head, Origin

SWEEPS_A_TIMEOUT = 5
LONGEST_SWEEP_INTERVAL = 1.0
"""Seconds between two looks at all timeouts, at most: each costs as much as there are connections."""

_MAX_PORT = 65535
_STOPPING = "The request was not finished because this server is stopping."


class Endpoint:
    """A method, an address and headers, made into bytes once for all requests.

    Its representation shows the address only: headers may hold keys.

    Args:
        method: the HTTP method.
        url: an absolute ``http`` or ``https`` URL without credentials or fragment.
        headers: further headers; ``Host``, ``Content-Length`` and ``Accept-Encoding`` are set here.

    Raises:
        ValueError: the URL or a header cannot be used; says which, never the value of a header.
    """

    __slots__ = ("_head", "origin", "url")

    def __init__(self, method: str, url: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        self.url = url
        self.origin, host, path = _split(url)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
        for name, value in headers:
            if not (name + value).isascii() or not (name + value).replace("\t", " ").isprintable():
                raise ValueError(f"The header {name!r} has characters that HTTP does not allow.")
            lines.append(f"{name}: {value}")
        self._head = "\r\n".join(lines).encode("ascii")

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"

    def request(self, body: bytes) -> bytes:
        """Return the bytes of a request with this body."""
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body)


def _split(url: str) -> tuple[Origin, str, str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError("A provider's base URL begins with http:// or https://.")
    if parts.username is not None or parts.password is not None:
        # Not shown: what stands before the @ is a secret.
        raise ValueError("A provider's base URL has no user name or password in it; give the key apart.")
    if not parts.hostname or parts.fragment:
        raise ValueError(f"The base URL {url!r} needs a host and no fragment (#…).")
    try:
        port = (443 if parts.scheme == "https" else 80) if parts.port is None else parts.port
        host = parts.hostname if ":" in parts.hostname else parts.hostname.encode("idna").decode()
    except ValueError as error:  # UnicodeError of idna is one, too
        raise ValueError(f"The base URL {url!r} has a host or port that cannot be: {error}.") from error
    if not 0 < port <= _MAX_PORT:
        raise ValueError(f"The base URL {url!r} has a port that cannot be.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError(f"The path of the base URL {url!r} must be percent-encoded.")
    name = f"[{host}]" if ":" in host else host
    default = port == (443 if parts.scheme == "https" else 80)
    return Origin(parts.scheme, host, port), name if default else f"{name}:{port}", path


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """How a request ended. ``body`` is what no sink wanted, cut at a bound."""

    head: Head
    body: bytes


class Receiver(Protocol):
    """Who gets a response."""

    def begin(self, head: Head, exchange: Exchange) -> Callable[[bytes], object] | None:
        """Return what each piece of the body is given to, or None to have a short body collected."""
        ...


class _Dial:
    """A connection being made, under the eyes of the sweep."""

    __slots__ = ("_deadline", "_task", "expired")

    def __init__(self, task: "asyncio.Task[Connection]", deadline: float) -> None:
        self._task = task
        self._deadline = deadline
        self.expired = False

    def check(self, now: float) -> None:
        """Give up when it takes too long."""
        if now >= self._deadline and not self.expired:
            self.expired = True
            self._task.cancel()


class StreamClient:
    """Requests with streamed responses, over pooled connections. Belongs to one event loop.

    Args:
        connect_timeout: seconds for name, TCP and TLS together.
        first_byte_timeout: seconds from the request to the first byte of the body.
        idle_timeout: seconds between two bytes of a body.
        max_idle: connections kept for later, each origin.
        max_idle_age: seconds a connection is kept; below the minute after which servers commonly close.
        tls: the TLS context; the system's certificates by default.
    """

    def __init__(
        self,
        *,
        connect_timeout: float = 10.0,
        first_byte_timeout: float = 120.0,
        idle_timeout: float = 60.0,
        max_idle: int = 128,
        max_idle_age: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.connect_timeout = connect_timeout
        self.first_byte_timeout = first_byte_timeout
        self.idle_timeout = idle_timeout
        shortest = min(connect_timeout, first_byte_timeout, idle_timeout)
        self._sweep_interval = min(LONGEST_SWEEP_INTERVAL, shortest / SWEEPS_A_TIMEOUT)
        self._max_idle = max_idle
        self._max_idle_age = max_idle_age
        self._tls = tls
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._watched: set[_Dial | Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, endpoint: Endpoint, body: bytes, receiver: Receiver) -> Response:
        """Send one request and return when its response is over.

        A kept connection may have been closed by the server meanwhile: if it breaks before any byte of a
        response, the request is sent again, once, on a new one. Cancelling closes the connection at once.

        Raises:
            ProviderUnreachable: no connection, or it broke before the body.
            ProviderTimeout: one of the three timeouts.
            ProviderGarbled: not HTTP, over a bound, or cut within the body.
        """
        request = endpoint.request(body)
        connection = self._reuse(endpoint.origin)
        if connection is not None:
            try:
                return await self._exchange(connection, request, receiver)
            except ProviderUnreachable:
                if connection.heard:
                    raise
        return await self._exchange(await self._dial(endpoint.origin), request, receiver)

    async def close(self) -> None:
        """Break what is under way and close all connections."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for watched in tuple(self._watched):
            if isinstance(watched, Connection):
                watched.fail(ProviderUnreachable(_STOPPING))
            else:
                watched.check(float("inf"))
        for connections in tuple(self._idle.values()):
            for connection in tuple(connections):
                connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)  # transports say goodbye in the next round of the loop

    async def _exchange(self, connection: Connection, request: bytes, receiver: Receiver) -> Response:
        self._watch(connection)
        exchange = Exchange(connection, self.first_byte_timeout, self.idle_timeout)
        try:
            body = await connection.run(exchange, request, receiver.begin)
        except asyncio.CancelledError:
            connection.cancel(exchange)
            raise
        assert exchange.head is not None
        return Response(head=exchange.head, body=body)

    async def _dial(self, origin: Origin) -> Connection:
        if self._closed:
            raise ProviderUnreachable(_STOPPING)
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._connect(origin))
        dial = _Dial(task, loop.time() + self.connect_timeout)
        self._watch(dial)
        try:
            return await task
        except asyncio.CancelledError:
            # Cancelled in the very moment the connection was there: nobody else would close it.
            if task.done() and not task.cancelled() and task.exception() is None:
                task.result().abort()
            current = asyncio.current_task()
            if dial.expired and current is not None and not current.cancelling():
                if self._closed:
                    raise ProviderUnreachable(_STOPPING) from None
                raise ProviderTimeout(
                    f"No connection to {origin} within {self.connect_timeout:g} s. Is it reachable from here?"
                ) from None
            raise
        except ssl.SSLCertVerificationError as error:
            raise ProviderUnreachable(
                f"The certificate of {origin} is not trusted: {error.verify_message}. "
                "Add its authority to the system's, or check the base URL."
            ) from error
        except (OSError, UnicodeError) as error:
            raise ProviderUnreachable(
                f"No connection to {origin}: {error}. Is it running, and is the base URL right?"
            ) from error
        finally:
            self._watched.discard(dial)

    async def _connect(self, origin: Origin) -> Connection:
        tls = None
        if origin.scheme == "https":
            if self._tls is None:
                self._tls = ssl.create_default_context()
            tls = self._tls
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(origin, self._released, self._lost),
            origin.host,
            origin.port,
            ssl=tls,
            server_hostname=origin.host if tls else None,
        )
        return connection

    def _reuse(self, origin: Origin) -> Connection | None:
        kept = self._idle.get(origin)
        oldest = asyncio.get_running_loop().time() - self._max_idle_age
        while kept:
            connection = kept.pop()  # the youngest, so that the others grow old and go
            if not connection.closing and connection.since > oldest:
                return connection
            connection.abort()
        return None

    def _released(self, connection: Connection) -> None:
        self._watched.discard(connection)
        kept = self._idle[connection.origin]
        if self._closed or not self._max_idle:
            connection.abort()
            return
        if len(kept) >= self._max_idle:
            kept.pop(0).abort()
        kept.append(connection)

    def _lost(self, connection: Connection) -> None:
        self._watched.discard(connection)
        kept = self._idle.get(connection.origin)
        if kept and connection in kept:
            kept.remove(connection)

    def _watch(self, watched: _Dial | Connection) -> None:
        self._watched.add(watched)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(self._sweep_interval, self._sweep)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for watched in tuple(self._watched):
            watched.check(now)
        for origin, kept in tuple(self._idle.items()):
            while kept and kept[0].since <= now - self._max_idle_age:
                kept.pop(0).abort()
            if not kept:
                del self._idle[origin]
        wanted = bool(self._watched or self._idle) and not self._closed
        self._sweeper = loop.call_later(self._sweep_interval, self._sweep) if wanted else None
