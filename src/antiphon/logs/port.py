"""The ordered chunks of turns, from their first chunk until some time after their end."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from antiphon.model import Chunk

Appended = Literal["done", "fenced", "behind"]


class Append(msgspec.Struct, frozen=True, array_like=True):
    """Chunks for one turn, written under ``epoch``, the first of them numbered ``first``."""

    turn: str
    epoch: int
    first: int
    chunks: list[Chunk]


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """An attempt at a turn; ``created_at`` is when the turn was submitted (Unix ms)."""

    turn: str
    epoch: int
    created_at: int


class Log(Protocol):
    """Numbered, fenced, replayable chunks.

    A turn that was never opened counts as open under epoch 1, so that a fresh turn costs no extra commit.
    An epoch has one writer: whoever claimed it. Errors of a driver arrive as StoreUnavailable.
    """

    outlives_process: bool
    """Whether chunks accepted from one process can be opened by another."""

    async def append(self, batch: Sequence[Append]) -> list[Appended]:
        """Commit the entries and tell for each what came of it; a turn is in a batch once.

        - ``done``: all its chunks are in the log. What was there already (same epoch, same numbers) is not
          written again, so that an entry whose answer was lost, or all of a turn, may be sent again.
        - ``fenced``: a newer epoch has opened the turn, or it has ended.
        - ``behind``: the log holds fewer chunks than ``first``, or does not know this epoch. Either the
          writer left a gap, or the log has lost what it had: whoever owns the turn opens it again and
          sends all of it.

        Each entry is accepted or refused as a whole. What is accepted survives the process as the back end
        promises, before this returns.
        """
        ...

    async def open(self, claims: Sequence[Claim]) -> list[list[Chunk] | None]:
        """Fence all epochs below the claimed one and return every chunk accepted so far, for each claim.

        After this returns, no append of an older epoch is accepted. None: chunks of the turn may have been
        accepted and lost since it was submitted; it is open and holds nothing. Raises Fenced, changing
        nothing, if a newer epoch has opened one of the turns.
        """
        ...

    async def read(self, places: Sequence[tuple[str, int]]) -> list[list[Chunk]]:
        """Return, for each turn and number of chunks received, all that follow, without gaps.

        Empty: none yet, or the turn is not in the log any more (the store has the chunks of ended turns).
        """
        ...

    async def expire(self, ended_before: int) -> int:
        """Drop turns whose ``end`` was appended before that time (Unix ms); return how many."""
        ...

    async def close(self) -> None:
        """Release what is held; nothing accepted is lost by it."""
        ...
