"""``/stats/events``: the figures of a pod and its fleet as they change, for the figures page.

They are computed once a second for all readers together, and not at all while there are none. A reader that
does not take them fast enough is left out of a second: what it gets next is newer.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

import msgspec
import structlog

from antiphon.errors import AntiphonError, Overloaded
from antiphon.observe.metrics import Metrics
from antiphon.stores.port import PodState
from antiphon.transports.asgi import Request
from antiphon.transports.http import Route
from antiphon.transports.loopback import Loopback
from antiphon.transports.sse import NATIVE
from antiphon.transports.stream import EventStream
from antiphon.transports.views import iso

EVERY_S = 1.0
# Figures are most wanted when the store is in trouble: they are told without it then.
STORE_WITHIN_S = 2.0
# A reader has at most this much under way: figures are a few KiB, and none are sent behind others that wait.
MOST_WAITING = 65_536

logger = structlog.get_logger(__name__)


class Pod(TypedDict):
    """A pod of the fleet; ``lease_seconds_left`` is what is left of its lease, below 0 where it is over."""

    id: str
    this: bool
    works: bool
    started_at: str
    lease_seconds_left: float
    running_turns: int


class Limit(TypedDict):
    """A bound and how much of it is used: of this pod, or of the busiest key where it is a rate (``per``).

    ``used`` is None where that is not known; ``refused`` is counted for rates.
    """

    name: str
    used: int | None
    most: int
    per: str | None
    refused: int | None


class Live:
    """The readers of one pod's figures.

    ``rates`` are the rate limits by what they belong to; ``most_readers`` bounds those at once;
    ``connections`` tells how many requests are open, of at most ``most_connections``.
    """

    def __init__(
        self,
        metrics: Metrics,
        loopback: Loopback,
        *,
        rates: Mapping[str, str],
        most_readers: int,
        connections: Callable[[], int],
        most_connections: int,
    ) -> None:
        self._metrics = metrics
        self._loopback = loopback
        self._rates = rates
        self._most_readers = most_readers
        self._connections = connections
        self._most_connections = most_connections
        self._admitted = 0
        # Those of the admitted whose answer has begun.
        self._readers: set[EventStream] = set()
        self._task: asyncio.Task[None] | None = None
        self._newest = b""

    @property
    def routes(self) -> list[Route]:
        """The route."""
        return [Route("GET", "/stats/events", self.events, errors=(403,), tag="service")]

    async def events(self, request: Request) -> None:
        """Follow the figures of this pod and its fleet: an event ``stats`` each second."""
        request.cors = []  # no other page is to read them, whatever may use the rest
        self._loopback.check(request)
        if self._admitted >= self._most_readers:
            raise Overloaded(
                f"{self._most_readers} readers follow the figures already (ANTIPHON_STATS_READERS). "
                "Close one, or read /stats.",
                retry_after=10,
            )
        stream = EventStream(request, NATIVE, MOST_WAITING)
        self._admitted += 1
        try:
            await self._metrics.streams.serve(
                stream, lambda: self._attach(stream), lambda: self._detach(stream)
            )
        finally:
            self._admitted -= 1

    def _attach(self, stream: EventStream) -> None:
        self._readers.add(stream)
        if self._newest:
            stream.write(self._newest)
        if self._task is None:
            self._task = asyncio.create_task(self._tell_all(), name="live-figures")

    def _detach(self, stream: EventStream) -> None:
        self._readers.discard(stream)
        if not self._readers and self._task is not None:
            self._task.cancel()
            self._task, self._newest = None, b""

    async def _tell_all(self) -> None:
        """Compute and tell, each second. It must not end by an error: readers would wait for nothing."""
        while True:
            try:
                self._newest = await self._event()
            except Exception as error:
                logger.exception("live_figures_failed", error=type(error).__name__)
            else:
                for stream in tuple(self._readers):
                    if not stream.outlet.stuck_since:
                        stream.write(self._newest)
            await asyncio.sleep(EVERY_S)

    async def _event(self) -> bytes:
        queued: int | None = None
        pods: Sequence[PodState] | None = None
        with contextlib.suppress(AntiphonError, TimeoutError):
            async with asyncio.timeout(STORE_WITHIN_S):
                queued = await self._metrics.queued()
                pods = await self._metrics.engine.store.fleet()
        told = self._metrics.told(queued)
        told |= {"pods": None if pods is None else [self._pod(pod) for pod in pods]}
        told |= {"limits": self._limits(queued)}
        return b"event: stats\ndata: %b\n\n" % msgspec.json.encode(told)

    def _pod(self, pod: PodState) -> Pod:
        return {
            "id": pod.id,
            "this": pod.id == self._metrics.engine.pod,
            "works": pod.works,
            "started_at": iso(pod.started_at),
            "lease_seconds_left": pod.lease_left / 1000,
            "running_turns": pod.running,
        }

    def _limits(self, queued: int | None) -> list[Limit]:
        engine = self._metrics.engine
        used: dict[str, tuple[int | None, int]] = {
            "running_turns": (engine.worker.running, engine.bounds.running_turns),
            "queued_turns": (queued, engine.bounds.queued_turns),
            "connections": (self._connections(), self._most_connections),
            "stats_readers": (self._admitted, self._most_readers),
        }
        found: list[Limit] = [
            {"name": name, "used": now, "most": most, "per": None, "refused": None}
            for name, (now, most) in used.items()
        ]
        for kind, rate in self._rates.items():
            most_hits, _, per = rate.partition("/")
            found.append(
                {
                    "name": f"rate_{kind}",
                    "used": engine.rates.used(kind),
                    "most": int(most_hits),
                    "per": per.strip(),
                    "refused": engine.rates.refused[kind],
                }
            )
        return found
