"""The ordered chunks of turns, from their first chunk until some time after their end."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from antiphon.model import Chunk


class Append(msgspec.Struct, frozen=True, array_like=True):
    """Chunks for one turn, written under ``epoch``, the first of them numbered ``first``."""

    turn: str
    epoch: int
    first: int
    chunks: list[Chunk]


class Log(Protocol):
    """Numbered, fenced, replayable chunks.

    A turn that was never opened counts as open under epoch 1, so that a fresh turn costs no extra commit.
    An epoch has one writer: whoever claimed it.
    """

    outlives_process: bool
    """Whether chunks accepted from one process can be opened by another."""

    async def append(self, batch: Sequence[Append]) -> list[bool]:
        """Commit the entries and tell for each whether it was accepted.

        One commit for the whole batch; each entry is accepted or refused as a whole, in the order given.
        Refused: an epoch that is not the newest opened one, a ``first`` that leaves a gap, anything after
        an ``end`` chunk. An entry that is there already (same epoch, same numbers) is accepted and not
        written again, so a batch whose answer was lost may be sent again. What is accepted survives the
        process as the back end promises, before this returns.
        """
        ...

    async def open(self, claims: Sequence[tuple[str, int]]) -> list[list[Chunk]]:
        """Fence all epochs below the claimed one and return every chunk accepted so far, for each claim.

        After this returns, no append of an older epoch is accepted. Raises Fenced, changing nothing, if a
        newer epoch has opened one of the turns.
        """
        ...

    async def read(self, turn: str, after: int, limit: int) -> list[Chunk]:
        """Return at most ``limit`` chunks numbered from ``after + 1`` without gaps; ``[]``: none yet.

        Raises CursorExpired if chunks at that place were dropped.
        """
        ...

    async def expire(self, ended_before: int) -> int:
        """Drop turns whose ``end`` was appended before that time (Unix ms); return how many."""
        ...

    async def close(self) -> None:
        """Release what is held; nothing accepted is lost by it."""
        ...
