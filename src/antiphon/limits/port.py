"""How often somebody may ask."""

from typing import Protocol


class Limiter(Protocol):
    """Counts hits by key within the windows given at construction."""

    async def hit(self, kind: str, key: str) -> float | None:
        """Count one hit of ``key`` against the limit of its ``kind`` (session, user, address).

        Returns None if it is within the limit, else the seconds until it will be, and counts nothing.
        An unknown kind has no limit.
        """
        ...
