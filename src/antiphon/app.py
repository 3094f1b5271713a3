"""The composition root: the only place that wires."""

import asyncio
import contextlib
import fcntl
import gc
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

from antiphon import __version__, registry
from antiphon.config import Settings, SettingsError
from antiphon.dialects import subscribe
from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Bot, Catalogue
from antiphon.engine.engine import Engine
from antiphon.engine.ports import Ports
from antiphon.ids import now_ms
from antiphon.stores.sql.migrate import upgrade
from antiphon.stores.sqlite import make_engine
from antiphon.transports import rest, sse
from antiphon.transports.http import Application, Route
from antiphon.transports.identity import Identity
from antiphon.transports.pages import add_pages
from antiphon.transports.stream import Streams
from antiphon.transports.views import iso

OLLAMA_PORT = 11434
PROBE_S = 0.15


class Wired(NamedTuple):
    """A server ready to be served."""

    application: Application
    engine: Engine
    streams: Streams


Announce = Callable[[Wired, int], Coroutine[None, None, None]]


def bounds(settings: Settings) -> Bounds:
    """Return the engine's bounds as set."""
    return Bounds(
        message_chars=settings.max_message_chars,
        metadata_bytes=settings.max_metadata_bytes,
        reply_chars=settings.max_reply_chars,
        chunks_a_turn=settings.max_chunks_a_turn,
        running_turns=settings.max_running_turns,
        queued_turns=settings.max_queued_turns,
        running_turns_a_session=settings.max_running_turns_a_session,
        reader_backlog_bytes=settings.reader_backlog_bytes,
        context_tokens=settings.context_tokens,
        retries=settings.provider_retries,
        turn_seconds=settings.max_turn_seconds,
        lease=settings.lease_seconds,
        tick=settings.tick_seconds,
        retention=settings.retention_seconds,
    )


def catalogue(settings: Settings) -> Catalogue:
    """Make the providers and bots. Raises SettingsError for a default bot that does not exist."""
    configured = dict(settings.providers)
    if "ollama" not in configured and _listens(OLLAMA_PORT):
        configured["ollama"] = {"name": "ollama", "base_url": f"http://127.0.0.1:{OLLAMA_PORT}/v1"}
    providers = {"builtin": registry.load(registry.PROVIDERS, "builtin")()}
    for name, arguments in configured.items():
        try:
            providers[name] = registry.load(registry.PROVIDERS, "openai")(
                **arguments,
                connect_timeout=settings.connect_timeout,
                first_token_timeout=settings.first_token_timeout,
                idle_timeout=settings.idle_timeout,
            )
        except ValueError as error:
            raise SettingsError(f"provider {name}: {error}") from error
    bots = {
        "sizebot": Bot(
            name="sizebot",
            model="builtin/sizebot",
            title="SizeBot",
            greeting="Hello! Ask me about clothing and shoe sizes, in any system.",
            context_tokens=1_000_000,
        ),
        "echo": Bot(name="echo", model="builtin/echo", title="Echo", greeting="I say it back."),
    }
    for name, given in settings.bots.items():
        values = {field: getattr(given, field) for field in given.__struct_fields__}
        bots[name] = Bot(name=name, **values)
    default = settings.default_bot
    if settings.default_model:
        bots["assistant"] = Bot(name="assistant", model=settings.default_model, title="Assistant")
        default = "assistant"
    if default not in bots:
        raise SettingsError(f"ANTIPHON_DEFAULT_BOT={default!r}: there is only {', '.join(sorted(bots))}")
    return Catalogue(bots, providers, default_bot=default)


def _listens(port: int) -> bool:
    """Whether something on this machine takes connections at the port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), PROBE_S):
        return True
    return False


@contextlib.contextmanager
def sole_user(path: Path) -> Any:
    """Hold the lock that makes this process the only one on an SQLite file.

    The kernel drops it with the process, however that ends; so whoever holds it knows that every other
    pod the file tells of is dead, and can take over at once. Raises SettingsError if another holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingsError(
                f"{path} is in use by another antiphon. Stop it, or set DATABASE_URL."
            ) from error
        yield


