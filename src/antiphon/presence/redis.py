"""Connections of all pods, in Redis, where outside services can see them.

``session:connections:<session id>`` is a set of ``<pod>:<connection id>``;
``connection:heartbeat:<pod>:<connection id>`` is there for 30 s after each sign of life.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from antiphon.connections.redis import asking
from antiphon.errors import StoreUnavailable

HEARTBEAT_S = 30
# A session's set outlives its heartbeats, and then goes by itself if no pod is left to empty it.
SESSION_S = 300
# Packing a pipeline holds the event loop for about 10 µs a command.
PORTION = 100
COMPLAINS_EVERY_S = 60.0

logger = structlog.get_logger(__name__)


class RedisPresence:
    """The Presence port on Redis; ``prefix`` begins every key (none by default: the names are a contract)."""

    def __init__(self, client: Redis, *, prefix: str = "") -> None:
        self._redis = client
        self._prefix = prefix
        self._complained = -COMPLAINS_EVERY_S

    async def joined(self, session_id: str, pod: str, connection_id: str) -> None:
        """See Presence."""
        await self.keep(pod, [(session_id, connection_id)])

    async def left(self, session_id: str, pod: str, connection_id: str) -> None:
        """See Presence."""
        member = f"{pod}:{connection_id}"
        try:
            async with asking(), self._redis.pipeline(transaction=False) as pipe:
                pipe.srem(self._session(session_id), member)
                pipe.delete(self._heartbeat(member))
                await pipe.execute()
        except (StoreUnavailable, RedisError) as error:
            self._complain(error)

    async def keep(self, pod: str, connections: Sequence[tuple[str, str]]) -> None:
        """See Presence: sets are written again too, as Redis may have come back empty."""
        try:
            for portion in (connections[at : at + PORTION] for at in range(0, len(connections), PORTION)):
                async with asking(), self._redis.pipeline(transaction=False) as pipe:
                    for session_id, connection_id in portion:
                        member = f"{pod}:{connection_id}"
                        pipe.sadd(self._session(session_id), member)
                        pipe.expire(self._session(session_id), SESSION_S)
                        pipe.set(self._heartbeat(member), 1, ex=HEARTBEAT_S)
                    await pipe.execute()
        except (StoreUnavailable, RedisError) as error:
            self._complain(error)

    async def connections(self, session_id: str) -> Sequence[str]:
        """See Presence."""
        session = self._session(session_id)
        try:
            async with asking():
                found: Iterable[Any] = await self._redis.smembers(session)
                members = sorted(member.decode() for member in found)
                if not members:
                    return []
                beats = await self._redis.mget([self._heartbeat(member) for member in members])
                gone = [member for member, beat in zip(members, beats, strict=True) if beat is None]
                if gone:
                    await self._redis.srem(session, *gone)
        except (StoreUnavailable, RedisError) as error:
            self._complain(error)
            return []
        return [member for member, beat in zip(members, beats, strict=True) if beat is not None]

    def _session(self, session_id: str) -> str:
        return f"{self._prefix}session:connections:{session_id}"

    def _heartbeat(self, member: str) -> str:
        return f"{self._prefix}connection:heartbeat:{member}"

    def _complain(self, error: Exception) -> None:
        if time.monotonic() - self._complained >= COMPLAINS_EVERY_S:
            self._complained = time.monotonic()
            logger.warning("presence_unavailable", error=str(error))
