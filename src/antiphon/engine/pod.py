"""A pod's life: lease, takeover of what dead pods left, housekeeping, leaving."""

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable

import structlog

from antiphon.engine.bounds import Bounds
from antiphon.engine.deliver import Hub
from antiphon.engine.ports import Ports
from antiphon.engine.worker import Worker
from antiphon.errors import StoreUnavailable
from antiphon.ids import now_ms

logger = structlog.get_logger(__name__)
FAR_FUTURE = 2**62
EXPIRE_EVERY_S = 15.0


def new_pod_id() -> str:
    """Return an id for this process: where it runs, and a random part that tells restarts apart."""
    return f"{socket.gethostname()[:60]}-{secrets.token_hex(4)}"


class Keeper:
    """Keeps this pod's lease and takes over from pods that lost theirs.

    The cost is one row a beat, whatever the number of turns.
    """

    def __init__(self, pod: str, ports: Ports, hub: Hub, worker: Worker, bounds: Bounds) -> None:
        self._pod = pod
        self._store = ports.store
        self._log = ports.log
        self._hub = hub
        self._worker = worker
        self._bounds = bounds

    async def begin(self, *, alone: bool) -> None:
        """Register the pod. ``alone``: no other process can be using the store, so all others are dead."""
        await self._beat()
        await self._bury(FAR_FUTURE if alone else now_ms())

    async def run(self) -> None:
        """Beat three times a lease; look after the log and followed turns in between."""
        expire_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._bounds.lease / 3)
            await self._try(self._beat)
            await self._try(lambda: self._bury(now_ms()))
            await self._try(self._hub.refresh)
            if loop.time() >= expire_at:
                expire_at = loop.time() + EXPIRE_EVERY_S
                await self._try(self._expire)

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do one duty; a failure is logged and does not keep the others from being done."""
        try:
            await work()
        except StoreUnavailable as error:
            logger.warning("housekeeping_waits", error=error.message)
        except Exception as error:
            logger.exception("housekeeping_failed", error=type(error).__name__)

    async def _expire(self) -> None:
        await self._log.expire(now_ms() - int(self._bounds.retention * 1000))

    async def leave(self) -> None:
        """Give the pod's turns back and remove it."""
        handed_over = await self._store.release(self._pod)
        logger.info("pod_left", pod=self._pod, handed_over=handed_over)

    async def _beat(self) -> None:
        known = await self._store.heartbeat(self._pod, now_ms() + int(self._bounds.lease * 1000))
        if not known and self._worker.running:
            logger.error("pod_was_buried", pod=self._pod, running=self._worker.running)
            self._worker.fence()

    async def _bury(self, lease_before: int) -> None:
        orphans = await self._store.bury(lease_before, self._pod)
        if orphans:
            logger.info("takeover", turns=orphans)
            self._worker.wake()
