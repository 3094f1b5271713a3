"""A place in a session's replies, the same on every transport.

A cursor is text such as ``12.40``: 40 chunks of turn 12 were received. While several turns of a session are
under way it names each: ``13.2,12.40``. For a reader of the whole session

- a turn that is named goes on after the chunks received,
- a turn with a lower number than the highest named one, not named, was received whole,
- a turn with a higher number has not been seen.
"""

import re
from collections.abc import Mapping

import msgspec

from antiphon.errors import BadRequest

_CURSOR = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}(,[0-9]{1,9}\.[0-9]{1,9}){0,63}")


class Cursor(msgspec.Struct, frozen=True):
    """Chunks received, by turn number."""

    received: Mapping[int, int]

    @property
    def newest(self) -> int:
        """The highest turn number named."""
        return max(self.received)

    def of(self, turn_number: int) -> int | None:
        """Return how many chunks of the turn were received; None if it was received whole."""
        if turn_number in self.received:
            return self.received[turn_number]
        return 0 if turn_number > self.newest else None

    def __str__(self) -> str:
        return ",".join(f"{number}.{count}" for number, count in sorted(self.received.items(), reverse=True))


def parse_cursor(text: str | None) -> Cursor | None:
    """Read a cursor; None or an empty text means none. Raises BadRequest."""
    if not text:
        return None
    if not _CURSOR.fullmatch(text):
        raise BadRequest(
            "This is not a cursor. Send the id of the last event received (such as 12.40), or none to begin."
        )
    pairs = (pair.split(".") for pair in text.split(","))
    return Cursor({int(number): int(count) for number, count in pairs})
