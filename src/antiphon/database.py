"""Before anything is served: the schema, and who may use an SQLite file."""

import asyncio
import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from antiphon.backends import Backends, load_optional
from antiphon.config import Settings, SettingsError
from antiphon.engine.pod import FOREVER_MS
from antiphon.stores.sql.migrate import upgrade
from antiphon.stores.sqlite import make_engine

_MIGRATIONS = {"postgres": "antiphon.stores.postgres:migrate_postgres"}


@contextlib.contextmanager
def ready(settings: Settings) -> Iterator[None]:
    """Hold the database for this process and its children, at the newest schema.

    Raises SettingsError if an SQLite file is another's, StoreUnavailable if a server does not answer.
    """
    if settings.store != "sqlite":
        migrate(settings)
        yield
        return
    with sole_user(settings.sqlite_path):
        migrate(settings)
        yield


@contextlib.contextmanager
def sole_user(path: Path) -> Iterator[None]:
    """Hold the lock that makes this process the only one on an SQLite file.

    The kernel drops it with the process, however that ends; so whoever holds it knows that every other
    pod the file tells of is dead, and can take over at once. Raises SettingsError if another holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingsError(
                f"{path} is in use by another antiphon. Stop it, or set DATABASE_URL."
            ) from error
        yield


def migrate(settings: Settings) -> bool:
    """Bring the database to the newest schema; return whether anything was done."""
    if settings.store == "postgres":
        upgrade_postgres = load_optional(_MIGRATIONS, "postgres")
        return bool(asyncio.run(upgrade_postgres(settings.database_url)))
    settings.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.sqlite_path)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            changed = upgrade(connection)
            connection.exec_driver_sql("COMMIT")
            return changed
    finally:
        engine.dispose()


async def bury_all(settings: Settings) -> None:
    """Queue the turns of all pods: for whoever holds the file, before its processes start."""
    store = Backends(settings).store
    await store.bury("", -FOREVER_MS)
    await store.close()
