"""What a client of contract C has received, which never says so itself.

Its library answers a ping behind the frames when they have arrived. But a program may leave before it has
taken from its library what arrived last, and would then miss that for ever. So of frames that came together
just before it left, only those count which it most likely had: up to a reply's end among the first few, else
the first one. The others come again, and are recognised by ``message_id`` and ``chunk_id``.
"""

from collections import deque
from collections.abc import Callable

import msgspec

# Frames written within so long of each other came together. Tokens of one reply are mostly further apart.
TOGETHER_S = 0.01
# Within this time a program surely takes what its library has got.
TAKEN_WITHIN_S = 0.25
# A last chunk and the end of its reply come together; an end further behind belongs to what was made up for.
FEW = 3


class _Frames(msgspec.Struct):
    """Frames that came together: the cursors after the first, an early end of a reply, and the last.

    ``since`` and ``until`` is when they were written, ``answered`` when they were known to have arrived.
    """

    first: str
    end: str | None
    last: str
    since: float
    until: float
    count: int = 0
    answered: float = 0.0


class Receipts:
    """The frames of one connection, by the cursors that they carry; ``now`` is a clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known = ""
        self._unasked: _Frames | None = None
        self._asked: _Frames | None = None
        self._arrived: deque[_Frames] = deque()

    def begin(self, cursor: str) -> None:
        """Note where the connection begins."""
        self._known = cursor

    def written(self, cursor: str, *, ends: bool) -> None:
        """Note a frame; ``ends``: it is the last one of a reply."""
        now = self._now()
        if self._unasked is None:
            self._unasked = _Frames(cursor, None, cursor, now, now)
        self._unasked.last, self._unasked.until = cursor, now
        self._unasked.count += 1
        if ends and self._unasked.count <= FEW:
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
        came, self._asked = self._asked, None
        if came is None:
            return
        last = self._arrived[-1] if self._arrived else None
        if last is not None and came.since - last.until < TOGETHER_S:
            if came.end is not None and last.count + came.count <= FEW:
                last.end = came.end
            last.last, last.until, last.count = came.last, came.until, last.count + came.count
        else:
            last = came
            self._arrived.append(came)
        last.answered = self._now()

    def known(self) -> str:
        """Return the cursor up to which the client has everything."""
        now = self._now()
        while self._arrived:
            # What others came after was taken, unless these came right behind it.
            within = TOGETHER_S if len(self._arrived) > 1 else TAKEN_WITHIN_S
            if self._arrived[0].answered > now - within:
                break
            self._known = self._arrived.popleft().last
        ends = [frames.end for frames in self._arrived if frames.end is not None]
        if ends:
            return ends[-1]
        return self._arrived[0].first if self._arrived else self._known
