"""The adapters that the settings name, opened when first used and closed together."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from antiphon import registry
from antiphon.config import Settings, SettingsError
from antiphon.engine.ports import Ports

EXTRAS = {"postgres": "postgres", "redis": "redis", "nats": "nats"}


class MissingDriver(Exception):
    """A back end's Python package is not installed; the text says what to install."""


class Backends:
    """Every connection this process has to a database or broker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._closers: list[Callable[[], Awaitable[Any]]] = []

    @functools.cached_property
    def executor(self) -> Any:
        """What runs SQL."""
        settings = self._settings
        made = load_optional(registry.EXECUTORS, settings.store)
        if settings.store == "sqlite":
            return made(settings.sqlite_path, synchronous=settings.sqlite_synchronous)
        return made(settings.database_url, pool=settings.database_pool)

    @functools.cached_property
    def store(self) -> Any:
        """Where truth lives."""
        made = load_optional(registry.STORES, self._settings.store)
        return made(self.executor, outbox=self._settings.outbox)

    @functools.cached_property
    def redis(self) -> Any:
        """The Redis client."""
        connect = load_optional({"redis": "antiphon.connections.redis:connect"}, "redis")
        made = connect(self._settings.redis_url)
        self._closers.append(made.aclose)
        return made

    @functools.cached_property
    def nats(self) -> Any:
        """The NATS connection."""
        holder = load_optional({"nats": "antiphon.connections.nats:NatsConnection"}, "nats")
        made = holder(self._settings.nats_url)
        self._closers.append(made.close)
        return made

    @functools.cached_property
    def cache(self) -> Any:
        """What keeps answers for a while."""
        kind = self._settings.cache_kind
        made = load_optional(registry.CACHES, kind)
        return made(*([self.redis] if kind == "redis" else []))

    def ports(self) -> Ports:
        """Make one adapter of each kind, as the settings say."""
        settings = self._settings
        limiter = load_optional(registry.LIMITERS, settings.limiter_kind)
        shared_limits = [self.redis] if settings.limiter_kind == "redis" else []
        presence = load_optional(registry.PRESENCES, settings.presence_kind)
        return Ports(
            store=self.store,
            log=self._adapter(registry.LOGS, settings.log_kind),
            bus=self._adapter(registry.BUSES, settings.bus_kind),
            limiter=limiter(*shared_limits, settings.rates),
            presence=presence(*([self.redis] if settings.presence_kind == "redis" else [])),
            cache=self.cache,
        )

    def workflow(self, pod: str, **arguments: Any) -> Any:
        """Make a provider that is an outside workflow service."""
        return load_optional(registry.PROVIDERS, "workflow")(self.nats, pod, **arguments)

    async def close(self) -> None:
        """Close what several adapters share; they are closed before."""
        for close in reversed(self._closers):
            await close()

    def _adapter(self, table: dict[str, str], kind: str) -> Any:
        made = load_optional(table, kind)
        match kind:
            case "memory":
                return made()
            case "local":
                try:
                    return made(self._settings.bus_folder)
                except OSError as error:
                    raise SettingsError(f"The processes cannot reach each other: {error}") from error
            case "redis":
                return made(self.redis)
            case "nats":
                return made(self.nats)
            case "postgres" if table is registry.BUSES:
                return made(self._settings.database_url)
            case _:
                return made(self.executor)


def load_optional(table: dict[str, str], kind: str) -> Any:
    """Import a back end. Raises MissingDriver if its package is not installed."""
    try:
        return registry.load(table, kind)
    except ImportError as error:
        extra = EXTRAS.get(kind)
        if extra is None or (error.name or "").startswith("antiphon"):
            raise
        raise MissingDriver(f"{error.name} is not installed. Run: pip install 'antiphon[{extra}]'") from error