def migrate(settings: Settings) -> bool:
    """Bring the database to the newest schema; return whether anything was done."""
    engine = make_engine(settings.sqlite_path)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            changed = upgrade(connection)
            connection.exec_driver_sql("COMMIT")
            return changed
    finally:
        engine.dispose()


async def wire(settings: Settings) -> Wired:
    """Put the server together. The database must be migrated."""
    executor = registry.load(registry.EXECUTORS, "sqlite")(
        settings.sqlite_path, synchronous=settings.sqlite_synchronous
    )
    store = registry.load(registry.STORES, "sqlite")(executor, outbox=settings.outbox)
    if settings.chunk_log == "memory":
        log = registry.load(registry.LOGS, "memory")()
    else:
        log = registry.load(registry.LOGS, "sqlite")(executor)
    rates = {"session": settings.rate_session, "user": settings.rate_user, "address": settings.rate_address}
    limiter = registry.load(registry.LIMITERS, "memory")(rates if settings.rate_limits else {})
    bus = registry.load(registry.BUSES, "memory")()
    engine = Engine(Ports(store, log, bus, limiter), catalogue(settings), bounds(settings))
    streams = Streams(engine)
    routes = _routes(engine, streams)
    fastapi = rest.make_rest(engine, _health(engine, streams), routes)
    add_pages(fastapi)
    identity = Identity(settings.secret or await store.secret("guest-cookie"))
    application = Application(
        routes,
        fastapi,
        identity,
        body_limit=settings.max_body_bytes,
        most_connections=settings.max_connections,
        hosts=settings.hosts,
    )
    return Wired(application, engine, streams)


def _routes(engine: Engine, streams: Streams) -> list[Route]:
    native = sse.NativeStreaming(engine, streams)
    board = subscribe.SubscribeDialect(engine, streams)
    turn_answers = ((202, "application/json"), (200, "text/event-stream"))
    return [
        Route(
            "POST",
            "/api/sessions/{session_id}/messages",
            native.send_message,
            body=sse.NewMessage,
            answers=turn_answers,
        ),
        Route("POST", "/api/turns/{turn_id}/regenerate", native.regenerate, answers=turn_answers),
        Route("GET", "/api/turns/{turn_id}/events", native.turn_events, parameters=("cursor",)),
        Route("GET", "/api/sessions/{session_id}/events", native.session_events, parameters=("cursor",)),
        Route(
            "POST",
            "/api/chat",
            board.submit,
            subscribe.answer_error,
            body=subscribe.Submit,
            answers=((202, "application/json"),),
        ),
        Route(
            "GET",
            "/api/sse",
            board.subscribe,
            subscribe.answer_error,
            parameters=("session_id!", "user_id!", "last_event_id"),
        ),
    ]


def _health(engine: Engine, streams: Streams) -> rest.Health:
    async def health() -> dict[str, Any]:
        return {
            "status": "healthy",
            "service": "antiphon",
            "version": __version__,
            "pod_id": engine.pod,
            "timestamp": iso(now_ms()),
            "active_connections": len(streams),
            "active_buffers": engine.worker.running,
            "nats_connected": False,
        }

    return health


class Server(uvicorn.Server):
    """Uvicorn that lets the engine leave first, so that open streams end with a word and not with a cut."""

    def __init__(self, config: uvicorn.Config, wired: Wired, announce: Announce) -> None:
        super().__init__(config)
        self._wired = wired
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
        try:
            await self._wired.engine.drain()
        finally:
            self._wired.streams.close()
            self.should_exit = True


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Wired]:
    """A started engine, closed at the end."""
    wired = await wire(settings)
    await wired.engine.start(alone=True)
    wired.streams.start()
    try:
        yield wired
    finally:
        wired.streams.close()
        await wired.engine.close()


async def serve(settings: Settings, announce: Announce) -> None:
    """Serve until a signal. ``announce(wired, port)`` is called once requests are taken."""
    async with running(settings) as wired:
        config = uvicorn.Config(
            wired.application,
            host=settings.host,
            port=settings.port,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            backlog=4096,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
            server_header=False,
        )
        server = Server(config, wired, announce)
        _settle_memory()
        await server.serve()


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
