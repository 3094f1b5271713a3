"""Values shared by all pods, in Redis: ``<prefix>:cache:<digest of the key>``, each with its time to live."""

import hashlib
import time
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from antiphon.caches.port import MOST_BYTES, MOST_SECONDS
from antiphon.connections.redis import asking
from antiphon.errors import StoreUnavailable

# Whoever asks a cache wants to be faster than without: an answer later than this is a miss.
ANSWER_S = 1.0
COMPLAINS_EVERY_S = 60.0

logger = structlog.get_logger(__name__)


class RedisCache:
    """The Cache port on Redis, bounded by its ``maxmemory``; ``prefix`` begins every key."""

    def __init__(self, client: Redis, *, prefix: str = "antiphon") -> None:
        self._redis = client
        self._prefix = prefix
        self._complained = -COMPLAINS_EVERY_S

    async def get(self, key: str) -> bytes | None:
        """See Cache."""
        try:
            async with asking(ANSWER_S):
                return cast("bytes | None", await self._redis.get(self._name(key)))
        except (StoreUnavailable, RedisError) as error:
            self._complain(error)
            return None

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """See Cache."""
        if len(value) > MOST_BYTES or not seconds > 0:
            await self.forget(key)
            return
        milliseconds = max(1, int(min(seconds, MOST_SECONDS) * 1_000))
        try:
            async with asking(ANSWER_S):
                await self._redis.set(self._name(key), value, px=milliseconds)
        except (StoreUnavailable, RedisError) as error:
            self._complain(error)

    async def forget(self, key: str) -> None:
        """See Cache."""
        try:
            async with asking(ANSWER_S):
                await self._redis.delete(self._name(key))
        except (StoreUnavailable, RedisError) as error:
            self._complain(error)

    def _name(self, key: str) -> str:
        # Text from JSON may hold halves of surrogate pairs, which have no UTF-8.
        return f"{self._prefix}:cache:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"

    def _complain(self, error: Exception) -> None:
        if time.monotonic() - self._complained >= COMPLAINS_EVERY_S:
            self._complained = time.monotonic()
            logger.warning("cache_unavailable", error=str(error))
