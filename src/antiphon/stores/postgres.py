"""PostgreSQL as an executor: every operation a transaction on one of a few connections.

Transactions are READ COMMITTED: the statements lock what they decide upon, and one that meets what another
transaction did at the same moment (a unique row, a deadlock) runs again and finds it there.
"""

from collections.abc import Awaitable, Callable
from types import CodeType
from typing import Any, TypeVar

from sqlalchemy.util import greenlet_spawn

from antiphon.connections.postgres import Address, Pool
from antiphon.errors import StoreUnavailable
from antiphon.stores.postgres_connection import PostgresConnection, SecondStatement
from antiphon.stores.sql.connection import Connection

T = TypeVar("T")

# Held while the schema is changed, so that pods that start together do not change it at once.
MIGRATION_LOCK = 0x616E7469


class PostgresExecutor:
    """Runs operations on a PostgreSQL database; connects when it is first used, and again when cut off."""

    def __init__(self, url: str, *, pool: int = 10) -> None:
        self._pool = Pool(Address(url), pool)
        self._write = self._pool.address.begin("READ COMMITTED")
        # All statements of a read see the same moment.
        self._read = self._pool.address.begin("REPEATABLE READ READ ONLY")
        self._longer: set[CodeType] = set()

    async def write(self, operation: Callable[[Connection], T]) -> T:
        """See Executor."""
        return await self._pool.run(
            lambda driver: greenlet_spawn(operation, PostgresConnection(driver)), begin=self._write
        )

    async def read(self, operation: Callable[[Connection], T]) -> T:
        """See Executor.

        Most reads are one statement, which is a transaction already: one round trip instead of three. Which
        are more is learned: their first call is repeated.
        """
        code = operation.__code__
        if code not in self._longer:
            try:
                return await self._pool.run(
                    lambda driver: greenlet_spawn(operation, PostgresConnection(driver, 1))
                )
            except SecondStatement:
                self._longer.add(code)
        return await self._pool.run(
            lambda driver: greenlet_spawn(operation, PostgresConnection(driver)), begin=self._read
        )

    async def run(self, work: Callable[[Any], Awaitable[T]], *, transaction: bool = False) -> T:
        """Run work on the driver's own connection; it may run again, so it must be one that may.

        Raises StoreUnavailable.
        """
        return await self._pool.run(work, begin=self._write if transaction else None)

    async def close(self) -> None:
        """See Executor."""
        await self._pool.close()


async def migrate_postgres(url: str) -> bool:
    """Bring the schema up to date in one transaction; return whether anything was done.

    Raises StoreUnavailable.
    """
    from sqlalchemy import text  # noqa: PLC0415 - only at the start, and Alembic is slow to load
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    from antiphon.stores.sql.migrate import upgrade  # noqa: PLC0415

    address = Address(url)
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: address.connect(statement_s=None),
        poolclass=NullPool,
    )
    try:
        async with engine.begin() as connection:
            # Waits for another's migration, but not for long at a table that others use: they would all wait.
            await connection.execute(text("SET LOCAL lock_timeout = 0"))
            await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            await connection.execute(text("SET LOCAL lock_timeout = '20s'"))
            return await connection.run_sync(upgrade)
    except DBAPIError as error:
        raise StoreUnavailable(f"The database could not be brought up to date: {error.orig}") from error
    finally:
        await engine.dispose()
