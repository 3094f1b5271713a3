"""How ended turns leave the log on JetStream.

An ended turn leaves a mark in a stream of its own, so that any process finds those that are to expire. In its
place comes a tombstone, one short message that stays for an hour: it keeps a late writer out, for whom an
empty subject would look like a fresh turn.
"""

from collections.abc import Iterable, Sequence

import msgspec

from antiphon.errors import StoreUnavailable
from antiphon.logs.nats_records import EXPIRED, Record, Replay
from antiphon.logs.nats_stream import REFUSED, Post, Stream

MAX_UNMARKED = 20_000
# Replaces all messages of a subject, and is itself dropped after an hour.
_HEADERS = {"Nats-Rollup": "sub", "Nats-TTL": "3600"}


class Mark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An ended turn: when (Unix ms), and its last sequence number then."""

    turn: str
    ended_at: int
    sequence: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Mark).decode
_TOMBSTONE = _encode(Record(0, EXPIRED, []))


class Endings:
    """Marks in the stream ``ends`` of turns in the stream ``log``."""

    def __init__(self, log: Stream, ends: Stream) -> None:
        self._log = log
        self._ends = ends
        self._unmarked: dict[str, Mark] = {}

    async def mark(self, ended: Sequence[Mark]) -> None:
        """Leave marks; what cannot be left now is kept for the next time: the ends are stored."""
        if not ended and not self._unmarked:
            return
        marks = [*self._unmarked.values(), *ended]
        posts = [Post(self._ends.subject(mark.turn), _encode(mark), None) for mark in marks]
        stored: Sequence[int | StoreUnavailable]
        try:
            stored = await self._ends.post(posts)
        except StoreUnavailable:
            stored = [REFUSED] * len(posts)
        for mark, sequence in zip(marks, stored, strict=True):
            if isinstance(sequence, int) and sequence != REFUSED:
                self._unmarked.pop(mark.turn, None)
            elif len(self._unmarked) < MAX_UNMARKED:
                self._unmarked[mark.turn] = mark

    async def expire(self, ended_before: int) -> int:
        """Drop the turns that ended before that time (Unix ms); return how many."""
        await self.mark([])
        dropped = 0
        while True:
            messages = await self._ends.oldest()
            marks = [(sequence, _decode(data)) for sequence, data in messages]
            # They lie in the order of their ends, but for the pods' clocks and the moments between.
            due = next((n for n, (_, m) in enumerate(marks) if m.ended_at >= ended_before), len(marks))
            if not due:
                return dropped
            dropped += await self._bury([mark for _, mark in marks[:due]])
            await self._ends.drop_through(marks[due - 1][0])

    async def _bury(self, marks: Sequence[Mark]) -> int:
        """Put a tombstone in the place of each turn; return how many were not buried before."""
        stored = await self._put((mark.turn, mark.sequence) for mark in marks)
        moved = [mark.turn for mark, sequence in zip(marks, stored, strict=True) if sequence == REFUSED]
        # Opened after its end, buried by another process, or gone.
        found = await read_back(self._log, moved)
        again = [
            (turn, replayed.sequence)
            for turn, replayed in zip(moved, found, strict=True)
            if replayed.ended and not replayed.expired
        ]
        return len(marks) - len(moved) + sum(sequence != REFUSED for sequence in await self._put(again))

    async def _put(self, turns: Iterable[tuple[str, int]]) -> list[int]:
        posts = [
            Post(self._log.subject(turn), _TOMBSTONE, sequence, headers=_HEADERS) for turn, sequence in turns
        ]
        stored = await self._log.post(posts) if posts else []
        for sequence in stored:
            if isinstance(sequence, StoreUnavailable):
                raise sequence
        return [sequence for sequence in stored if isinstance(sequence, int)]


async def read_back(log: Stream, turns: Iterable[str]) -> list[Replay]:
    """Read turns back, each from its beginning."""
    messages = await log.fetch([(log.subject(turn), 0) for turn in turns])
    return [Replay().take_all(each) for each in messages]
