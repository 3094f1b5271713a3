"""Back ends on PostgreSQL: one database a test session, emptied for each test."""

import asyncio
import atexit
import contextlib
import os
import secrets
from urllib.parse import urlsplit

import asyncpg

from antiphon import registry
from backends.services import need

PREFIX = "antiphon_test_"
_made = {}


async def database():
    """Return the address of a migrated database of our own."""
    server = need("POSTGRES_URL")
    if server not in _made:
        _made[server] = await create(server)
        atexit.register(asyncio.run, drop(server, _made[server]))
    return _made[server]


async def create(server, *, migrate=True):
    from antiphon.stores.postgres import migrate_postgres

    name = f"{PREFIX}{os.getpid()}_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(server)
    await _drop_abandoned(connection)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    if migrate:
        await migrate_postgres(url)
    return url


async def _drop_abandoned(connection):
    """Drop what test sessions left that were killed."""
    for (name,) in await connection.fetch(
        "SELECT datname FROM pg_database WHERE datname LIKE $1", f"{PREFIX}%"
    ):
        try:
            os.kill(int(name.removeprefix(PREFIX).partition("_")[0]), 0)
        except ProcessLookupError:
            with contextlib.suppress(asyncpg.PostgresError):  # another does the same
                await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        except (ValueError, PermissionError):
            pass


async def drop(server, url):
    with contextlib.suppress(OSError, asyncpg.PostgresError):
        connection = await asyncpg.connect(server)
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {urlsplit(url).path[1:]} WITH (FORCE)")
        finally:
            await connection.close()


async def empty(url):
    connection = await asyncpg.connect(url)
    tables = await connection.fetchval(
        "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables "
        "WHERE schemaname = current_schema AND tablename <> 'alembic_version'"
    )
    await connection.execute(f"TRUNCATE {tables}")
    await connection.close()


@contextlib.asynccontextmanager
async def executors():
    url = await database()
    await empty(url)
    opened = []

    def make():
        opened.append(registry.load(registry.EXECUTORS, "postgres")(url))
        return opened[-1]

    yield make
    for executor in opened:
        await executor.close()


@contextlib.asynccontextmanager
async def store(migrated_database, tmp_path):
    async with executors() as make:
        yield lambda: registry.load(registry.STORES, "postgres")(make(), outbox=True)


@contextlib.asynccontextmanager
async def log(migrated_database, tmp_path):
    async with executors() as make:
        yield lambda: registry.load(registry.LOGS, "postgres")(make())


@contextlib.asynccontextmanager
async def bus(migrated_database, tmp_path):
    url = await database()
    opened = []

    def make():
        opened.append(registry.load(registry.BUSES, "postgres")(url))
        return opened[-1]

    yield make
    for each in opened:
        await each.close()
