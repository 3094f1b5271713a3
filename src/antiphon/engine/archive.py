"""Conversations as wholes: looked for, judged, taken out and brought in."""

import asyncio
import contextlib
import functools
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence

from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Catalogue
from antiphon.engine.past import Conversation, make_past
from antiphon.engine.rates import Rates
from antiphon.errors import NotFound, Overloaded
from antiphon.ids import new_id
from antiphon.model import Message, Principal, Session
from antiphon.stores.archive_port import Found, SessionPlace, place_of
from antiphon.stores.port import Store

# So long a search goes on looking: what lies further back is the next page's.
SEARCH_S = 1.0
# Searches that wait for their turn here, and imports under way: both take far more than other requests.
MOST_WAITING = 8
MOST_IMPORTS = 4
# Of these so many may be one principal's: the others are for others.
MOST_OWN_SEARCHES = 2
MOST_OWN_IMPORTS = 1
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
        self._searches = Places(MOST_WAITING, MOST_OWN_SEARCHES)
        self._imports = Places(MOST_IMPORTS, MOST_OWN_IMPORTS)

    async def search(
        self, principal: Principal, text: str, before: SessionPlace | None, limit: int, *, archived: bool
    ) -> Found:
        """Return a page of sessions that have the text in their title or a message, the last used first.

        A search looks for a second at most, a stretch of the list at a time: a page may be short, even empty,
        and yet there is more. One process carries out one search at a time, so that others' requests find
        the database free in between. Raises Overloaded.
        """
        with self._searches.one(principal, "searches"):
            async with self._searching:
                return await self._look(principal, text, before, limit, archived=archived)

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

    @contextlib.asynccontextmanager
    async def importing(self, principal: Principal, address: str | None) -> AsyncIterator[None]:
        """Take the place of an import, from before its body is read: few may be held in memory.

        It counts as a message at once, and for what follows of its size by ``count``. Raises Overloaded,
        RateLimited.
        """
        with self._imports.one(principal, "imports"):
            await self._rates.check(user=principal.id, address=address)
            yield

    async def count(self, principal: Principal, size: int, address: str | None) -> None:
        """Count what an import has beyond a first MiB against the limits on messages. Raises RateLimited."""
        for _ in range(size // COUNTED_BYTES):
            await self._rates.check(user=principal.id, address=address)

    async def bring_in(self, principal: Principal, given: Conversation, key: str | None = None) -> Session:
        """Store a conversation as a new one of the principal, all or nothing. Raises Invalid.

        With an idempotency key it is the principal's one import by that key, whatever is given again.
        """
        session_id = new_id("ses") if key is None else _named_by(principal, key)
        if key is not None:
            with contextlib.suppress(NotFound):
                return await self._store.session(principal, session_id)
        # Off the event loop: a long one takes a while.
        making = functools.partial(make_past, principal, given, self._catalogue, self._bounds)
        past = await asyncio.to_thread(making, session_id)
        await self._store.bring_in(past)
        return past.session


class Places:
    """So many of a kind at a time, and of these so many of one principal."""

    def __init__(self, most: int, most_own: int) -> None:
        self._most = most
        self._most_own = most_own
        self._taken: Counter[str] = Counter()

    @contextlib.contextmanager
    def one(self, principal: Principal, what: str) -> Iterator[None]:
        """Take a place. Raises Overloaded."""
        if self._taken.total() >= self._most or self._taken[principal.id] >= self._most_own:
            raise Overloaded(f"Too many {what} are under way here. Try again shortly.", retry_after=1)
        self._taken[principal.id] += 1
        try:
            yield
        finally:
            self._taken -= Counter([principal.id])  # what has come to nothing is forgotten


def _named_by(principal: Principal, key: str) -> str:
    """Return the id of the session that a principal imports by a key."""
    return f"ses_{hashlib.sha256(f'{principal.id} {key}'.encode()).hexdigest()[:32]}"
