"""The log in the process's own memory: as durable as the process."""

from collections.abc import Sequence

from antiphon.errors import Fenced
from antiphon.ids import now_ms
from antiphon.logs.port import Append, Appended, Claim
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

    async def append(self, batch: Sequence[Append]) -> list[Appended]:
        """See Log."""
        return [self._append(entry) for entry in batch]

    async def open(self, claims: Sequence[Claim]) -> list[list[Chunk] | None]:
        """See Log."""
        for claim in claims:
            known = self._turns.get(claim.turn)
            if known is not None and known.epoch > claim.epoch:
                raise Fenced("The turn was opened under a newer epoch.")
        for claim in claims:
            self._turns.setdefault(claim.turn, _Entry(claim.epoch)).epoch = claim.epoch
        return [list(self._turns[claim.turn].chunks) for claim in claims]

    async def read(self, places: Sequence[tuple[str, int]]) -> list[list[Chunk]]:
        """See Log."""
        return [self._turns[t].chunks[received:] if t in self._turns else [] for t, received in places]

    async def expire(self, ended_before: int) -> int:
        """See Log."""
        old = [t for t, e in self._turns.items() if e.ended_at is not None and e.ended_at < ended_before]
        for turn in old:
            del self._turns[turn]
        return len(old)

    async def close(self) -> None:
        """See Log: nothing is held but memory."""

    def _append(self, entry: Append) -> Appended:
        known = self._turns.get(entry.turn)
        if known is None:
            if entry.epoch != 1 or entry.first != 0:
                return "behind"
            known = self._turns[entry.turn] = _Entry(1)
        if entry.epoch != known.epoch:
            return "fenced" if entry.epoch < known.epoch else "behind"
        missing = entry.first + len(entry.chunks) - len(known.chunks)
        if missing <= 0:
            return "done"
        if known.ended_at is not None:
            return "fenced"
        if entry.first > len(known.chunks):
            return "behind"
        known.chunks += entry.chunks[-missing:]
        if entry.chunks[-1].kind == "end":
            known.ended_at = now_ms()
        return "done"
