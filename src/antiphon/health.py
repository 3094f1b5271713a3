"""What ``/health`` tells of a pod."""

import asyncio
import functools

from antiphon import __version__
from antiphon.backends import Backends
from antiphon.config import Settings
from antiphon.engine.engine import Engine
from antiphon.ids import now_ms
from antiphon.transports.rest import Health
from antiphon.transports.stream import Streams
from antiphon.transports.views import Health as Told
from antiphon.transports.views import RedisStatus, iso

REDIS_WITHIN_S = 1.0


def make_health(engine: Engine, streams: Streams, backends: Backends, settings: Settings) -> Health:
    """Return what answers: it looks at the brokers that are configured, and at nothing that users own."""
    redis_status = functools.partial(_redis_status, backends, settings)

    async def health() -> Told:
        return {
            "status": "healthy",
            "service": "antiphon",
            "version": __version__,
            "pod_id": engine.pod,
            "timestamp": iso(now_ms()),
            "active_connections": len(streams),
            "active_sessions": engine.followed_sessions,
            "active_buffers": engine.worker.running,
            "redis_status": await redis_status(),
            "nats_connected": settings.nats_url is not None and backends.nats.connected,
        }

    return health


async def _redis_status(backends: Backends, settings: Settings) -> RedisStatus:
    if settings.redis_url is None:
        return "not_configured"
    try:
        async with asyncio.timeout(REDIS_WITHIN_S):
            await backends.redis.ping()
    except Exception:  # noqa: BLE001 - the driver raises many kinds, and all say the same here
        return "disconnected"
    return "connected"
