"""How often somebody may ask."""

from typing import Protocol, runtime_checkable


class Limiter(Protocol):
    """Counts hits by key within the windows given at construction."""

    async def hit(self, kind: str, key: str) -> float | None:
        """Count one hit of ``key`` against the limit of its ``kind`` (session, user, address).

        Returns None if it is within the limit, else the seconds until it will be, and counts nothing.
        An unknown kind has no limit.
        """
        ...


@runtime_checkable
class MeasuringLimiter(Protocol):
    """A limiter that can tell cheaply how much of its limits is used."""

    def used(self, kind: str) -> int:
        """Return the hits that count now against the busiest of those that asked lately; 0 without a limit.

        Changes nothing, and costs no more however many have asked.
        """
        ...
