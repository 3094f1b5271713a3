"""The composition root: the only place that wires."""

import asyncio
import contextlib
import functools
import gc
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple

import uvicorn

from antiphon.backends import Backends
from antiphon.config import Settings
from antiphon.dialects import ai_sdk, board, durable_streams, history, post_chat, session_socket, subscribe
from antiphon.dialects.openai import api as openai_api
from antiphon.dialects.openai import responses as openai_responses
from antiphon.engine.engine import Engine
from antiphon.engine.pod import new_pod_id
from antiphon.from_settings import bounds, catalogue, graphql_limits
from antiphon.health import make_health
from antiphon.inherited import watch_parent
from antiphon.observe.live import Live
from antiphon.observe.metrics import Metrics
from antiphon.transports import archive, graphql, rest, sse, websocket
from antiphon.transports.http import Application, Route
from antiphon.transports.identity import Identity
from antiphon.transports.loopback import Loopback
from antiphon.transports.origins import Origins
from antiphon.transports.pages import Pages, add_pages
from antiphon.transports.stream import Streams
from antiphon.transports.ws_protocol import WebSocketProtocol


class Wired(NamedTuple):
    """A server ready to be served."""

    application: Application
    engine: Engine
    streams: Streams
    backends: Backends


LAST_REQUESTS_S = 0.2
"""How long those are read that were on their way when listening ended."""

Announce = Callable[[Wired, int], Coroutine[None, None, None]]


async def wire(settings: Settings) -> Wired:
    """Put the server together. The database must be migrated."""
    backends = Backends(settings)
    ports, pod = backends.ports(), new_pod_id()
    known = catalogue(settings, functools.partial(backends.workflow, pod), backends.cache)
    engine = Engine(ports, known, bounds(settings), pod=pod, works=settings.role != "api")
    streams = Streams(engine)
    health = make_health(engine, streams, backends, settings)
    refused: Counter[str] = Counter()
    loopback = Loopback(believes_anyone=settings.believes_anyone)
    metrics = Metrics(engine, streams, refused)
    live = Live(
        metrics,
        loopback,
        rates=settings.rates,
        most_readers=settings.stats_readers,
        connections=lambda: application.open_requests,
        most_connections=settings.max_connections,
    )
    routes = [*metrics.routes, *live.routes]
    if settings.role == "worker":
        fastapi = rest.make_probes(engine, health)
    else:
        pages = Pages(settings.other_servers, loopback, settings.local_only)
        routes += [*_routes(engine, streams), *pages.routes]
        routes += graphql.routes(engine, streams, graphql_limits(settings))
        fastapi = rest.make_rest(engine, health, routes)
        add_pages(fastapi, pages, routes)
    identity = Identity(settings.secret or await ports.store.secret("guest-cookie"))
    application = Application(
        routes,
        fastapi,
        identity,
        Origins(settings.origins),
        body_limit=settings.max_body_bytes,
        most_connections=settings.max_connections,
        hosts=settings.hosts,
        refused=refused,
    )
    return Wired(application, engine, streams, backends)


def _routes(engine: Engine, streams: Streams) -> list[Route]:
    return [
        *sse.routes(engine, streams),
        *archive.routes(engine),
        *websocket.routes(engine, streams),
        *post_chat.routes(engine, streams),
        *ai_sdk.routes(engine, streams),
        *durable_streams.routes(engine, streams),
        *board.routes(engine),
        *history.routes(engine, streams),
        *session_socket.routes(engine, streams),
        *subscribe.routes(engine, streams),
        *openai_api.routes(engine, streams),
        *openai_responses.routes(engine, streams),
    ]


class Server(uvicorn.Server):
    """Uvicorn that lets the engine leave first, so that open streams end with a word and not with a cut."""

    def __init__(self, config: uvicorn.Config, wired: Wired, announce: Announce, drain_delay: float) -> None:
        super().__init__(config)
        self._wired = wired
        self._drain_delay = drain_delay
        self._announce = announce
        self._loop = asyncio.get_running_loop()
        self._leaving: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            self._telling = asyncio.create_task(self._announce(self._wired, port))

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Leave at the first signal, insist at the second."""
        if self._leaving is None and self.started:
            self._leaving = self._loop.create_task(self._leave())
            self._loop.call_soon_threadsafe(lambda: None)  # this is a signal handler: wake the loop
        else:
            super().handle_exit(sig, frame)

    async def _leave(self) -> None:
        """Let others be found first, then hand over what runs, then go.

        Listening ends before anything else: a balancer tries another pod when it is refused, and a connection
        that was accepted but not read yet would be cut at the end.
        """
        self._wired.engine.leaving = True
        await asyncio.sleep(self._drain_delay)
        for listening in self.servers:
            listening.close()
        try:
            await asyncio.gather(self._wired.engine.drain(), asyncio.sleep(LAST_REQUESTS_S))
        finally:
            self._wired.streams.close()
            self.should_exit = True


@contextlib.asynccontextmanager
async def running(settings: Settings, *, alone: bool) -> AsyncIterator[Wired]:
    """A started engine, closed at the end; ``alone`` as for Engine.start."""
    wired = await wire(settings)
    await wired.engine.start(alone=alone)
    wired.streams.start()
    try:
        yield wired
    finally:
        wired.streams.close()
        await wired.engine.close()
        await wired.backends.close()


async def serve(
    settings: Settings,
    announce: Announce,
    *,
    alone: bool,
    sockets: list[socket.socket] | None = None,
) -> None:
    """Serve until a signal. ``announce(wired, port)`` is called once requests are taken.

    ``sockets`` are listened on instead of the host and port of the settings; ``alone`` as for Engine.start.
    """
    async with running(settings, alone=alone) as wired:
        config = uvicorn.Config(
            wired.application,
            host=settings.host,
            port=settings.port,
            loop="none",
            http="httptools",
            ws=WebSocketProtocol,
            ws_max_size=settings.max_body_bytes,
            ws_ping_interval=20,
            ws_ping_timeout=20,
            ws_per_message_deflate=False,  # costs memory and time for each connection, and holds frames back
            lifespan="off",
            log_config=None,
            access_log=False,
            backlog=4096,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
            server_header=False,
            forwarded_allow_ips=settings.trusted_proxies,
        )
        server = Server(config, wired, announce, settings.drain_delay_seconds)
        _settle_memory()
        # A worker whose supervisor has gone leaves as if it had been told to.
        watch_parent(asyncio.get_running_loop(), lambda: server.handle_exit(signal.SIGTERM, None))
        await server.serve(sockets)


def _settle_memory() -> None:
    """Keep the collector from walking what lives as long as the process.

    A full collection with thousands of streams open stops them all for tens of milliseconds; what a turn
    leaves behind is almost all freed by reference counts.
    """
    # The database's threads need the interpreter lock for moments only, but wait this long for it each time.
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - not on every system

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
