"""A pod's figures in Prometheus' formats; a registry of its own, so that nothing else gets in."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from antiphon import __version__
from antiphon.engine.figures import SECONDS, Histogram

if TYPE_CHECKING:
    from antiphon.observe.metrics import Metrics


def exposition(metrics: "Metrics", queued: int | None, accepted: str) -> tuple[bytes, str]:
    """Return the figures and their content type, in the version of the format that is accepted."""
    registry = CollectorRegistry()
    registry.register(_Collector(metrics, queued))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accepted)
    return encode(registry), content_type


class _Collector(Collector):
    def __init__(self, metrics: "Metrics", queued: int | None) -> None:
        self._metrics = metrics
        self._queued = queued

    def describe(self) -> list[Metric]:
        """Nothing: names are not checked against those of others, as there are none."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read all counters."""
        yield from self._now()
        yield from self._so_far()

    def _now(self) -> Iterator[Metric]:
        engine, streams = self._metrics.engine, self._metrics.streams
        told = {"version": __version__, "pod": engine.pod}
        yield InfoMetricFamily("antiphon", "Which release and which pod this is.", value=told)
        connections = GaugeMetricFamily(
            "antiphon_connections", "Event streams and sockets that are open.", labels=["kind"]
        )
        for kind, count in streams.kinds().items():
            connections.add_metric([kind], count)
        yield connections
        gauges = {
            "antiphon_sessions": ("Sessions that are followed here.", engine.followed_sessions),
            "antiphon_turns_running": ("Replies that are made here.", engine.worker.running),
            "antiphon_replies_passing": ("Replies that are made here and not kept.", len(engine.passing)),
            "antiphon_leaving": ("Whether the pod hands over and takes no more.", int(engine.leaving)),
        }
        if self._queued is not None:
            gauges["antiphon_turns_queued"] = ("Messages that wait for any pod.", self._queued)
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(name, text, value=value)

    def _so_far(self) -> Iterator[Metric]:
        engine, figures = self._metrics.engine, self._metrics.engine.figures
        cache = {"hit": engine.replies.hits, "miss": engine.replies.misses}
        yield _counter("antiphon_turns", "Replies that ended here.", "state", figures.turns)
        yield _counter("antiphon_turn_faults", "Replies that failed, by error.", "code", figures.faults)
        yield CounterMetricFamily("antiphon_chunks", "Chunks of ended replies.", value=figures.chunks)
        yield CounterMetricFamily("antiphon_tokens", "Tokens of ended replies.", value=figures.tokens)
        yield _counter("antiphon_reply_cache_requests", "Look-ups of equal questions.", "result", cache)
        yield _counter("antiphon_rate_limited", "Messages over a limit.", "limit", engine.rates.refused)
        yield _counter("antiphon_refused_requests", "Requests refused.", "code", self._metrics.refused)
        yield _histogram("antiphon_first_chunk_seconds", "From message to first chunk.", figures.first_chunk)
        yield _histogram("antiphon_response_seconds", "From message to end of reply.", figures.response)


def _counter(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    total, buckets = 0, []
    for bound, count in zip((*map(str, SECONDS), "+Inf"), histogram.counts, strict=True):
        total += count
        buckets.append((bound, total))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=histogram.sum)
