"""What is kept for a while to spare asking anew."""

from typing import Protocol

MOST_BYTES = 1 << 20
"""A longer value is not kept."""
MOST_SECONDS = 86_400.0
"""A value is not kept for longer."""


class Cache(Protocol):
    """Values by key: any text is a key, any bytes are a value. Nothing that must be right depends on it.

    A cache may forget anything at any time, and is bounded. One in Redis is shared by all pods; while it
    cannot be reached every ``get`` is a miss, which is logged at most once a minute and never raised.
    """

    async def get(self, key: str) -> bytes | None:
        """Return the value put last, or None if it is not there or its time is over.

        An older value may be returned, within its own time, where a later ``put`` or ``forget`` was lost.
        """
        ...

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for at most so long, in place of the one before.

        If it is above 1 MiB, or its time is not above 0, the one before is forgotten and nothing is kept.
        """
        ...

    async def forget(self, key: str) -> None:
        """Forget the value, if it is there."""
        ...
