"""Wake-ups between pods by Redis' Pub/Sub.

Subscribers of this process are woken directly; what comes back of its own is ignored. Two connections beside
the client's pool are used: one for what is published, many in one write, and one to hear, which is dialled
again for ever. A server that falls silent (paused, or gone without a word) is noticed by its missing answers
to pings.

The driver's own PubSub class is not used: it connects again behind its caller's back, so that a subscription
in flight may get lost, and hears nothing of a connection that is only half there.
"""

import asyncio
import contextlib
import math
import secrets
from collections import deque
from collections.abc import Callable

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from antiphon.buses.topics import Topics, sleep_on, wake_all
from antiphon.connections.redis import asking, end
from antiphon.errors import StoreUnavailable

MOST_QUEUED = 10_000
MOST_QUEUED_LETTERS = 8 << 20
# Sent, or subscribed to, with one write.
PORTION = 200
PORTION_LETTERS = 1 << 20
# One command with one argument and one answer: 2 µs a message instead of 15 for a PUBLISH each in a pipeline.
PUBLISH_ALL = "for _, sent in ipairs(cmsgpack.unpack(ARGV[1])) do redis.call('PUBLISH', sent[1], sent[2]) end"
PING_EVERY_S = 2.0
SILENT_FOR_S = 5.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
LAST_WORDS_S = 2.0

_pack = msgspec.msgpack.encode
logger = structlog.get_logger(__name__)


