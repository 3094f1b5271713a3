"""A connection that runs SQLAlchemy statements straight on asyncpg.

The statement functions of ``stores/sql`` are synchronous; they run in a greenlet, which each statement leaves
for the event loop until its answer is there. That and the compilation are SQLAlchemy's; its execution, which
costs more than the rest of a turn, is not used (docs/decisions/007).
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy.dialects.postgresql import asyncpg as dialects
from sqlalchemy.util import await_only

from antiphon.stores.sql.fetched import FetchedRows, row_type

Driver = Any
"""An asyncpg connection: the package has no types that hold."""

_dialect = dialects.dialect()  # type: ignore[no-untyped-call]


class SecondStatement(Exception):
    """An operation that was taken for one of a single statement has another."""


class _Compiled:
    """A statement as text; what it returns is learned from its first rows."""

    __slots__ = ("constants", "pick", "returns", "row", "sql")

    def __init__(self, sql: str, names: Sequence[str], constants: dict[str, Any], *, returns: bool) -> None:
        self.sql = sql
        # Values that stand in the statement itself, such as a state that is compared with.
        self.constants = constants
        self.pick = _pick(names)
        self.returns = returns
        self.row: Callable[[Sequence[Any]], Any] | None = None

    def arguments(self, values: Mapping[str, Any]) -> Sequence[Any]:
        """Return the values in the order of the statement's numbers."""
        return self.pick({**self.constants, **values} if self.constants else values)

    def rows(self, records: Sequence[Any]) -> list[Any]:
        """Give the records attributes."""
        if not records:
            return []
        if self.row is None:
            self.row = row_type(tuple(records[0].keys()))
        return [self.row(record) for record in records]


# Statements are constants of modules: their number is known and small.
_compiled: dict[Any, _Compiled] = {}


class PostgresConnection:
    """The Connection protocol on one asyncpg connection, which its owner begins and commits.

    With ``most`` it raises SecondStatement instead of running more statements than that.
    """

    __slots__ = ("_driver", "_left")

    def __init__(self, driver: Driver, most: int = -1) -> None:
        self._driver = driver
        self._left = most

    def execute(self, statement: Any, parameters: Any = None, /) -> FetchedRows:
        """See Connection."""
        self._count()
        if isinstance(parameters, list):
            compiled = _compile(statement, parameters[0])
            await_only(
                self._driver.executemany(compiled.sql, [compiled.arguments(values) for values in parameters])
            )
            return FetchedRows([], -1)
        values = parameters or {}
        compiled = _compile(statement, values)
        arguments = compiled.arguments(values)
        if compiled.returns:
            rows = compiled.rows(await_only(self._driver.fetch(compiled.sql, *arguments)))
            return FetchedRows(rows, len(rows))
        return FetchedRows([], _count(await_only(self._driver.execute(compiled.sql, *arguments))))

    def exec_driver_sql(
        self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /
    ) -> FetchedRows:
        """See Connection."""
        self._count()
        if isinstance(parameters, list):
            await_only(self._driver.executemany(statement, parameters))
            return FetchedRows([], -1)
        if statement.startswith(("SELECT", "WITH")) or " RETURNING " in statement:
            records = await_only(self._driver.fetch(statement, *parameters))
            row = row_type(tuple(records[0].keys())) if records else tuple
            return FetchedRows([row(record) for record in records], len(records))
        return FetchedRows([], _count(await_only(self._driver.execute(statement, *parameters))))

    def _count(self) -> None:
        if not self._left:
            raise SecondStatement
        self._left -= 1


def _compile(statement: Any, parameters: Mapping[str, Any]) -> _Compiled:
    known = _compiled.get(statement)
    if known is None:
        # What is inserted is decided by the parameters given; everything else by the statement alone.
        columns = list(parameters) if statement.is_insert else None
        compiled = statement.compile(dialect=_dialect, column_keys=columns)
        names: list[str] = list(compiled.positiontup or ())
        constants = {name: value for name, value in compiled.params.items() if name not in parameters}
        returns = statement.is_select or bool(compiled.effective_returning)
        known = _compiled[statement] = _Compiled(str(compiled), names, constants, returns=returns)
    return known


def _pick(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    if names:
        (name,) = names
        return lambda values: (values[name],)
    return lambda _: ()


def _count(status: str) -> int:
    """Read the number of rows from an answer such as ``UPDATE 3`` or ``INSERT 0 1``."""
    number = status.rpartition(" ")[2]
    return int(number) if number.isdecimal() else -1
