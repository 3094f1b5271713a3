"""SQLite as an executor: one writer thread with group commit, a few readers, write-ahead log.

All writes of the process that are waiting go into one transaction, so that the cost of a commit is shared
by everything that happened since the last one; callers go on only after that commit. A write that comes after
a quiet moment is committed at once.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from antiphon.errors import AntiphonError, StoreUnavailable
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sqlite_connection import SqliteConnection, connect

T = TypeVar("T")
Operation = Callable[[Connection], Any]
Job = tuple[Operation, asyncio.Future[Any]]
Result = tuple[asyncio.Future[Any], Any, BaseException | None]

MAX_GROUP = 512
READERS = 2
# Commits that would follow each other more closely are made one.
BETWEEN_COMMITS_S = 0.004


def make_engine(path: Path) -> Engine:
    """Return a SQLAlchemy engine on a SQLite file, for migrations."""
    return create_engine(
        "sqlite://", creator=lambda: connect(path, "FULL"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )


class SqliteExecutor:
    """Runs operations on one SQLite file for one event loop."""

    def __init__(self, path: Path, *, synchronous: Literal["FULL", "NORMAL"] = "FULL") -> None:
        self._path = path
        self._synchronous: Literal["FULL", "NORMAL"] = synchronous
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_all, name="sqlite-writer", daemon=True)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._local = threading.local()
        self._opened: list[SqliteConnection] = []
        self._closed = False
        self._writing = self._connect()
        self._writer.start()

    async def write(self, operation: Callable[[Connection], T]) -> T:
        """See Executor."""
        if self._closed:
            raise StoreUnavailable("The database is closed: the server is shutting down.")
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((operation, future))
        return await future

    async def read(self, operation: Callable[[Connection], T]) -> T:
        """See Executor."""
        if self._closed:
            raise StoreUnavailable("The database is closed: the server is shutting down.")
        return await self._loop.run_in_executor(self._readers, self._read, operation)

    async def close(self) -> None:
        """See Executor."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            await self._loop.run_in_executor(None, self._writer.join)
            self._readers.shutdown()
            for connection in self._opened:
                connection.db.close()

    def _connect(self) -> SqliteConnection:
        return SqliteConnection(connect(self._path, self._synchronous))

    def _read(self, operation: Callable[[Connection], T]) -> T:
        connection: SqliteConnection | None = getattr(self._local, "connection", None)
        try:
            if connection is None:
                connection = self._local.connection = self._connect()
                self._opened.append(connection)
            connection.db.execute("BEGIN")
            try:
                return operation(connection)
            finally:
                connection.db.execute("COMMIT")
        except sqlite3.Error as error:
            raise _unavailable(error) from error

    def _write_all(self) -> None:
        connection = self._writing
        committed_at = 0.0
        while True:
            jobs = self._take(committed_at + BETWEEN_COMMITS_S)
            if jobs:
                results = commit_together(connection, jobs)
                committed_at = time.monotonic()
                self._loop.call_soon_threadsafe(_resolve, results)
            if len(jobs) < MAX_GROUP and self._closed and self._jobs.empty():
                connection.db.close()
                return

    def _take(self, not_before: float) -> list[Job]:
        """Wait for a job and for the time, then take all others that wait too."""
        jobs: list[Job] = []
        job = self._jobs.get()
        early = not_before - time.monotonic()
        if early > 0 and not self._closed:
            time.sleep(early)
        while job is not None:
            jobs.append(job)
            if len(jobs) == MAX_GROUP:
                break
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
        return jobs


def commit_together(connection: SqliteConnection, jobs: list[Job]) -> list[Result]:
    """Run all jobs in one transaction; if one breaks it, run each in its own.

    An operation that raises an AntiphonError has written nothing, so it does not disturb the others. That
    is checked: one that did write breaks the transaction like any other error.
    """
    try:
        _begin(connection)
    except sqlite3.Error as error:
        # Locked, or gone: that is nobody's own fault, and trying again for each would wait for each.
        return [(future, None, _unavailable(error)) for _, future in jobs]
    try:
        return _transaction(connection, jobs)
    except Exception as error:  # noqa: BLE001 - reported to the job that raised it
        if len(jobs) == 1:
            fault = _unavailable(error) if isinstance(error, sqlite3.Error) else error
            return [(jobs[0][1], None, fault)]
        return [result for job in jobs for result in commit_together(connection, [job])]


def _begin(connection: SqliteConnection) -> None:
    if connection.db.in_transaction:  # what an earlier failure may have left
        connection.db.execute("ROLLBACK")
    connection.db.execute("BEGIN IMMEDIATE")


def _transaction(connection: SqliteConnection, jobs: list[Job]) -> list[Result]:
    db = connection.db
    results: list[Result] = []
    try:
        for operation, future in jobs:
            before = db.total_changes
            try:
                results.append((future, operation(connection), None))
            except AntiphonError as error:
                if db.total_changes != before:
                    raise
                results.append((future, None, error))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return results


def _resolve(results: list[Result]) -> None:
    for future, value, error in results:
        if future.done():  # its caller was cancelled
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def _unavailable(error: sqlite3.Error) -> Exception:
    if isinstance(error, sqlite3.IntegrityError):
        return error
    return StoreUnavailable(f"The database could not be used ({error}). Try again shortly.", retry_after=1)