class RedisBus:
    """The Bus port on Redis; ``prefix`` begins every channel. The client is the caller's to close."""

    most_bytes = 262_144

    def __init__(self, client: Redis, *, prefix: str = "antiphon") -> None:
        self._redis = client
        self._prefix = f"{prefix}:bus:"
        self._me = secrets.token_hex(8)
        self._topics: Topics = {}
        self._queue: deque[tuple[str, str]] = deque()
        self._queued = 0
        # Topics whose subscription at the server may not be what it should be.
        self._changed: set[str] = set()
        self._to_send, self._to_tell = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    def publish(self, topic: str, text: str) -> None:
        """See Bus."""
        # Texts are measured exactly only where it matters: a letter is at most four bytes.
        if self._closed or (len(text) * 4 > self.most_bytes and len(text.encode()) > self.most_bytes):
            return
        self._queue.append((self._prefix + topic, self._me + text))
        self._queued += len(text)
        while len(self._queue) > MOST_QUEUED or self._queued > MOST_QUEUED_LETTERS:
            self._queued -= len(self._queue.popleft()[1]) - len(self._me)
        self._to_send.set()
        self._start()
        wake_all(self._topics, topic, text)

    def subscribe(self, topic: str, wake: Callable[[str], None]) -> Callable[[], None]:
        """See Bus."""
        end = sleep_on(self._topics, topic, wake, lambda: self._change(topic))
        self._change(topic)
        self._start()
        return end

    async def close(self) -> None:
        """See Bus."""
        self._closed = True
        self._topics.clear()
        if not self._tasks:
            return
        sender, hearer = self._tasks
        self._to_send.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await asyncio.wait([sender])
        await end(sender)
        await end(hearer)

    def _start(self) -> None:
        if not self._tasks and not self._closed:
            self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._hear())]

    def _change(self, topic: str) -> None:
        self._changed.add(topic)
        self._to_tell.set()

    async def _send(self) -> None:
        """Send what is queued, as much as there is with one write, until closed and done."""
        connection = self._redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            while self._queue or not self._closed:
                if not self._queue:
                    self._to_send.clear()
                    await self._to_send.wait()
                    continue
                portion = self._next_portion()
                try:
                    await _publish(connection, portion)
                except (StoreUnavailable, RedisError) as error:
                    # Lost, as wake-ups may be: who waits for them looks for itself.
                    logger.debug("wake_ups_lost", count=len(portion), error=str(error))
                except Exception:
                    logger.exception("wake_ups_lost", count=len(portion))
        finally:
            await connection.disconnect(nowait=True)

    def _next_portion(self) -> list[tuple[str, str]]:
        portion: list[tuple[str, str]] = []
        letters = 0
        while self._queue and len(portion) < PORTION and letters < PORTION_LETTERS:
            portion.append(self._queue.popleft())
            letters += len(portion[-1][1]) - len(self._me)
        self._queued -= letters
        return portion

    async def _hear(self) -> None:
        """Listen for ever, on one connection after the other."""
        pause = SHORTEST_PAUSE_S
        while True:
            began = asyncio.get_running_loop().time()
            connection = self._redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
            try:
                await self._hear_on(connection)
            except (RedisError, OSError) as error:
                logger.warning("bus_interrupted", error=str(error) or type(error).__name__, retry_in=pause)
            except Exception:
                # Whatever the server said: without this task the pod is deaf.
                logger.exception("bus_crashed", retry_in=pause)
            finally:
                await connection.disconnect(nowait=True)
            lasted = asyncio.get_running_loop().time() - began
            pause = SHORTEST_PAUSE_S if lasted > LONGEST_PAUSE_S else min(LONGEST_PAUSE_S, pause * 2)
            await asyncio.sleep(pause)

    async def _hear_on(self, connection: AbstractConnection) -> None:
        """Hear until the connection breaks or falls silent (TimeoutError)."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(SILENT_FOR_S) as patience:
            await connection.connect()  # type: ignore[no-untyped-call]
            teller = asyncio.create_task(self._tell(connection))
            try:
                while True:
                    # No time limit of its own: one that strikes within a message would cost a timer each.
                    answer = await connection.read_response(timeout=math.inf, disconnect_on_error=False)
                    if answer[0] == b"message":
                        self._heard(answer[1], answer[2])
                    elif answer[0] == b"pong":
                        patience.reschedule(loop.time() + SILENT_FOR_S)
            finally:
                await end(teller)

    async def _tell(self, connection: AbstractConnection) -> None:
        """Keep the server's subscriptions as they should be, and it talking. The only one who writes."""
        told: set[str] = set()
        self._changed.update(self._topics)
        # To write to a connection that is lost would dial it again.
        while connection.is_connected:
            changed, self._changed = self._changed, set()
            self._to_tell.clear()
            wanted = [topic for topic in changed if topic in self._topics and topic not in told]
            unwanted = [topic for topic in changed if topic not in self._topics and topic in told]
            for word, topics in (("SUBSCRIBE", wanted), ("UNSUBSCRIBE", unwanted)):
                for at in range(0, len(topics), PORTION):
                    names = [self._prefix + topic for topic in topics[at : at + PORTION]]
                    await connection.send_command(word, *names, check_health=False)
            told.update(wanted)
            told.difference_update(unwanted)
            # PING is answered in its own way only where something is subscribed.
            if not told:
                await connection.send_command("SUBSCRIBE", self._prefix, check_health=False)
            await connection.send_command("PING", check_health=False)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PING_EVERY_S):
                    await self._to_tell.wait()

    def _heard(self, channel: bytes, data: bytes) -> None:
        text = data.decode(errors="replace")
        if not text.startswith(self._me):
            wake_all(self._topics, channel.decode()[len(self._prefix) :], text[len(self._me) :])


async def _publish(connection: AbstractConnection, portion: list[tuple[str, str]]) -> None:
    """Publish on a connection past the client, which might send twice what may arrive once at most."""
    async with asking():
        try:
            stale = connection.is_connected and await connection.can_read()
        except (RedisError, OSError):
            stale = True
        if stale:  # closed by the server meanwhile: dialled again by what follows
            await connection.disconnect(nowait=True)
        await connection.send_command("EVAL", PUBLISH_ALL, 0, _pack(portion), check_health=False)
        await connection.read_response()
