"""The migrations end at the schema that the statements are written for."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from antiphon.app import migrate
from antiphon.config import Settings
from antiphon.stores.sql.migrate import HEAD, current
from antiphon.stores.sql.schema import metadata
from antiphon.stores.sqlite import make_engine


def test_the_migrated_database_is_the_schema(migrated_database):
    engine = make_engine(migrated_database)
    with engine.connect() as connection:
        assert current(connection) == HEAD
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        found = {i["name"] for i in inspect(connection).get_indexes("turns")}
    engine.dispose()
    assert {"ix_turns_active_pod", "ix_turns_active_session"} <= found


def test_a_second_migration_does_nothing(tmp_path):
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'a.db'}")
    assert migrate(settings)
    assert not migrate(settings)
