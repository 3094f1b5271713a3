"""This pod's part of the register of who is connected where."""

import asyncio
from collections.abc import Coroutine

from antiphon.presence.port import Presence


class Connections:
    """The connections of this pod, kept alive in the register."""

    def __init__(self, pod: str, presence: Presence) -> None:
        self._pod = pod
        self._presence = presence
        self._sessions: dict[str, str] = {}
        self._background: set[asyncio.Task[None]] = set()

    def join(self, session_id: str, connection_id: str) -> None:
        """Note a connection, in the background: nobody waits for it."""
        self._sessions[connection_id] = session_id
        self._spawn(self._presence.joined(session_id, self._pod, connection_id))

    def leave(self, connection_id: str) -> None:
        """Forget a connection."""
        session_id = self._sessions.pop(connection_id)
        self._spawn(self._presence.left(session_id, self._pod, connection_id))

    async def keep(self) -> None:
        """Keep all of them alive."""
        if self._sessions:
            pairs = [(session, connection) for connection, session in self._sessions.items()]
            await self._presence.keep(self._pod, pairs)

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._background, return_exceptions=True)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
