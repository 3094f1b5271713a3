"""``/metrics`` and ``/stats``: what a pod has done and is doing, as numbers that tell nothing of users.

Everything is read at the time of asking, from counters that are kept anyway: it costs nothing else. Labels
are few and come from this program alone (states, error codes), so that no user can make more of them.
"""

import contextlib
import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from antiphon import __version__
from antiphon.engine.engine import Engine
from antiphon.engine.figures import SECONDS, Histogram
from antiphon.errors import AntiphonError
from antiphon.ids import now_ms
from antiphon.transports.asgi import Request, answer, answer_json
from antiphon.transports.http import Route
from antiphon.transports.stream import Streams
from antiphon.transports.views import iso

PERCENTILES = (0.5, 0.95, 0.99)
TEXT = "text/plain"
JSON = "application/json"


def quantile(histogram: Histogram, share: float) -> float | None:
    """Estimate a quantile in seconds, as Prometheus does: evenly spread within a bucket."""
    rank = share * histogram.count
    before, lower = 0, 0.0
    for upper, count in zip(SECONDS, histogram.counts, strict=False):
        if count and before + count >= rank:
            return round(lower + (upper - lower) * (rank - before) / count, 4)
        before, lower = before + count, upper
    return SECONDS[-1] if histogram.count else None


def durations(histogram: Histogram) -> dict[str, Any]:
    """Tell a histogram in a few numbers."""
    told: dict[str, Any] = {
        "count": histogram.count,
        "mean": round(histogram.sum / histogram.count, 4) if histogram.count else None,
    }
    return told | {f"p{share * 100:g}": quantile(histogram, share) for share in PERCENTILES}


class Metrics:
    """The figures of one pod."""

    def __init__(self, engine: Engine, streams: Streams, refused: Mapping[str, int]) -> None:
        self.engine = engine
        self.streams = streams
        self.refused = refused
        self.started = time.monotonic()

    @property
    def routes(self) -> list[Route]:
        """The routes, which pods of every role have."""
        formats: Iterable[Any] = ((200, TEXT), (200, JSON, Stats))
        return [
            Route("GET", "/stats", self.stats, answers=((200, JSON, Stats),), tag="service"),
            Route("GET", "/metrics", self.metrics, answers=tuple(formats), tag="service"),
        ]

    async def queued(self) -> int | None:
        """Return how many turns wait for any pod; None if the store does not tell."""
        with contextlib.suppress(AntiphonError):
            return await self.engine.store.queued()
        return None

    async def stats(self, request: Request) -> None:
        """Tell the figures of this pod as JSON."""
        await answer_json(request, 200, self.told(await self.queued()))

    async def metrics(self, request: Request) -> None:
        """Tell the figures of this pod in Prometheus' format; as JSON where only that is accepted."""
        accepted = request.header(b"accept") or "*/*"
        kinds = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
        queued = await self.queued()
        if kinds == {JSON}:
            await answer_json(request, 200, self.told(queued))
            return
        # Imported when first asked for: it takes a good part of the time that the program takes to start.
        from antiphon.observe.prometheus import exposition  # noqa: PLC0415

        body, content_type = exposition(self, queued, accepted)
        await answer(request, 200, body, content_type.encode())

    def told(self, queued: int | None) -> dict[str, Any]:
        """Return the figures as they look in JSON."""
        engine, figures, replies = self.engine, self.engine.figures, self.engine.replies
        asked = replies.hits + replies.misses
        ended = sum(figures.turns.values())
        return {
            "service": "antiphon",
            "version": __version__,
            "pod_id": engine.pod,
            "timestamp": iso(now_ms()),
            "uptime_seconds": round(time.monotonic() - self.started, 1),
            "leaving": engine.leaving,
            "active_connections": len(self.streams),
            "connections": dict(self.streams.kinds()),
            "active_sessions": engine.followed_sessions,
            "running_turns": engine.worker.running,
            "passing_replies": len(engine.passing),
            "queued_turns": queued,
            "turns": dict(figures.turns),
            "success_rate": round(1 - figures.turns["failed"] / ended, 4) if ended else None,
            "faults": dict(figures.faults),
            "chunks": figures.chunks,
            "tokens": figures.tokens,
            "pieces": engine.pieces,
            "first_chunk_seconds": durations(figures.first_chunk),
            "response_seconds": durations(figures.response),
            "cache": {
                "hits": replies.hits,
                "misses": replies.misses,
                "hit_rate": round(replies.hits / asked, 4) if asked else None,
            },
            "rate_limited": dict(engine.rates.refused),
            "refused": dict(self.refused),
        }


class Stats(msgspec.Struct):
    """What a pod has done since it began, and is doing. Durations are in seconds."""

    service: str
    version: str
    pod_id: str
    timestamp: str
    uptime_seconds: float
    leaving: bool
    active_connections: int
    connections: dict[str, int]
    active_sessions: int
    running_turns: int
    passing_replies: int
    queued_turns: int | None
    turns: dict[str, int]
    success_rate: float | None
    faults: dict[str, int]
    chunks: int
    tokens: int
    pieces: int
    first_chunk_seconds: dict[str, float | None]
    response_seconds: dict[str, float | None]
    cache: dict[str, float | None]
    rate_limited: dict[str, int]
    refused: dict[str, int]
