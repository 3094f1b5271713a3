"""A connection to NATS that is made when it is first needed and mends itself."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import nats.errors
import structlog
from nats.aio.client import Client

from antiphon.errors import StoreUnavailable

WAIT_S = 2.0
"""How long a caller waits for a connection that is being made or mended."""
DIAL_S = 2
RECONNECT_S = 0.25
PING_S = 2
"""Pings go out this often; when two of them are not answered, the connection is given up."""
REPLACE_S = 15.0
"""A client that could not mend itself for so long is thrown away for a new one."""
PENDING_BYTES = 8 << 20
"""What the client holds back for a server that is away or does not read."""
STALLED_BYTES = PENDING_BYTES // 2
CLOSE_S = 2.0
MAX_TOLD = 10

logger = structlog.get_logger(__name__)


class NatsConnection:
    """One connection for all that a process does with NATS; ``url`` may name servers separated by commas.

    The client in it may be replaced (after a refused sign-in, or when it cannot mend itself), and its
    subscriptions go with it: who subscribes compares what ``client`` returns with what it subscribed on.
    """

    def __init__(self, url: str) -> None:
        self._servers = [server.strip() for server in url.split(",") if server.strip()]
        self._secrets = [part for server in self._servers for part in _credentials(server)]
        self._client: Client | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._discarding: set[asyncio.Task[None]] = set()
        self._up = asyncio.Event()
        self._down_since = 0.0
        self._trouble = ""
        self._told: set[str] = set()
        self._losses: list[Callable[[], None]] = []
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether the server was there a moment ago."""
        return self._client is not None and self._up.is_set() and self._client.is_connected

    def on_loss(self, tell: Callable[[], None]) -> None:
        """Call ``tell`` whenever the connection breaks: what was asked on it stays unanswered."""
        self._losses.append(tell)

    async def client(self) -> Client:
        """Return a connected client. Raises StoreUnavailable if there is none within two seconds."""
        if self._client is not None and self.connected:
            return self._client
        if self._closed:
            raise StoreUnavailable("NATS could not be used (the connection was closed).", retry_after=1)
        self._mend()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                await self._up.wait()
        if self._client is None or not self.connected:
            reason = self._trouble or "no connection"
            raise StoreUnavailable(f"NATS could not be used ({reason}).", retry_after=1)
        return self._client

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn whatever the client raises into StoreUnavailable."""
        try:
            yield
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"NATS could not be used ({self._words(error)}).", retry_after=1) from None

    async def close(self) -> None:
        """Close the connection; what was published is sent first, if the server takes it."""
        self._closed = True
        if self._dialling is not None:
            self._dialling.cancel()
            await asyncio.wait([self._dialling])
        if self._client is not None:
            self._discard(self._client)
            self._client = None
        if self._discarding:
            await asyncio.wait(self._discarding)

    def _mend(self) -> None:
        """See to it that a client is connecting, or mending itself."""
        if self._dialling is not None and not self._dialling.done():
            return
        broken = self._client
        if broken is not None:
            tired = not self._up.is_set() and time.monotonic() - self._down_since > REPLACE_S
            if not broken.is_closed and not tired:
                return
            self._discard(broken)
        self._up.clear()
        self._dialling = asyncio.create_task(self._dial())

    async def _dial(self) -> None:
        client = self._client = Client()

        async def lost() -> None:
            if client is self._client:
                self._lost()

        async def found() -> None:
            if client is self._client:
                self._found()

        async def trouble(error: Exception) -> None:
            if not client.is_connected and client._transport is not None:  # noqa: SLF001 - it leaks it
                # A server that took the connection and said nothing: the next attempt just drops it.
                client._transport.close()  # type: ignore[no-untyped-call]  # noqa: SLF001
            if client is self._client:
                self._tell(error)

        try:
            await client.connect(
                self._servers,
                name="antiphon",
                error_cb=trouble,
                disconnected_cb=lost,
                reconnected_cb=found,
                closed_cb=lost,
                connect_timeout=DIAL_S,
                reconnect_time_wait=RECONNECT_S,  # type: ignore[arg-type]  # it sleeps for so long
                max_reconnect_attempts=-1,
                ping_interval=PING_S,
                max_outstanding_pings=2,
                pending_size=PENDING_BYTES,
                # Without it, a publication on top of a full buffer waits for ever.
                flush_timeout=1.0,
            )
        except (nats.errors.Error, OSError, TimeoutError) as error:
            self._tell(error)
        else:
            self._found()

    def _found(self) -> None:
        if self._told:
            logger.info("nats_connected")
            self._told.clear()
            self._trouble = ""
        self._up.set()

    def _lost(self) -> None:
        if self._up.is_set():
            self._up.clear()
            self._down_since = time.monotonic()
            if not self._closed:
                self._tell(ConnectionError("the connection broke"))
        for tell in self._losses:
            tell()

    def _tell(self, error: Exception) -> None:
        """Log a trouble once until there is a connection again, however many attempts meet it."""
        words = self._words(error)
        if not self._trouble or not isinstance(error, ConnectionResetError):
            # A server that refuses someone may just hang up the next time; its words say more.
            self._trouble = words
        if words not in self._told and len(self._told) < MAX_TOLD:
            self._told.add(words)
            logger.warning("nats_trouble", error=words)

    def _discard(self, client: Client) -> None:
        task = asyncio.create_task(_close(client))
        self._discarding.add(task)
        task.add_done_callback(self._discarding.discard)

    def _words(self, error: Exception) -> str:
        words = str(error).removeprefix("nats: ") or type(error).__name__
        for secret in self._secrets:
            words = words.replace(secret, "***")
        return words


async def _close(client: Client) -> None:
    """Close a client in whatever state it is, within a bound."""
    with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            if client.is_connected:
                await client.flush(1)
    with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await client.close()


def _credentials(server: str) -> list[str]:
    parts = urlsplit(server if "://" in server else f"nats://{server}")
    return [part for part in (parts.password, parts.username) if part]
