"""A few connections to PostgreSQL, and what its failures mean.

Our own pool, because asyncpg's sends a further statement each time a connection is given back, and because a
connection that failed must be thrown away here, not repaired: after a timeout, a failover or a cancelled call
nobody knows what state it is in.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from antiphon.errors import AntiphonError, Invalid, StoreUnavailable

T = TypeVar("T")

CONNECT_S = 3.0
STATEMENT_S = 5.0
ACQUIRE_S = 5.0
CLOSE_S = 5.0
MOST_WAITING = 2_000
ATTEMPTS = 6
PAUSE_S = 0.01

# A pod that is stopped in the middle of a transaction holds its locks, the one on its own lease among them:
# the server ends such a transaction, or nobody could take the pod's turns over. Nobody waits longer for a
# lock than for a statement, so that a connection whose client has left ends as well.
_GUARDS = {"idle_in_transaction_session_timeout": "5s", "lock_timeout": "4s"}
# Every statement has its index. Without this, plans made while the tables of a new database are empty read
# them whole until they are first analysed, which may be some minutes of full load later. (The price that this
# puts on reading a table as small as that of the pods would provoke compilation.)
_PLANS = {"enable_seqscan": "off", "jit": "off"}

_RACES = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,
    asyncpg.InvalidCachedStatementError,
)
# Classes of SQLSTATE after which the connection is not used again: connection exception, insufficient
# resources, operator intervention, system error, internal error.
_BROKEN_CLASSES = {"08", "53", "57", "58", "XX"}
# Read-only (the old primary after a failover), idle in a transaction, outcome unknown, no such statement.
_BROKEN_STATES = {"25006", "25P02", "25P03", "40003", "26000"}
# Instead of what a parser says, which may quote parts of the address, the password among them.
_UNREADABLE = (
    "DATABASE_URL cannot be used: it should be postgresql://user:password@host:port/database, "
    "special characters in the password percent-encoded."
)
_WHAT_TO_DO = {
    "28P01": "PostgreSQL refuses the user or the password: check DATABASE_URL.",
    "28000": "PostgreSQL does not let this user in from here: check DATABASE_URL and pg_hba.conf.",
    "3D000": "PostgreSQL has no database of that name: create it, or check DATABASE_URL.",
    "42501": "The database user may not do this: grant it the rights on the tables.",
    "42P01": "The database lacks a table: run `antiphon migrate`.",
    "42703": "The database lacks a column: run `antiphon migrate`.",
}


class Address:
    """Where the database is: a URL as asyncpg wants it, and settings for each connection."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ValueError(_UNREADABLE) from None
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        cache = query.pop("statement_cache_size", None)
        self.url = urlunsplit(parts._replace(scheme=parts.scheme.partition("+")[0], query=urlencode(query)))
        # A pooler that hands each transaction to another server connection, such as PgBouncer: it knows no
        # statements prepared earlier and takes no settings at the start.
        self.pooled = cache == "0"
        settings = {"application_name": "antiphon"} | ({} if self.pooled else _GUARDS | _PLANS)
        self._options: dict[str, Any] = {
            "server_settings": {name: value for name, value in settings.items() if name not in query}
        }
        if "target_session_attrs" not in query:
            self._options["target_session_attrs"] = "primary"
        if cache is not None and cache.isdecimal():
            self._options["statement_cache_size"] = int(cache)

    def begin(self, mode: str) -> str:
        """Return what begins a transaction."""
        begin = f"BEGIN ISOLATION LEVEL {mode}"
        guards = "".join(f"; SET LOCAL {name} = '{value}'" for name, value in _GUARDS.items())
        return begin + guards if self.pooled else begin

    async def connect(self, *, statement_s: float | None = STATEMENT_S, **settings: str) -> Any:
        """Open a connection. Raises StoreUnavailable."""
        options = {**self._options, "command_timeout": statement_s}
        options["server_settings"] = {**self._options["server_settings"], **settings}
        try:
            return await asyncpg.connect(self.url, timeout=CONNECT_S, **options)
        except (asyncpg.PostgresError, asyncpg.InternalClientError, OSError) as error:
            raise unavailable(error) from error
        except (asyncpg.InterfaceError, ValueError):
            raise StoreUnavailable(_UNREADABLE, retry_after=1) from None


