"""Rows that were fetched at once, for connections that run statements past SQLAlchemy's execution."""

import collections
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any


@functools.cache
def row_type(names: tuple[str, ...]) -> Callable[[Sequence[Any]], Any]:
    """Return what makes rows with these columns as attributes. Statements are few, and so are these."""
    row: Any = collections.namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024
    make: Callable[[Sequence[Any]], Any] = row._make
    return make


class FetchedRows:
    """The rows of one statement, fetched at once."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

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
