"""Every back end by name: ``"module:Class"``, imported only when it is used."""

import importlib
from typing import Any

STORES = {"sqlite": "antiphon.stores.sql.store:SqlStore"}
EXECUTORS = {"sqlite": "antiphon.stores.sqlite:SqliteExecutor"}
LOGS = {"memory": "antiphon.logs.memory:MemoryLog", "sqlite": "antiphon.logs.sqlite:SqliteLog"}
BUSES = {"memory": "antiphon.buses.memory:MemoryBus"}
LIMITERS = {"memory": "antiphon.limits.memory:MemoryLimiter"}
PROVIDERS = {
    "builtin": "antiphon.bots.provider:BuiltinProvider",
    "openai": "antiphon.providers.openai:OpenAIProvider",
}


def load(table: dict[str, str], name: str) -> Any:
    """Import what a table names. Raises KeyError for an unknown name."""
    module, _, attribute = table[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
