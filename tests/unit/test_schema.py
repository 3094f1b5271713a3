"""The migrations end at the schema that the statements are written for; what else the tables hold."""

import asyncio
import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from antiphon.config import Settings
from antiphon.database import migrate
from antiphon.model import Chunk, End, Feedback, TurnState
from antiphon.stores.port import NewTurn, Outcome
from antiphon.stores.postgres import PostgresExecutor, migrate_postgres
from antiphon.stores.sql import migrate as migrate_module
from antiphon.stores.sql.migrate import HEAD, current
from antiphon.stores.sql.schema import metadata
from antiphon.stores.sql.store import SqlStore
from antiphon.stores.sqlite import SqliteExecutor, make_engine
from backends import postgres
from backends.services import need
from stored import ANN


def check(connection):
    """Compare what is there with the metadata, but for tables that only another database has."""

    def is_here(thing, name, kind, reflected, compare_to):
        return kind != "table" or thing.info.get("only", connection.dialect.name) == connection.dialect.name

    context = MigrationContext.configure(connection, opts={"include_object": is_here})
    assert current(connection) == HEAD
    assert compare_metadata(context, metadata) == []
    found = {i["name"] for i in inspect(connection).get_indexes("turns")}
    assert {"ix_turns_active_pod", "ix_turns_active_session", "ix_turns_stopping"} <= found
    return {table.name for table in metadata.sorted_tables if is_here(table, table.name, "table", 0, 0)}


def test_the_migrated_database_is_the_schema(migrated_database):
    engine = make_engine(migrated_database)
    with engine.connect() as connection:
        assert check(connection) < set(metadata.tables)
    engine.dispose()


async def test_the_migrated_database_is_the_schema_on_postgres():
    url = await postgres.database()
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"), poolclass=NullPool)
    async with engine.connect() as connection:
        assert await connection.run_sync(check) == set(metadata.tables)
    await engine.dispose()


async def test_pods_that_start_together_migrate_once():
    url = await postgres.create(need("POSTGRES_URL"), migrate=False)
    try:
        assert sorted(await asyncio.gather(*(migrate_postgres(url) for _ in range(4)))) == [False] * 3 + [
            True
        ]
        assert not await migrate_postgres(url)
    finally:
        await postgres.drop(need("POSTGRES_URL"), url)


def test_a_second_migration_does_nothing(tmp_path):
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'a.db'}")
    assert migrate(settings)
    assert not migrate(settings)


# What a pod of the release before stores; it does so also beside the new schema, during a rolling deploy.
OLD_ROWS = """
    INSERT INTO sessions (id, owner, title, context, turn_count, created_at, updated_at)
        VALUES ('{0}', 'user:ann', 'old', '{{}}', 1, 1, 2);
    INSERT INTO messages (id, session_id, ordinal, role, sender, status, content, metadata, created_at)
        VALUES ('q{0}', '{0}', 2, 'user', 'user', 'complete', 'hi', '{{}}', 2),
               ('a{0}', '{0}', 3, 'assistant', 'bot', 'complete', 'ho', '{{}}', 3);
"""


def at_0003(connection):
    """Bring a new database to what the release before had."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(migrate_module.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "0003")


async def check_old_rows(store):
    """Find what was stored before the migration, and use it in the new ways."""
    assert [(it.id, it.archived) for it in await store.sessions(ANN, None, 9)] == [("t", False), ("s", False)]
    assert (await store.update_session(ANN, "s", None, None, archived=True)).archived
    assert [it.id for it in await store.sessions(ANN, None, 9, archived=True)] == ["s"]
    assert [it.feedback for it in await store.messages(ANN, "s", None, 9)] == [None, None]
    up = Feedback(rating="up", comment="", created_at=1)
    assert (await store.rate(ANN, "as", up)).feedback == up
    await store.close()


async def test_a_database_of_the_release_before_is_upgraded(tmp_path):
    path = tmp_path / "old.db"
    engine = make_engine(path)
    with engine.connect() as connection:
        at_0003(connection)
        connection.connection.executescript(OLD_ROWS.format("s"))
    engine.dispose()
    assert migrate(Settings(database_url=f"sqlite:///{path}"))
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(OLD_ROWS.format("t"))
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    await check_old_rows(SqlStore(SqliteExecutor(path)))


async def test_a_postgres_database_of_the_release_before_is_upgraded():
    server = need("POSTGRES_URL")
    url = await postgres.create(server, migrate=False)
    try:
        engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"), poolclass=NullPool)
        async with engine.begin() as connection:
            await connection.run_sync(at_0003)
        await engine.dispose()
        db = await asyncpg.connect(url)
        await db.execute(OLD_ROWS.format("s"))
        assert await migrate_postgres(url)
        await db.execute(OLD_ROWS.format("t"))
        await db.close()
        await check_old_rows(SqlStore(PostgresExecutor(url)))
    finally:
        await postgres.drop(server, url)


async def test_with_the_outbox_on_an_ended_turn_leaves_one_row(migrated_database, tmp_path):
    path = shutil.copy(migrated_database, tmp_path / "antiphon.db")
    executor = SqliteExecutor(path)
    store = SqlStore(executor, outbox=True)
    await store.heartbeat("pod", 60_000, works=True)
    new = NewTurn(
        session_id="s",
        bot="b",
        model="m",
        text="x",
        create_session=True,
        claim_for="pod",
    )
    turn = (await store.submit(ANN, new)).turn
    end = End(state=TurnState.COMPLETE, finish_reason="stop", model="m", message_id=turn.reply_id)
    outcome = Outcome(state=TurnState.COMPLETE, content="", end=end, chunks=[Chunk("end", "{}")])
    assert [await store.finish(turn, outcome) for _ in range(2)] == ["done", "done"]
    rows = await executor.read(lambda c: c.exec_driver_sql("SELECT kind, subject, payload FROM events").all())
    await store.close()
    assert [(row.kind, row.subject) for row in rows] == [("turn.ended", turn.id)]
    assert json.loads(rows[0].payload)["session_id"] == "s"
