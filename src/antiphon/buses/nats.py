"""Wake-ups through NATS: what is published while nobody listens, or the server is away, is lost."""

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Callable

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from antiphon.buses.topics import Topics, sleep_on, wake_all
from antiphon.connections.nats import STALLED_BYTES, NatsConnection
from antiphon.errors import StoreUnavailable

logger = structlog.get_logger(__name__)

MAX_WAITING_BYTES = 4 << 20
"""What waits for a server that is away; the oldest goes first."""
LOOK_S = 5.0
"""How often subscriptions are compared with the client that should have them."""
RETRY_S = 0.5
CLOSE_S = 2.0
SENDER_BYTES = 8


class NatsBus:
    """The Bus port on core NATS; a topic is the subject ``<prefix>.bus.<topic>``.

    Subscribers of the publishing process are woken directly. Its own messages come back to it and are told
    by the sender's mark at their beginning.
    """

    most_bytes = 262_144

    def __init__(self, connection: NatsConnection, *, prefix: str = "antiphon") -> None:
        self._connection = connection
        self._prefix = f"{prefix}.bus."
        self._me = secrets.token_hex(SENDER_BYTES // 2).encode()
        self._topics: Topics = {}
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._waiting_bytes = 0
        self._changed: set[str] = set()
        self._client: Client | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._courier: asyncio.Task[None] | None = None
        self._closed = False

    def publish(self, topic: str, text: str) -> None:
        """See Bus."""
        data = text.encode()
        if len(data) > self.most_bytes or self._closed:
            return
        wake_all(self._topics, topic, text)
        self._waiting.append((self._prefix + topic, self._me + data))
        self._waiting_bytes += len(data)
        while self._waiting_bytes > MAX_WAITING_BYTES:
            self._waiting_bytes -= len(self._waiting.popleft()[1]) - SENDER_BYTES
        self._start()

    def subscribe(self, topic: str, wake: Callable[[str], None]) -> Callable[[], None]:
        """See Bus."""
        if topic not in self._topics:
            self._change(topic)
        return sleep_on(self._topics, topic, wake, lambda: self._change(topic))

    def _change(self, topic: str) -> None:
        self._changed.add(topic)
        self._start()

    async def close(self) -> None:
        """See Bus."""
        if self._courier is None or self._closed:
            self._closed = True
            return
        self._topics.clear()
        self._changed.update(self._subscriptions)
        self._closed = True
        self._idle.clear()
        self._work.set()
        with contextlib.suppress(TimeoutError, StoreUnavailable, nats.errors.Error, OSError):
            async with asyncio.timeout(CLOSE_S):
                await self._idle.wait()
                if self._client is not None and self._client.is_connected:
                    await self._client.flush(1)
        self._courier.cancel()
        await asyncio.wait([self._courier])

    def _start(self) -> None:
        if self._courier is None:
            self._courier = asyncio.create_task(self._carry())
        self._work.set()

    async def _carry(self) -> None:
        """Keep the server's idea of the subscriptions right and send what waits, for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._work.wait()
            self._work.clear()
            try:
                with self._connection.errors():
                    await self._carry_now()
            except StoreUnavailable:
                # The connection has said so.
                self._work.set()
                await asyncio.sleep(RETRY_S)
            except Exception:
                # Whatever the client did: without this task the pod would hear nothing any more.
                logger.exception("bus_failed")
                self._work.set()
                await asyncio.sleep(RETRY_S)
            else:
                if not self._work.is_set():
                    self._idle.set()

    async def _carry_now(self) -> None:
        client = await self._connection.client()
        if client is not self._client:
            self._client = client
            self._subscriptions.clear()
            self._changed.update(self._topics)
        while self._changed:
            topic = self._changed.pop()
            try:
                await self._settle(client, topic)
            except BaseException:
                self._changed.add(topic)
                raise
        while self._waiting:
            if client.pending_data_size > STALLED_BYTES:
                raise StoreUnavailable("NATS could not be used (it does not read).")
            subject, data = self._waiting.popleft()
            self._waiting_bytes -= len(data) - SENDER_BYTES
            await client.publish(subject, data)

    async def _settle(self, client: Client, topic: str) -> None:
        """Subscribe to a topic or leave it, whatever is wanted now."""
        known = self._subscriptions.get(topic)
        if topic in self._topics and known is None:

            async def heard(message: Msg) -> None:
                if message.data[:SENDER_BYTES] != self._me:
                    wake_all(self._topics, topic, message.data[SENDER_BYTES:].decode(errors="replace"))

            self._subscriptions[topic] = await client.subscribe(self._prefix + topic, cb=heard)
        elif topic not in self._topics and known is not None:
            del self._subscriptions[topic]
            await known.unsubscribe()
