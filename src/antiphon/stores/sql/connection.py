"""What the statement functions of this folder need of a database connection.

SQLAlchemy's own ``Connection`` is one. A store may bring a cheaper one (stores/sqlite_connection.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable


class Rows(Protocol):
    """The rows of one statement; each has its columns as attributes."""

    @property
    def rowcount(self) -> int:
        """How many rows an UPDATE or DELETE met."""
        ...

    def __iter__(self) -> Iterator[Any]: ...

    def all(self) -> Sequence[Any]:
        """Return all rows."""
        ...

    def one(self) -> Any:
        """Return the only row."""
        ...

    def one_or_none(self) -> Any:
        """Return the only row, or None."""
        ...

    def scalar_one(self) -> Any:
        """Return the only row's first column."""
        ...

    def scalar(self) -> Any:
        """Return the first row's first column, or None."""
        ...


class Connection(Protocol):
    """Runs statements. All given to ``execute`` are constants of a module, so that they are compiled once."""

    def execute(self, statement: Any, parameters: Any = None, /) -> Rows:
        """Run a SQLAlchemy statement with a mapping of parameters, or with each of a list of them."""
        ...

    def exec_driver_sql(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /) -> Rows:
        """Run SQL text with parameters in the driver's style; a list of tuples runs it with each."""
        ...


@runtime_checkable
class LocalConnection(Connection, Protocol):
    """A connection to a database in this process, whose rows can be read one by one."""

    def stream(self, statement: Any, parameters: Mapping[str, Any], /) -> Iterator[Any]:
        """Run a SQLAlchemy statement and yield its rows as they are read; no further ones are."""
        ...
