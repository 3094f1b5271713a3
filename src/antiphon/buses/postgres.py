"""Wake-ups between pods by PostgreSQL's LISTEN and NOTIFY.

Subscribers of this process are woken directly; what comes back of its own is ignored. One connection of the
bus's own hears and says everything, many notifications in one statement, and is opened again for ever. A
server that falls silent (paused, or gone without a word) is noticed by its missing answers.

LISTEN belongs to a connection, so the address must be the server's own and not that of a pooler which hands
every transaction to another one.
"""

import asyncio
import contextlib
import hashlib
import itertools
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any

import asyncpg
import structlog

from antiphon.buses.topics import Topics, sleep_on, wake_all
from antiphon.connections.postgres import Address
from antiphon.errors import StoreUnavailable

CHANNEL = "antiphon"
MOST_PAYLOAD_BYTES = 7_999
MOST_QUEUED = 10_000
PORTION = 500
ASK_EVERY_S = 2.0
ANSWER_S = 3.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
LAST_WORDS_S = 2.0

_NOTIFY = (
    "SELECT count(pg_notify(channel, payload)) FROM unnest($1::text[], $2::text[]) AS n(channel, payload)"
)

logger = structlog.get_logger(__name__)


class PostgresBus:
    """The Bus port on a PostgreSQL database."""

    most_bytes = 7_700

    def __init__(self, url: str) -> None:
        self._address = Address(url)
        self._me = secrets.token_hex(4)
        # PostgreSQL drops all but one of equal notifications of a transaction: none is equal.
        self._numbers = itertools.count()
        self._topics: Topics = {}
        self._queue: deque[tuple[str, str]] = deque(maxlen=MOST_QUEUED)
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def publish(self, topic: str, text: str) -> None:
        """See Bus."""
        payload = f"{self._me}{next(self._numbers)} {topic} {text}"
        if self._closed or not _fits(payload, text, self.most_bytes):
            return
        self._queue.append((_channel(topic), payload))
        self._start()
        wake_all(self._topics, topic, text)

    def subscribe(self, topic: str, wake: Callable[[str], None]) -> Callable[[], None]:
        """See Bus."""
        end = sleep_on(self._topics, topic, wake, self._work.set)
        self._start()
        return end

    async def close(self) -> None:
        """See Bus."""
        self._closed = True
        self._topics.clear()
        self._work.set()
        if self._task is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS_S):
                    await asyncio.shield(self._task)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _start(self) -> None:
        self._work.set()
        if self._task is None and not self._closed:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Hear and say, on one connection after the other, until closed and all is said."""
        pause = SHORTEST_PAUSE_S
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._speak()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, StoreUnavailable, OSError) as error:
                logger.warning("bus_interrupted", error=str(error) or type(error).__name__, retry_in=pause)
            except Exception:
                # Such as asyncpg's InternalClientError, for a server that said goodbye just before it was
                # asked something: without this task the pod is deaf.
                logger.exception("bus_crashed", retry_in=pause)
            else:
                return
            lasted = asyncio.get_running_loop().time() - began
            pause = SHORTEST_PAUSE_S if lasted > 2 * LONGEST_PAUSE_S else min(LONGEST_PAUSE_S, pause * 2)
            await asyncio.sleep(pause)

    async def _speak(self) -> None:
        # Nobody waits for a notification to be on disk.
        settings = {} if self._address.pooled else {"synchronous_commit": "off"}
        driver = await self._address.connect(statement_s=ANSWER_S, **settings)
        driver.add_termination_listener(lambda _: self._work.set())
        listening: set[str] = set()
        try:
            while self._queue or not self._closed:
                self._work.clear()
                await self._listen(driver, listening)
                if self._queue:
                    portion = [self._queue.popleft() for _ in range(min(PORTION, len(self._queue)))]
                    channels, payloads = zip(*portion, strict=True)
                    await driver.fetchval(_NOTIFY, channels, payloads)
                elif not await self._work_within(ASK_EVERY_S) or driver.is_closed():
                    await driver.fetchval("SELECT 1")
        finally:
            # Not closed in good order: that would wait for a server which may not be there.
            driver.terminate()

    async def _listen(self, driver: Any, listening: set[str]) -> None:
        """Listen to what is subscribed to now."""
        wanted = {CHANNEL, *(_channel(topic) for topic in self._topics)}
        for channel in wanted - listening:
            await driver.add_listener(channel, self._heard)
        for channel in listening - wanted:
            await driver.remove_listener(channel, self._heard)
        listening.clear()
        listening.update(wanted)

    async def _work_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._work.wait()
        return self._work.is_set()

    def _heard(self, _driver: Any, _pid: int, _channel: str, payload: str) -> None:
        if not payload.startswith(self._me):
            _, topic, text = payload.split(" ", 2)
            wake_all(self._topics, topic, text)


def _channel(topic: str) -> str:
    """Return the channel of a topic: what is said to one pod spares the others a channel of its own.

    All else shares one: PostgreSQL walks the list of a listener's channels for each notification.
    """
    if not topic.startswith("pod."):
        return CHANNEL
    return f"{CHANNEL}_{hashlib.blake2b(topic.encode(), digest_size=12).hexdigest()}"


def _fits(payload: str, text: str, most_bytes: int) -> bool:
    try:
        size = len(payload.encode())
    except UnicodeEncodeError:
        return False
    if size > MOST_PAYLOAD_BYTES or "\0" in payload:
        return False
    return size <= most_bytes or len(text.encode()) <= most_bytes
