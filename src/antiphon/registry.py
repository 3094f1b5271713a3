"""Every back end by name: ``"module:Class"``, imported only when it is used."""

import importlib
from typing import Any

STORES = {
    "sqlite": "antiphon.stores.sql.store:SqlStore",
    "postgres": "antiphon.stores.sql.store:SqlStore",
}
EXECUTORS = {
    "sqlite": "antiphon.stores.sqlite:SqliteExecutor",
    "postgres": "antiphon.stores.postgres:PostgresExecutor",
}
LOGS = {
    "memory": "antiphon.logs.memory:MemoryLog",
    "sqlite": "antiphon.logs.sqlite:SqliteLog",
    "postgres": "antiphon.logs.postgres:PostgresLog",
    "redis": "antiphon.logs.redis:RedisLog",
    "nats": "antiphon.logs.nats:NatsLog",
}
BUSES = {
    "memory": "antiphon.buses.memory:MemoryBus",
    "local": "antiphon.buses.local:LocalBus",
    "postgres": "antiphon.buses.postgres:PostgresBus",
    "redis": "antiphon.buses.redis:RedisBus",
    "nats": "antiphon.buses.nats:NatsBus",
}
LIMITERS = {
    "memory": "antiphon.limits.memory:MemoryLimiter",
    "redis": "antiphon.limits.redis:RedisLimiter",
}
PRESENCES = {
    "memory": "antiphon.presence.memory:MemoryPresence",
    "redis": "antiphon.presence.redis:RedisPresence",
}
CACHES = {
    "memory": "antiphon.caches.memory:MemoryCache",
    "redis": "antiphon.caches.redis:RedisCache",
}
PROVIDERS = {
    "builtin": "antiphon.bots.provider:BuiltinProvider",
    "openai": "antiphon.providers.openai:OpenAIProvider",
    "workflow": "antiphon.providers.workflow:WorkflowProvider",
}


def load(table: dict[str, str], name: str) -> Any:
    """Import what a table names. Raises KeyError for an unknown name."""
    module, _, attribute = table[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
