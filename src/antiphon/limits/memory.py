"""Rate limits counted in this process."""

import time
from collections.abc import Mapping

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter


class MemoryLimiter:
    """The Limiter port on a moving window; ``rates`` maps a kind to a rate such as ``30/minute``."""

    def __init__(self, rates: Mapping[str, str]) -> None:
        self._rates = {kind: parse(rate) for kind, rate in rates.items()}
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def hit(self, kind: str, key: str) -> float | None:
        """See Limiter."""
        rate = self._rates.get(kind)
        if rate is None or self._limiter.hit(rate, kind, key):
            return None
        stats = self._limiter.get_window_stats(rate, kind, key)
        return max(0.0, stats.reset_time - time.time())
