"""Where clients stand that do not remember it themselves: their cursors, by session and client.

A place is what a client is known to have received, never what was written to it. It is kept in memory while
the client is connected here, and in the store behind, so that another pod can go on: what has changed is
written once a second in one statement, and when a connection ends.
"""

import asyncio
import contextlib
from collections.abc import Iterable

from antiphon.engine.cursor import Cursor, parse_cursor
from antiphon.errors import AntiphonError
from antiphon.stores.port import PlaceStore

WRITE_EVERY_S = 1.0
# What a pod asks its clients in a second, in all: a question and its answer cost about as much as a token.
ASKED_A_SECOND = 2_000

Key = tuple[str, str]


class _Client:
    """One client of one session and its connections to this pod."""

    __slots__ = ("connections", "cursor", "written")

    def __init__(self) -> None:
        self.connections = 0
        self.cursor: Cursor | None = None
        self.written: str | None = None


class Places:
    """The places of this pod's clients."""

    def __init__(self, store: PlaceStore) -> None:
        self._store = store
        self._clients: dict[Key, _Client] = {}
        self._leaving: set[Key] = set()
        # One write after the other: an older place must not come to be stored over a newer one.
        self._writing = asyncio.Lock()

    @property
    def pause(self) -> float:
        """Seconds between two questions to one client: none to speak of while there are few clients."""
        return len(self._clients) / ASKED_A_SECOND

    async def enter(self, session_id: str, client_id: str) -> Cursor | None:
        """Note a connection and return the client's place, None if it has none; ``leave`` must follow.

        What this process knows counts as well as what is stored. Raises StoreUnavailable.
        """
        client = self._clients.setdefault((session_id, client_id), _Client())
        client.connections += 1
        try:
            stored = await self._store.place(session_id, client_id)
            # It may have been elsewhere since it was here, on a connection that seems open to this pod.
            client.cursor = later(client.cursor, parse_cursor(stored))
            client.written = stored
        except BaseException:
            self._drop((session_id, client_id), client)
            raise
        return client.cursor

    def reached(self, session_id: str, client_id: str, cursor: str) -> None:
        """Note what a connected client has received; of several connections the furthest counts."""
        client = self._clients[session_id, client_id]
        client.cursor = later(client.cursor, parse_cursor(cursor))

    async def leave(self, session_id: str, client_id: str) -> None:
        """Note that a connection ended, and store its client's place at once."""
        key = session_id, client_id
        client = self._clients[key]
        self._leaving.add(key)
        try:
            # One that cannot be written now is kept, and written with the others.
            with contextlib.suppress(AntiphonError):
                async with self._writing:
                    together, self._leaving = self._leaving, set()
                    await self._write(together)
        finally:
            self._drop(key, client)

    async def write(self) -> None:
        """Store all places that have changed. Raises StoreUnavailable."""
        async with self._writing:
            await self._write(tuple(self._clients))
        for key, client in tuple(self._clients.items()):
            if not client.connections and client.written == _text(client):
                del self._clients[key]

    async def _write(self, keys: Iterable[Key]) -> None:
        changed = [(key, text) for key in keys if (text := _unwritten(self._clients.get(key)))]
        if changed:
            await self._store.note_places([(*key, text) for key, text in changed])
            for key, text in changed:
                if key in self._clients:
                    self._clients[key].written = text

    def _drop(self, key: Key, client: _Client) -> None:
        client.connections -= 1
        if not client.connections and client.written == _text(client) and self._clients.get(key) is client:
            del self._clients[key]


def _text(client: _Client) -> str | None:
    return None if client.cursor is None else str(client.cursor)


def _unwritten(client: _Client | None) -> str | None:
    text = None if client is None else _text(client)
    return text if client is not None and text != client.written else None


def later(one: Cursor | None, other: Cursor | None) -> Cursor | None:
    """Return the place of somebody who has received what either says."""
    if one is None or other is None or one == other:
        return one or other
    both = {n: (one.of(n), other.of(n)) for n in {*one.received, *other.received}}
    return Cursor({n: max(a, b) for n, (a, b) in both.items() if a is not None and b is not None})
