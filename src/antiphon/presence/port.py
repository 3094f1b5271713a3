"""Who is connected where."""

from collections.abc import Sequence
from typing import Protocol


class Presence(Protocol):
    """The connections of each session, of all pods. Advisory: nothing that must be right depends on it.

    A connection that is not kept alive counts as gone after 30 s. Errors are logged, never raised.
    """

    async def joined(self, session_id: str, pod: str, connection_id: str) -> None:
        """Note a connection."""
        ...

    async def left(self, session_id: str, pod: str, connection_id: str) -> None:
        """Forget a connection."""
        ...

    async def keep(self, pod: str, connections: Sequence[tuple[str, str]]) -> None:
        """Keep this pod's connections alive, each given as session and connection id."""
        ...

    async def connections(self, session_id: str) -> Sequence[str]:
        """Return the session's live connections, each as ``<pod>:<connection id>``, in order."""
        ...
