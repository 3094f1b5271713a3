"""Rate limits counted in this process."""

import time
from collections.abc import Mapping

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

# Whoever is near a limit asks often, and so is among so many that asked last.
LATELY = 100


class MemoryLimiter:
    """The Limiter port on a moving window; ``rates`` maps a kind to a rate such as ``30/minute``."""

    def __init__(self, rates: Mapping[str, str]) -> None:
        self._rates = {kind: parse(rate) for kind, rate in rates.items()}
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        # The keys that asked last, the oldest first.
        self._lately: dict[str, dict[str, None]] = {kind: {} for kind in rates}

    async def hit(self, kind: str, key: str) -> float | None:
        """See Limiter."""
        rate = self._rates.get(kind)
        if rate is None:
            return None
        self._note(self._lately[kind], key)
        if self._limiter.hit(rate, kind, key):
            return None
        stats = self._limiter.get_window_stats(rate, kind, key)
        return max(0.0, stats.reset_time - time.time())

    def used(self, kind: str) -> int:
        """See MeasuringLimiter."""
        rate = self._rates.get(kind)
        if rate is None:
            return 0
        left = [self._limiter.get_window_stats(rate, kind, key).remaining for key in self._lately[kind]]
        return rate.amount - min(left, default=rate.amount)

    @staticmethod
    def _note(lately: dict[str, None], key: str) -> None:
        lately.pop(key, None)
        lately[key] = None
        if len(lately) > LATELY:
            del lately[next(iter(lately))]
