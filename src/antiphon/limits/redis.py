"""Rate limits counted by all pods together, in Redis."""

import time
from collections.abc import Mapping
from typing import cast

import structlog
from limits import parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import BlockingConnectionPool, Redis

from antiphon.connections.redis import asking
from antiphon.errors import StoreUnavailable

# A request must not wait for long to be told that it may pass.
ANSWER_S = 2.0
COMPLAINS_EVERY_S = 60.0

logger = structlog.get_logger(__name__)


class RedisLimiter:
    """The Limiter port on a moving window in Redis; ``rates`` maps a kind to a rate such as ``30/minute``.

    While Redis is away everything is allowed: limits guard against too much, and refusing everybody would be
    the greater harm.
    """

    def __init__(self, client: Redis, rates: Mapping[str, str], *, prefix: str = "antiphon") -> None:
        self._rates = {kind: parse(rate) for kind, rate in rates.items()}
        # The address is that of the client's pool; what stands here only names the kind of storage.
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=f"{prefix}:limit",
            connection_pool=cast("BlockingConnectionPool", client.connection_pool),  # type: ignore[arg-type]
        )
        self._limiter = MovingWindowRateLimiter(storage)
        self._complained = -COMPLAINS_EVERY_S

    async def hit(self, kind: str, key: str) -> float | None:
        """See Limiter."""
        rate = self._rates.get(kind)
        if rate is None:
            return None
        try:
            async with asking(ANSWER_S):
                if await self._limiter.hit(rate, kind, key):
                    return None
                stats = await self._limiter.get_window_stats(rate, kind, key)
        except StoreUnavailable as error:
            if time.monotonic() - self._complained >= COMPLAINS_EVERY_S:
                self._complained = time.monotonic()
                logger.warning("limits_off", error=error.message)
            return None
        return max(0.0, stats.reset_time - time.time())
