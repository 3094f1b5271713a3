"""Connections of this process."""

from collections.abc import Sequence


class MemoryPresence:
    """The Presence port on a dictionary: a connection leaves when its process says so."""

    def __init__(self) -> None:
        self._sessions: dict[str, set[str]] = {}

    async def joined(self, session_id: str, pod: str, connection_id: str) -> None:
        """See Presence."""
        self._sessions.setdefault(session_id, set()).add(f"{pod}:{connection_id}")

    async def left(self, session_id: str, pod: str, connection_id: str) -> None:
        """See Presence."""
        connections = self._sessions.get(session_id, set())
        connections.discard(f"{pod}:{connection_id}")
        if not connections:
            self._sessions.pop(session_id, None)

    async def keep(self, pod: str, connections: Sequence[tuple[str, str]]) -> None:
        """See Presence: connections of this process need nobody to keep them."""

    async def connections(self, session_id: str) -> Sequence[str]:
        """See Presence."""
        return sorted(self._sessions.get(session_id, ()))
