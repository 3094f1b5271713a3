"""What a client of contract C has received, which never says so itself.

Its library answers a ping behind the frames when they have arrived. But a program may leave before it has
taken from its library what arrived last, and would then miss that for ever. So of what arrived within the
last moment only that counts which a program most likely had when it left: all up to the last reply that ended
there, else the first frame. The others come again, and are recognised by ``message_id`` and ``chunk_id``.
"""

from collections import deque
from collections.abc import Callable

import msgspec

# Within this time a program takes what its library has got. Tokens of one reply are mostly further apart.
TAKEN_WITHIN_S = 0.01


class _Frames(msgspec.Struct):
    """Frames between two questions: the cursors after the first, the last that ended a reply, the last."""

    first: str
    end: str | None
    last: str


class Receipts:
    """The frames of one connection, by the cursors that they carry; ``now`` is a clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known = ""
        self._unasked: _Frames | None = None
        self._asked: _Frames | None = None
        self._arrived: deque[tuple[float, _Frames]] = deque()

    def begin(self, cursor: str) -> None:
        """Note where the connection begins."""
        self._known = cursor

    def written(self, cursor: str, *, ends: bool) -> None:
        """Note a frame; ``ends``: it is the last one of a reply."""
        if self._unasked is None:
            self._unasked = _Frames(cursor, None, cursor)
        self._unasked.last = cursor
        if ends:
            self._unasked.end = cursor

    @property
    def may_ask(self) -> bool:
        """Whether there is something to ask about, and no question is open."""
        return self._asked is None and self._unasked is not None

    def ask(self) -> None:
        """Note that it was asked whether all has arrived that was written so far."""
        self._asked, self._unasked = self._unasked, None

    def answered(self) -> None:
        """Note the answer to that."""
        if self._asked is not None:
            self._arrived.append((self._now(), self._asked))
            self._asked = None

    def known(self) -> str:
        """Return the cursor up to which the client has everything."""
        taken_before = self._now() - TAKEN_WITHIN_S
        while self._arrived and self._arrived[0][0] <= taken_before:
            self._known = self._arrived.popleft()[1].last
        ends = [frames.end for _, frames in self._arrived if frames.end is not None]
        if ends:
            return ends[-1]
        return self._arrived[0][1].first if self._arrived else self._known
