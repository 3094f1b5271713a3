"""What databases write differently."""

import functools
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

# Beyond this no letter has cases (Unicode 16).
LAST_CASED = 0x1E944


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


class has_text(ColumnElement[Any]):  # noqa: N801
    """Whether a text column contains a text, upper and lower case alike; ``patterns`` makes its parameters.

    Not by the databases' own idea of case: SQLite's knows ASCII only, and PostgreSQL's no more in a database
    whose locale is ``C``.
    """

    type = NullType()
    inherit_cache = False

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column


_LIKE, _GLOB, _REGEX = (bindparam(name, type_=Text) for name in ("like", "glob", "regex"))


@compiles(has_text, "sqlite")
def _has_text_sqlite(element: has_text, compiler: Any, **more: Any) -> str:
    column, like, glob = (compiler.process(part, **more) for part in (element.column, _LIKE, _GLOB))
    # LIKE is ten times as fast and leaves little to GLOB, unless there is nothing of ASCII in the text.
    return f"({column} LIKE {like} ESCAPE '\\' AND {column} GLOB {glob})"


@compiles(has_text, "postgresql")
def _has_text_postgresql(element: has_text, compiler: Any, **more: Any) -> str:
    column, regex = (compiler.process(part, **more) for part in (element.column, _REGEX))
    return f"({column} ~ {regex})"


@functools.cache
def _alike() -> dict[str, str]:
    """Return, by its folded form, all characters that differ in case only."""
    groups: dict[str, str] = {}
    for character in map(chr, range(0x80, LAST_CASED)):
        folded = _fold(character)
        if folded != character:
            groups[folded] = groups.get(folded, folded) + character
    return groups


def _fold(character: str) -> str:
    forms = (character.casefold(), character.lower(), character)
    return next(form for form in forms if len(form) == 1)


def _variants(character: str) -> str:
    """Return the character in all its cases; of ASCII both."""
    if character.isascii():
        return "".join(sorted({character.lower(), character.upper()}))
    return _alike().get(_fold(character), character)


def patterns(text: str) -> dict[str, str]:
    """Return the parameters of ``has_text``.

    Case is as Unicode's simple folding has it, where one character stays one.
    """
    like = glob = regex = ""
    for character in text:
        variants = _variants(character)
        escaped = character in r"\%_"
        # What is not ASCII may be any character for LIKE: GLOB looks closer.
        like += ("\\" if escaped else "") + character if character.isascii() else "_"
        glob += f"[{variants}]" if len(variants) > 1 or character in "*?[" else character
        if len(variants) > 1:
            regex += f"[{variants}]"
        else:
            regex += character if character.isalnum() or not character.isascii() else f"\\{character}"
    return {"like": f"%{like}%", "glob": f"*{glob}*", "regex": regex}
