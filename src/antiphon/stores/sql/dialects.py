"""What databases write differently."""

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType


class clock(FunctionElement[int]):  # noqa: N801 - SQL functions are named so
    """The database's own time in Unix milliseconds: leases must not depend on the clocks of pods."""

    type = BigInteger()
    inherit_cache = True


@compiles(clock, "sqlite")
def _clock_sqlite(element: clock, compiler: Any, **_: Any) -> str:  # noqa: ARG001 - the signature is given
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(clock, "postgresql")
def _clock_postgresql(element: clock, compiler: Any, **_: Any) -> str:  # noqa: ARG001
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"


class one_of(ColumnElement[Any]):  # noqa: N801
    """Whether a text column is in a list, given as a parameter that holds a JSON array.

    One statement whatever the length of the list; SQLAlchemy's ``IN`` makes one for each length.
    """

    # Not Boolean: SQLAlchemy would add "= 1" for databases that have no such type, and SQLite scan the table.
    type = NullType()
    inherit_cache = False

    def __init__(self, column: ColumnElement[Any], array: BindParameter[Any]) -> None:
        self.column = column
        self.array = array


@compiles(one_of, "sqlite")
def _one_of_sqlite(element: one_of, compiler: Any, **more: Any) -> str:
    column, array = (compiler.process(part, **more) for part in (element.column, element.array))
    return f"{column} IN (SELECT value FROM json_each({array}))"  # noqa: S608 - no value in it


@compiles(one_of, "postgresql")
def _one_of_postgresql(element: one_of, compiler: Any, **more: Any) -> str:
    column, array = (compiler.process(part, **more) for part in (element.column, element.array))
    # As an array, so that a lookup is planned and not a join.
    return f"{column} = ANY (ARRAY(SELECT jsonb_array_elements_text(CAST({array} AS jsonb))))"


class elements(FunctionElement[Any]):  # noqa: N801
    """The elements of a parameter that holds a JSON array, as rows with one column ``value``."""

    inherit_cache = True


@compiles(elements, "sqlite")
def _elements_sqlite(element: elements, compiler: Any, **more: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **more)})"


@compiles(elements, "postgresql")
def _elements_postgresql(element: elements, compiler: Any, **more: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **more)} AS jsonb))"
