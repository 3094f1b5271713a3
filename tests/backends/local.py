"""Back ends that need no server."""

import contextlib
import shutil

from antiphon import registry


@contextlib.asynccontextmanager
async def sqlite_executors(migrated_database, tmp_path):
    path = tmp_path / "antiphon.db"
    shutil.copy(migrated_database, path)
    opened = []

    def make():
        executor = registry.load(registry.EXECUTORS, "sqlite")(path, synchronous="NORMAL")
        opened.append(executor)
        return executor

    yield make
    for executor in opened:
        await executor.close()


@contextlib.asynccontextmanager
async def sqlite_store(migrated_database, tmp_path):
    async with sqlite_executors(migrated_database, tmp_path) as make:
        yield lambda: registry.load(registry.STORES, "sqlite")(make(), outbox=True)


@contextlib.asynccontextmanager
async def sqlite_log(migrated_database, tmp_path):
    async with sqlite_executors(migrated_database, tmp_path) as make:
        yield lambda: registry.load(registry.LOGS, "sqlite")(make())


@contextlib.asynccontextmanager
async def memory_log(migrated_database, tmp_path):
    log = registry.load(registry.LOGS, "memory")()
    yield lambda: log


@contextlib.asynccontextmanager
async def memory_bus(migrated_database, tmp_path):
    bus = registry.load(registry.BUSES, "memory")()
    yield lambda: bus
    await bus.close()


@contextlib.asynccontextmanager
async def local_bus(migrated_database, tmp_path):
    opened = []

    def make():
        opened.append(registry.load(registry.BUSES, "local")(tmp_path / "bus"))
        return opened[-1]

    yield make
    for bus in opened:
        await bus.close()


@contextlib.asynccontextmanager
async def memory_limiter(migrated_database, tmp_path):
    made = {}

    def make(rates):
        # Counted by the process: what another asks for is the same one here.
        return made.setdefault(str(rates), registry.load(registry.LIMITERS, "memory")(rates))

    yield make


@contextlib.asynccontextmanager
async def memory_presence(migrated_database, tmp_path):
    presence = registry.load(registry.PRESENCES, "memory")()
    yield lambda: presence


@contextlib.asynccontextmanager
async def memory_cache(migrated_database, tmp_path):
    cache = registry.load(registry.CACHES, "memory")()
    yield lambda: cache
