"""A connection that runs SQLAlchemy statements straight on ``sqlite3``.

A turn is about eight statements, all on the one thread that writes. Run by SQLAlchemy, compiled and cached as
they are, they took twice that thread's share of the process (docs/decisions/005).
"""

import collections
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy.dialects import sqlite

BUSY_TIMEOUT_S = 5.0
_dialect = sqlite.dialect(paramstyle="named")


class _Compiled(NamedTuple):
    sql: str
    # Values that stand in the statement itself, such as a state that is compared with.
    constants: dict[str, Any]


# Statements are constants of modules: their number is known and small.
_compiled: dict[Any, _Compiled] = {}
_rows: dict[tuple[str, ...], Callable[[Sequence[Any]], Any]] = {}


class SqliteRows:
    """The rows of one statement, fetched at once."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.rowcount = cursor.rowcount
        self._rows: list[Any] = []
        if cursor.description is not None:
            names = tuple(column[0] for column in cursor.description)
            make = _rows.get(names)
            if make is None:
                make = _rows[names] = _row_type(names)
            self._rows = [make(row) for row in cursor]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> Sequence[Any]:
        """See Rows."""
        return self._rows

    def one(self) -> Any:
        """See Rows."""
        (row,) = self._rows
        return row

    def one_or_none(self) -> Any:
        """See Rows."""
        return self.one() if self._rows else None

    def scalar_one(self) -> Any:
        """See Rows."""
        return self.one()[0]

    def scalar(self) -> Any:
        """See Rows."""
        return self._rows[0][0] if self._rows else None


class SqliteConnection:
    """The Connection protocol on one ``sqlite3`` connection, which its owner begins and commits."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def execute(self, statement: Any, parameters: Any = None, /) -> SqliteRows:
        """See Connection."""
        if isinstance(parameters, list):
            sql, constants = _compile(statement, parameters[0])
            return SqliteRows(self.db.executemany(sql, [constants | values for values in parameters]))
        sql, constants = _compile(statement, parameters or {})
        return SqliteRows(self.db.execute(sql, constants | parameters if parameters else constants))

    def exec_driver_sql(
        self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /
    ) -> SqliteRows:
        """See Connection."""
        if isinstance(parameters, list):
            return SqliteRows(self.db.executemany(statement, parameters))
        return SqliteRows(self.db.execute(statement, parameters))


def _row_type(names: tuple[str, ...]) -> Callable[[Sequence[Any]], Any]:
    """Return what makes rows with these columns as attributes."""
    row: Any = collections.namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024
    make: Callable[[Sequence[Any]], Any] = row._make
    return make


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
