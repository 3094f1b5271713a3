"""One client for all that is kept in Redis, and one translation of what can go wrong there.

Redis 6.2 or newer, one primary (with replicas, a sentinel or a proxy in front of it, if need be). Redis Cluster
is not supported: a batch touches keys of many slots.
"""

import asyncio
import re
from types import TracebackType
from typing import Self

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as NoAnswer

from antiphon.errors import StoreUnavailable

CONNECT_S = 3.0
ANSWER_S = 5.0
# A request may wait for a free connection, dial, and then wait for its answer: all of it takes at most this.
REQUEST_S = 8.0
CONNECTIONS = 32
IDLE_CHECK_S = 15

# Answers by which a server says that it, and not the request, is the trouble. Redis 6 puts the word into
# the middle of the text where a script met it.
_TROUBLE = re.compile(
    r"\b(OOM|READONLY|MISCONF|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|LOADING|BUSY|NOAUTH|NOPERM|WRONGPASS|UNKILLABLE)\b"
)


def connect(url: str) -> Redis:
    """Return a client that dials when it is first used; whoever calls this closes it (``aclose``).

    RESP2, as everything asked here is flat: RESP3 adds a round trip to each connection and brings nothing.
    Nothing is tried again in here: callers know what may be repeated, and for how long.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=REQUEST_S,
        protocol=2,
        socket_connect_timeout=CONNECT_S,
        socket_timeout=ANSWER_S,
        socket_keepalive=True,
        health_check_interval=IDLE_CHECK_S,
        retry=Retry(NoBackoff(), 0),
        driver_info=None,
    )
    return Redis.from_pool(pool)


class asking:  # noqa: N801 -- a context manager, read as a word: ``async with asking():``
    """Bound what is asked of Redis in time; raise StoreUnavailable for what is Redis' own trouble.

    Other answers (a wrong type, a faulty script) pass through: they are our mistakes. Texts of the driver may
    name host and port, never the password.
    """

    __slots__ = ("_bound",)

    def __init__(self, seconds: float = REQUEST_S) -> None:
        self._bound = asyncio.timeout(seconds)

    async def __aenter__(self) -> Self:
        await self._bound.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._bound.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise _unavailable("it did not answer in time") from late
        if isinstance(error, NoAnswer | NoConnection | OSError | asyncio.IncompleteReadError):
            raise _unavailable(str(error) or type(error).__name__) from error
        if isinstance(error, ResponseError) and _TROUBLE.search(str(error)):
            raise _unavailable(str(error)) from error


def _unavailable(reason: str) -> StoreUnavailable:
    return StoreUnavailable(f"Redis could not be used ({reason[:200]}). Try again.", retry_after=1)
