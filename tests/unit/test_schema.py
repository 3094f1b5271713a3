"""The migrations end at the schema that the statements are written for; what else the tables hold."""

import asyncio
import json
import shutil

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from antiphon.config import Settings
from antiphon.database import migrate
from antiphon.model import Chunk, End, Principal, TurnState
from antiphon.stores.port import NewTurn, Outcome
from antiphon.stores.postgres import migrate_postgres
from antiphon.stores.sql.migrate import HEAD, current
from antiphon.stores.sql.schema import metadata
from antiphon.stores.sql.store import SqlStore
from antiphon.stores.sqlite import SqliteExecutor, make_engine
from backends import postgres
from backends.services import need


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


async def test_with_the_outbox_on_an_ended_turn_leaves_one_row(migrated_database, tmp_path):
    path = shutil.copy(migrated_database, tmp_path / "antiphon.db")
    executor = SqliteExecutor(path)
    store = SqlStore(executor, outbox=True)
    await store.heartbeat("pod", 60_000, works=True)
    ann = Principal("user:ann")
    new = NewTurn(
        session_id="s",
        bot="b",
        model="m",
        text="x",
        create_session=True,
        claim_for="pod",
    )
    turn = (await store.submit(ann, new)).turn
    end = End(state=TurnState.COMPLETE, finish_reason="stop", model="m", message_id=turn.reply_id)
    outcome = Outcome(state=TurnState.COMPLETE, content="", end=end, chunks=[Chunk("end", "{}")])
    assert [await store.finish(turn, outcome) for _ in range(2)] == ["done", "done"]
    rows = await executor.read(lambda c: c.exec_driver_sql("SELECT kind, subject, payload FROM events").all())
    await store.close()
    assert [(row.kind, row.subject) for row in rows] == [("turn.ended", turn.id)]
    assert json.loads(rows[0].payload)["session_id"] == "s"
