"""Conversations as wholes: looked for, judged, taken out and brought in."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence

from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Catalogue
from antiphon.engine.past import Conversation, make_past
from antiphon.engine.rates import Rates
from antiphon.errors import Overloaded
from antiphon.model import Message, Principal, Session
from antiphon.stores.archive_port import Found, SessionPlace, place_of
from antiphon.stores.port import Store

# So long a search goes on looking: what lies further back is the next page's.
SEARCH_S = 1.0
# Searches that wait for their turn here, and imports under way: both take far more than other requests.
MOST_WAITING = 8
MOST_IMPORTS = 4
# What an import counts as one message, against the limits on messages.
COUNTED_BYTES = 1_048_576
# Messages taken out at a time.
PAGE = 100


class Archive:
    """What is done with whole conversations; what belongs to another principal is NotFound."""

    def __init__(self, store: Store, catalogue: Catalogue, rates: Rates, bounds: Bounds) -> None:
        self._store = store
        self._catalogue = catalogue
        self._rates = rates
        self._bounds = bounds
        self._searching = asyncio.Lock()
        self._waiting = 0
        self._imports = 0

    async def search(
        self, principal: Principal, text: str, before: SessionPlace | None, limit: int, *, archived: bool
    ) -> Found:
        """Return a page of sessions that have the text in their title or a message, the last used first.

        A search looks for a second at most, a stretch of the list at a time: a page may be short, even empty,
        and yet there is more. One process carries out one search at a time, so that others' requests find
        the database free in between. Raises Overloaded.
        """
        if self._waiting >= MOST_WAITING:
            raise Overloaded("Too many searches are under way here. Try again shortly.", retry_after=1)
        self._waiting += 1
        try:
            async with self._searching:
                return await self._look(principal, text, before, limit, archived=archived)
        finally:
            self._waiting -= 1

    async def _look(
        self, principal: Principal, text: str, before: SessionPlace | None, limit: int, *, archived: bool
    ) -> Found:
        found: list[Session] = []
        until = time.monotonic() + SEARCH_S
        while True:
            look = await self._store.search(principal, text, before, archived=archived)
            found += look.sessions
            before = look.before
            if len(found) > limit:
                return Found(sessions=found[:limit], before=place_of(found[limit - 1]))
            if before is None or len(found) == limit or time.monotonic() > until:
                return Found(sessions=found, before=before)

    async def messages(self, principal: Principal, session_id: str) -> AsyncIterator[Message]:
        """Yield all messages of a session in order, see ArchiveStore.past. Raises NotFound."""
        after = -1
        while True:
            page = await self._store.past(principal, session_id, after, PAGE)
            for message in page:
                yield message
            if not page:
                return
            after = page[-1].ordinal

    async def branch(self, principal: Principal, session_id: str, leaf: str | None) -> AsyncIterator[Message]:
        """Return the messages that lead to this one, None: the newest, and itself. Raises NotFound."""
        ids = await self._store.branch(principal, session_id, leaf)
        return self._named(principal, session_id, ids)

    async def _named(
        self, principal: Principal, session_id: str, ids: Sequence[str]
    ) -> AsyncIterator[Message]:
        for first in range(0, len(ids), PAGE):
            for message in await self._store.named(principal, session_id, ids[first : first + PAGE]):
                yield message

    @contextlib.contextmanager
    def importing(self) -> Iterator[None]:
        """Mark an import, from before its body is read: few may be held in memory. Raises Overloaded."""
        if self._imports >= MOST_IMPORTS:
            raise Overloaded("Too many imports are under way here. Try again shortly.", retry_after=2)
        self._imports += 1
        try:
            yield
        finally:
            self._imports -= 1

    async def count(self, principal: Principal, size: int, address: str | None) -> None:
        """Count an import of so many bytes against the limits on messages. Raises RateLimited."""
        for _ in range(1 + size // COUNTED_BYTES):
            await self._rates.check(user=principal.id, address=address)

    async def bring_in(self, principal: Principal, given: Conversation) -> Session:
        """Store a conversation as a new one of the principal, all or nothing. Raises Invalid."""
        # Off the event loop: a long one takes a while.
        past = await asyncio.to_thread(make_past, principal, given, self._catalogue, self._bounds)
        await self._store.bring_in(past)
        return past.session
