"""One client for all that is kept in Redis, and one translation of what can go wrong there.

Redis 6.2 or newer, one primary (with replicas and a proxy in front of it, if need be). Redis Cluster is not
supported: a batch touches keys of many slots.
"""

import asyncio
import re
from types import TracebackType
from typing import Any, Self

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import (
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import TimeoutError as NoAnswer

from antiphon.errors import StoreUnavailable

CONNECT_S = 3.0
ANSWER_S = 5.0
# A request may wait for a free connection, dial, and then wait for its answer: all of it takes at most this.
REQUEST_S = 8.0
CONNECTIONS = 32
IDLE_CHECK_S = 15

# Answers by which a server says that it, and not the request, is the trouble. For some the driver has a class
# (and drops the word); Redis 6 puts the word into the middle of the text where a script met it.
_TROUBLES = (NoAnswer, NoConnection, OutOfMemoryError, ReadOnlyError, NoPermissionError, MasterDownError)
_TROUBLE = re.compile(
    r"\b(OOM|READONLY|MISCONF|NOREPLICAS|MASTERDOWN|LOADING|BUSY|NOAUTH|NOPERM|WRONGPASS)\b"
)


def connect(url: str) -> Redis:
    """Return a client that dials when it is first used; whoever calls this closes it (``aclose``).

    RESP2, as everything asked here is flat: RESP3 adds a round trip to each connection and brings nothing.
    A request is sent again once, at once, where the server has closed the connection: an idle one may have
    outlived a restart. Otherwise nothing is tried again in here: callers know for how long it makes sense.
    Whatever is asked through this client must bear being asked twice.
    """
    try:
        told = parse_url(url)
    except ValueError:
        # The parser's own text quotes what stands where it expected a port: part of the password, maybe.
        raise ValueError(
            "The Redis address cannot be read: it is redis://[user:password@]host:port/number "
            "(rediss:// with TLS), with special characters of the password percent-encoded."
        ) from None
    options: dict[str, Any] = {
        "max_connections": CONNECTIONS,
        "timeout": REQUEST_S,
        "socket_connect_timeout": CONNECT_S,
        "socket_timeout": ANSWER_S,
        "socket_keepalive": True,
        "health_check_interval": IDLE_CHECK_S,
        "driver_info": None,
        # The address may carry options of the driver (TLS files, a shorter timeout …): but not these.
        **told,
        "protocol": 2,
        "decode_responses": False,
        "retry": Retry(NoBackoff(), 1, supported_errors=(NoConnection,)),
    }
    return Redis.from_pool(BlockingConnectionPool(**options))


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
        if isinstance(error, (*_TROUBLES, OSError, asyncio.IncompleteReadError)) or (
            isinstance(error, ResponseError) and _TROUBLE.search(str(error))
        ):
            raise _unavailable(f"{type(error).__name__}: {error}") from error


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task that uses the driver, and wait for its end.

    The driver writes within ``asyncio.wait_for``, which before Python 3.12 may swallow a cancellation.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.2)


def _unavailable(reason: str) -> StoreUnavailable:
    return StoreUnavailable(f"Redis could not be used ({reason[:200]}). Try again.", retry_after=1)
