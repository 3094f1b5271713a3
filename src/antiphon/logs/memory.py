"""The log in the process's own memory: as durable as the process."""

from collections.abc import Sequence

from antiphon.errors import CursorExpired, Fenced
from antiphon.ids import now_ms
from antiphon.logs.port import Append
from antiphon.model import Chunk


class _Entry:
    __slots__ = ("chunks", "ended_at", "epoch")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.chunks: list[Chunk] = []
        self.ended_at: int | None = None


class MemoryLog:
    """The Log port on a dictionary."""

    outlives_process = False

    def __init__(self) -> None:
        self._turns: dict[str, _Entry] = {}

    async def append(self, batch: Sequence[Append]) -> list[bool]:
        """See Log."""
        return [self._append(entry) for entry in batch]

    async def open(self, claims: Sequence[tuple[str, int]]) -> list[list[Chunk]]:
        """See Log."""
        for turn, epoch in claims:
            known = self._turns.get(turn)
            if known is not None and known.epoch > epoch:
                raise Fenced("The turn was opened under a newer epoch.")
        for turn, epoch in claims:
            self._turns.setdefault(turn, _Entry(epoch)).epoch = epoch
        return [list(self._turns[turn].chunks) for turn, _ in claims]

    async def read(self, turn: str, after: int, limit: int) -> list[Chunk]:
        """See Log."""
        known = self._turns.get(turn)
        if known is None:
            if after < 0:
                return []
            raise CursorExpired("The chunks at this cursor are gone. Read the message instead.")
        return known.chunks[after + 1 : after + 1 + limit]

    async def expire(self, ended_before: int) -> int:
        """See Log."""
        old = [t for t, e in self._turns.items() if e.ended_at is not None and e.ended_at < ended_before]
        for turn in old:
            del self._turns[turn]
        return len(old)

    async def close(self) -> None:
        """See Log: nothing is held but memory."""

    def _append(self, entry: Append) -> bool:
        known = self._turns.get(entry.turn)
        if known is None:
            if entry.epoch != 1 or entry.first != 0:
                return False
            known = self._turns[entry.turn] = _Entry(1)
        if entry.epoch != known.epoch:
            return False
        if entry.first + len(entry.chunks) <= len(known.chunks):
            return True
        if entry.first != len(known.chunks) or known.ended_at is not None:
            return False
        known.chunks += entry.chunks
        if entry.chunks[-1].kind == "end":
            known.ended_at = now_ms()
        return True
