"""Who may ask how often."""

from collections import Counter

from antiphon.errors import RateLimited
from antiphon.limits.port import Limiter, MeasuringLimiter


class Rates:
    """The limits on requests for replies; ``refused`` counts by what the limit belongs to."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self.refused: Counter[str] = Counter()

    async def check(self, *, user: str, address: str | None, session: str | None = None) -> None:
        """Count one request against all it belongs to. Raises RateLimited, which says when to try again."""
        # The narrowest first: what one session may not send is not held against its user and address.
        keys = {"session": session and f"{user} {session}", "user": user, "address": address}
        for kind, key in keys.items():
            wait = await self._limiter.hit(kind, key) if key else None
            if wait is not None:
                self.refused[kind] += 1
                seconds = max(1, round(wait + 0.5))
                raise RateLimited(
                    f"Too many messages for this {kind}. Try again in {seconds} s.", retry_after=seconds
                )

    def used(self, kind: str) -> int | None:
        """Return how much of a limit its busiest key has used; None where the limiter cannot tell cheaply."""
        return self._limiter.used(kind) if isinstance(self._limiter, MeasuringLimiter) else None