class Pool:
    """At most ``size`` connections, opened when they are needed."""

    def __init__(self, address: Address, size: int) -> None:
        self.address = address
        self._size = size
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Any] = []
        self._waiting = 0
        self._closed = False
        self._begin_each = address.begin("READ COMMITTED") if address.pooled else None

    async def run(self, work: Callable[[Any], Awaitable[T]], *, begin: str | None = None) -> T:
        """Run work on a connection, in a transaction if ``begin`` begins one.

        Work whose connection broke, or that met another transaction, runs again from its start, so without
        ``begin`` it must be one that may. A COMMIT without an answer is not repeated.
        """
        begin = begin or self._begin_each
        for attempt in range(1, ATTEMPTS + 1):
            driver = await self._take()
            try:
                if begin is None:
                    return await work(driver)
                await driver.execute(begin)
                result = await work(driver)
                await _commit(driver)
            except BaseException as error:  # noqa: BLE001 - sorted there, and raised
                again = await self._settle(driver, error)
                if not again or attempt == ATTEMPTS or (broken(error) and attempt > 1):
                    raise_mapped(error)
            else:
                return result
            finally:
                self._give(driver)
            await asyncio.sleep(random.uniform(0, PAUSE_S * attempt))  # noqa: S311 - not a secret
        raise AssertionError  # the last attempt returns or raises

    async def close(self) -> None:
        """Wait for what runs, within bounds, and close all connections."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(CLOSE_S):
                for _ in range(self._size):
                    await self._slots.acquire()
                while self._idle:
                    await self._idle.pop().close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._drop_idle()

    async def _take(self) -> Any:
        if self._closed:
            raise StoreUnavailable("The database is closed: the server is shutting down.", retry_after=1)
        if self._slots.locked():
            await self._wait()
        else:
            await self._slots.acquire()
        while self._idle:
            driver = self._idle.pop()
            if not driver.is_closed():
                return driver
        try:
            return await self.address.connect()
        except BaseException:
            self._slots.release()
            raise

    async def _wait(self) -> None:
        """Wait for a connection that another gives back."""
        if self._waiting >= MOST_WAITING:
            raise _busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(ACQUIRE_S):
                await self._slots.acquire()
        except TimeoutError:
            raise _busy() from None
        finally:
            self._waiting -= 1

    def _give(self, driver: Any) -> None:
        if driver.is_closed():
            pass
        elif self._closed or driver.is_in_transaction():
            driver.terminate()
        else:
            self._idle.append(driver)
        self._slots.release()

    async def _settle(self, driver: Any, error: BaseException) -> bool:
        """Bring the connection back to rest, or end it; tell whether trying again may help."""
        if broken(error) or not isinstance(error, Exception):
            driver.terminate()
            if broken(error):
                self._drop_idle()  # they lead to the same server
            return isinstance(error, Exception) and not isinstance(error, TimeoutError)
        if driver.is_closed():
            return False
        try:
            if driver.is_in_transaction():
                await driver.execute("ROLLBACK")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            driver.terminate()
        return isinstance(error, _RACES)

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().terminate()


async def _commit(driver: Any) -> None:
    try:
        answer = await driver.execute("COMMIT")
    except Exception as error:
        if broken(error):
            driver.terminate()
            raise StoreUnavailable(
                "The database went away while it stored this: whether it did is not known. Look, or send it "
                "again under the same idempotency key.",
                retry_after=1,
            ) from error
        raise
    if answer != "COMMIT":
        raise StoreUnavailable("The database did not commit. Try again shortly.", retry_after=1)


def broken(error: BaseException) -> bool:
    """Tell whether the connection cannot be used after this."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or "XX000"
        return state[:2] in _BROKEN_CLASSES or state in _BROKEN_STATES
    if isinstance(error, asyncpg.InternalClientError):
        return True
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, asyncpg.DataError | ValueError) and "clos" in str(error)
    return isinstance(error, OSError)  # TimeoutError is one


def raise_mapped(error: BaseException) -> NoReturn:
    """Raise the error as one of ours, if it is the driver's."""
    if isinstance(error, AntiphonError) or not isinstance(error, Exception):
        raise error
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        raise error
    if isinstance(error, asyncpg.PostgresError | asyncpg.DataError):
        if not isinstance(error, asyncpg.PostgresError) or (error.sqlstate or "")[:2] == "22":
            raise Invalid(
                "The database cannot store this: a text is too long or has a NUL character, "
                "or a number is too large."
            ) from error
        raise unavailable(error) from error
    if broken(error):
        raise unavailable(error) from error
    raise error


def unavailable(error: Exception) -> StoreUnavailable:
    """Say that the database cannot be used, and what to do."""
    if isinstance(error, TimeoutError):
        told = "The database did not answer in time. Try again shortly."
    else:
        state = getattr(error, "sqlstate", None)
        words = str(error).partition("\n")[0]
        told = _WHAT_TO_DO.get(state or "") or f"The database could not be used ({words}). Try again shortly."
    return StoreUnavailable(told, retry_after=1)


def _busy() -> StoreUnavailable:
    return StoreUnavailable("All connections to the database are busy. Try again shortly.", retry_after=1)
