"""Every registered back end, ready for the contract tests.

A maker is an async context manager that yields a factory: each call returns another instance on the same
data, as another process would have it (the same instance where data cannot be shared).
"""

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


STORES = {"sqlite": sqlite_store}
LOGS = {"memory": memory_log, "sqlite": sqlite_log}
