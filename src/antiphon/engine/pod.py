"""A pod's life: lease, takeover of what dead pods left, housekeeping, leaving."""

import asyncio
import re
import secrets
import socket
from collections.abc import Awaitable, Callable

import structlog

from antiphon.engine.bounds import Bounds
from antiphon.engine.places import WRITE_EVERY_S
from antiphon.engine.ports import Ports
from antiphon.engine.worker import Worker
from antiphon.errors import StoreUnavailable
from antiphon.ids import now_ms

logger = structlog.get_logger(__name__)
FOREVER_MS = 2**61
BEATS_A_LEASE = 3
EXPIRE_EVERY_S = 15.0
AUDIT_EVERY_S = 15.0
LOOK_FOR_TURNS_EVERY_S = 5.0
KEEP_CONNECTIONS_EVERY_S = 10.0
Duty = Callable[[], Awaitable[None]]


def new_pod_id() -> str:
    """Return an id for this process: where it runs, and a random part that tells restarts apart.

    Lower-case letters, digits and hyphens: it is part of names on brokers.
    """
    host = re.sub(r"[^a-z0-9]+", "-", socket.gethostname().lower())[:60].strip("-")
    return f"{host or 'pod'}-{secrets.token_hex(4)}"


class Keeper:
    """Keeps this pod's lease and takes over from pods that lost theirs.

    The cost is one row a beat, whatever the number of turns. ``refresh`` looks after followed turns,
    ``look_for_turns`` after followed sessions, ``keep_connections`` after the register of connections,
    ``write_places`` stores where clients stand.
    """

    def __init__(
        self,
        pod: str,
        ports: Ports,
        worker: Worker,
        bounds: Bounds,
        *,
        refresh: Duty,
        look_for_turns: Duty,
        keep_connections: Duty,
        write_places: Duty,
    ) -> None:
        self._pod = pod
        self._store = ports.store
        self._log = ports.log
        self._bus = ports.bus
        self._worker = worker
        self._bounds = bounds
        self._others: list[tuple[float, Duty]] = [
            (bounds.lease / BEATS_A_LEASE, refresh),
            (LOOK_FOR_TURNS_EVERY_S, look_for_turns),
            (KEEP_CONNECTIONS_EVERY_S, keep_connections),
            (WRITE_EVERY_S, write_places),
        ]
        self._steady_since = 0.0
        self._last_beat = 0.0
        # Turns that the store says run here and do not, or the other way round, as of the audit before.
        self._strays: set[tuple[str, int]] = set()
        self._disowned: set[str] = set()
        # Calls that were under way then, and may have been about to tell of what looked like strays.
        self._asking: set[object] = set()

    async def begin(self, *, alone: bool) -> None:
        """Register the pod. ``alone``: no other process can be using the store, so all others are dead."""
        await self._beat()
        if alone:
            await self._bury(-FOREVER_MS)

    async def run(self) -> None:
        """Beat three times a lease and look for dead pods twice as often; other duties in between."""
        pause = self._bounds.lease / BEATS_A_LEASE / 2
        every = [
            (2 * pause, self._beat),
            (pause, self._bury_dead),
            (2 * pause, self._stop),
            (2 * pause, self._settle_doubts),
            *self._others,
            (EXPIRE_EVERY_S, self._expire),
            (AUDIT_EVERY_S, self._audit),
        ]
        loop = asyncio.get_running_loop()
        due = [loop.time() + wait for wait, _ in every]
        while True:
            await asyncio.sleep(pause)
            for n, (wait, duty) in enumerate(every):
                # Half a pause early is in time: a duty must not miss its turn by a millisecond.
                if loop.time() >= due[n] - pause / 2:
                    due[n] = loop.time() + wait
                    await self._try(duty)

    async def leave(self) -> None:
        """Give the pod's turns back and remove it."""
        handed_over = await self._store.release(self._pod)
        if handed_over:
            self._bus.publish("turns", "")
        logger.info("pod_left", pod=self._pod, handed_over=handed_over)

    async def _try(self, work: Duty) -> None:
        """Do one duty; a failure is logged and does not keep the others from being done."""
        try:
            await work()
        except StoreUnavailable as error:
            logger.warning("housekeeping_waits", error=error.message)
        except Exception as error:
            logger.exception("housekeeping_failed", error=type(error).__name__)

    async def _expire(self) -> None:
        await self._log.expire(now_ms() - int(self._bounds.retention * 1000))

    async def _beat(self) -> None:
        lease = int(self._bounds.lease * 1000)
        known = await self._store.heartbeat(self._pod, lease, works=self._worker.works)
        now = asyncio.get_running_loop().time()
        if now - self._last_beat > self._bounds.lease:
            self._steady_since = now
        self._last_beat = now
        if not known and self._worker.running:
            logger.error("pod_was_buried", pod=self._pod, running=self._worker.running)
            self._worker.fence()

    async def _bury_dead(self) -> None:
        """Bury pods without a lease, unless it was the store that was away.

        After an outage no pod has a lease, and the first to come back must not declare the others dead:
        each gets as long as a lease to come back too.
        """
        now = asyncio.get_running_loop().time()
        if now - self._steady_since >= self._bounds.lease and now - self._last_beat < self._bounds.lease:
            await self._bury(0)

    async def _bury(self, silent: int) -> None:
        orphans = await self._store.bury(self._pod, silent)
        if orphans:
            logger.info("takeover", turns=orphans)
            self._bus.publish("turns", "")

    async def _stop(self) -> None:
        """Stop what somebody asked to stop while the wake-up was lost."""
        for turn_id in await self._store.stops(self._pod):
            self._worker.stop(turn_id)

    async def _settle_doubts(self) -> None:
        """Audit at once if the store may have given turns to this pod without this pod's knowing."""
        if not self._worker.doubtful and not self._strays:
            return
        self._worker.doubtful = False
        try:
            await self._audit()
        except StoreUnavailable:
            self._worker.doubtful = True
            raise

    async def _audit(self) -> None:
        """Set right what the store and this process believe differently about who runs what.

        Only what differs in two audits: between a claim and its answer the two differ for a moment, or for
        longer if the answer is late.
        """
        held = await self._store.held(self._pod)
        running = self._worker.turns
        strays = {(turn, epoch) for turn, epoch in held if turn not in running}
        lost = set() if self._asking & self._worker.calls else strays & self._strays
        if lost:
            logger.error("strays_requeued", turns=len(lost))
            await self._store.requeue(sorted(lost))
            self._bus.publish("turns", "")
        disowned = running - {turn for turn, _ in held}
        for turn in disowned & self._disowned:
            self._worker.leave(turn)
        self._strays, self._disowned = strays - lost, disowned
        self._asking = set(self._worker.calls)
