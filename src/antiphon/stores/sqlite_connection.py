"""A connection that runs SQLAlchemy statements straight on ``sqlite3``.

A turn is about eight statements, all on the one thread that writes. Run by SQLAlchemy, compiled and cached as
they are, they took twice that thread's share of the process (docs/decisions/005).
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy.dialects import sqlite

from antiphon.stores.sql.fetched import FetchedRows, row_type

BUSY_TIMEOUT_S = 5.0
_dialect = sqlite.dialect(paramstyle="named")


class _Compiled(NamedTuple):
    sql: str
    # Values that stand in the statement itself, such as a state that is compared with.
    constants: dict[str, Any]


# Statements are constants of modules: their number is known and small.
_compiled: dict[Any, _Compiled] = {}


def _fetch(cursor: sqlite3.Cursor) -> FetchedRows:
    if cursor.description is None:
        return FetchedRows([], cursor.rowcount)
    make = row_type(tuple(column[0] for column in cursor.description))
    rows = [make(row) for row in cursor]
    # Known only after the last row of a statement that also changes something.
    return FetchedRows(rows, cursor.rowcount)


class SqliteConnection:
    """The LocalConnection protocol on one ``sqlite3`` connection, which its owner begins and commits."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def execute(self, statement: Any, parameters: Any = None, /) -> FetchedRows:
        """See Connection."""
        if isinstance(parameters, list):
            sql, constants = _compile(statement, parameters[0])
            return _fetch(self.db.executemany(sql, [constants | values for values in parameters]))
        sql, constants = _compile(statement, parameters or {})
        return _fetch(self.db.execute(sql, constants | parameters if parameters else constants))

    def stream(self, statement: Any, parameters: Mapping[str, Any], /) -> Iterator[Any]:
        """See LocalConnection."""
        sql, constants = _compile(statement, parameters)
        cursor = self.db.execute(sql, {**constants, **parameters})
        make = row_type(tuple(column[0] for column in cursor.description))
        with contextlib.closing(cursor):
            for row in cursor:
                yield make(row)

    def exec_driver_sql(
        self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /
    ) -> FetchedRows:
        """See Connection."""
        if isinstance(parameters, list):
            return _fetch(self.db.executemany(statement, parameters))
        return _fetch(self.db.execute(statement, parameters))


def connect(path: Path, synchronous: Literal["FULL", "NORMAL"]) -> sqlite3.Connection:
    """Open a SQLite file in WAL mode; transactions are begun by hand.

    ``FULL`` makes each commit survive a power cut; with ``NORMAL`` the last commits may be lost then, but
    never through a crash of the process.
    """
    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA cache_size = -16000")
    return db


def _compile(statement: Any, parameters: Mapping[str, Any]) -> _Compiled:
    known = _compiled.get(statement)
    if known is None:
        # What is inserted is decided by the parameters given; everything else by the statement alone.
        columns = list(parameters) if statement.is_insert else None
        compiled = statement.compile(dialect=_dialect, column_keys=columns)
        constants = {name: value for name, value in compiled.params.items() if name not in parameters}
        known = _compiled[statement] = _Compiled(str(compiled), constants)
    return known
