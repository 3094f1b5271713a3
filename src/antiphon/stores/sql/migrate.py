"""Schema migrations, by Alembic."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

HEAD = "0004"
_SCRIPTS = Path(__file__).parent / "migrations"


def current(connection: Connection) -> str | None:
    """Return the revision the database is at, None if it is new."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return str(found) if found else None


def upgrade(connection: Connection) -> bool:
    """Bring the schema to ``HEAD``; return whether anything was done.

    Alembic is imported only when there is something to do: most starts have nothing.
    """
    if current(connection) == HEAD:
        return False
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return True
