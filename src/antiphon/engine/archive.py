"""Conversations as wholes: looked for, judged, taken out and brought in."""

import asyncio
import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Catalogue
from antiphon.engine.past import Conversation, make_past
from antiphon.engine.pod import FOREVER_MS
from antiphon.engine.rates import Rates
from antiphon.errors import NotFound, Overloaded
from antiphon.ids import new_id
from antiphon.model import Message, Principal, Session
from antiphon.stores.archive_port import Found, SessionPlace, place_of
from antiphon.stores.port import Store

# So long a search goes on looking: what lies further back is the next page's.
SEARCH_S = 1.0
# Searches and imports under way here: one import is carried out at a time, and one look of a search.
MOST_WAITING = 8
MOST_IMPORTS = 4
# Of these so many may be one principal's: the others are for others.
MOST_OWN_SEARCHES = 2
MOST_OWN_IMPORTS = 1
# Files that come in from one address at a time, and what is held of them: so many of the largest ones, of all
# and of one address. By address: whoever says nothing of himself is a new principal each time.
MOST_OWN_UPLOADS = 16
MOST_HELD = 4
MOST_OWN_HELD = 2
# Conversations that are taken out at once, in all and by one address; messages in memory of each.
MOST_EXPORTS = 16
MOST_OWN_EXPORTS = 4
PAGE = 10
# What an import counts as one message, against the limits on messages.
COUNTED_BYTES = 1_048_576
# An import that has stored nothing for so long will not go on: the process that made it is gone.
DEAD_IMPORT_MS = 30_000


class Archive:
    """What is done with whole conversations; what belongs to another principal is NotFound."""

    def __init__(self, store: Store, catalogue: Catalogue, rates: Rates, bounds: Bounds) -> None:
        self._store = store
        self._catalogue = catalogue
        self._rates = rates
        self._bounds = bounds
        self._searching = asyncio.Lock()
        self._searches = Places("searches", MOST_WAITING, MOST_OWN_SEARCHES)
        self._importing = asyncio.Lock()
        self._imports = Places("imports", MOST_IMPORTS, MOST_OWN_IMPORTS)
        self._exports = Places("exports", MOST_EXPORTS, MOST_OWN_EXPORTS)
        self._uploads = Uploads(bounds.import_bytes)

    async def search(
        self, principal: Principal, text: str, before: SessionPlace | None, limit: int, *, archived: bool
    ) -> Found:
        """Return a page of sessions that have the text in their title or a message, the last used first.

        A search looks for a second at most, a stretch of the list at a time: a page may be short, even empty,
        and yet there is more. Searches take turns, look by look, so that none waits for the whole of another,
        and others' requests find the database free in between. Raises Overloaded.
        """
        with self._searches.one(principal.id):
            return await self._look(principal, text, before, limit, archived=archived)

    async def _look(
        self, principal: Principal, text: str, before: SessionPlace | None, limit: int, *, archived: bool
    ) -> Found:
        found: list[Session] = []
        until = time.monotonic() + SEARCH_S
        while True:
            async with self._searching:
                look = await self._store.search(principal, text, before, archived=archived)
            found += look.sessions
            before = look.before
            if len(found) > limit:
                return Found(sessions=found[:limit], before=place_of(found[limit - 1]))
            if before is None or len(found) == limit or time.monotonic() > until:
                return Found(sessions=found, before=before)

    def exporting(self, principal: Principal, address: str | None) -> contextlib.AbstractContextManager[None]:
        """Take the place of an export. Raises Overloaded."""
        return self._exports.one(address or principal.id)

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
    async def uploading(
        self, principal: Principal, address: str | None
    ) -> AsyncIterator[Callable[[int], None]]:
        """Let the file of an import come in; yield what is to be told of each piece's size.

        An import counts as a message at once, and for what follows of its size when it is there. Raises
        Overloaded, RateLimited.
        """
        await self._rates.check(user=principal.id, address=address)
        with self._uploads.one(address or principal.id) as came:
            yield came

    @contextlib.asynccontextmanager
    async def importing(self, principal: Principal, size: int, address: str | None) -> AsyncIterator[None]:
        """Wait for one's turn to import a file of so many bytes. Raises Overloaded, RateLimited."""
        with self._imports.one(principal.id):
            for _ in range(size // COUNTED_BYTES):
                await self._rates.check(user=principal.id, address=address)
            async with self._importing:
                yield

    async def bring_in(self, principal: Principal, given: Conversation, key: str | None = None) -> Session:
        """Store a conversation as a new one of the principal, all or nothing. Raises Invalid, Overloaded.

        With an idempotency key (see check_key) it is the principal's one import by that key, whatever is
        given again and wherever else it is being imported.
        """
        session_id = new_id("ses") if key is None else _named_by(principal, key)
        if key is not None:
            with contextlib.suppress(NotFound):
                return await self._store.session(principal, session_id)
        await self._store.sweep(DEAD_IMPORT_MS)
        past = await make_past(principal, given, self._catalogue, self._bounds, session_id)
        return await self._store.bring_in(past)

    async def sweep(self, *, alone: bool) -> None:
        """Remove what imports have left that died; ``alone`` as for Engine.start: none can be alive."""
        await self._store.sweep(-FOREVER_MS if alone else DEAD_IMPORT_MS)


class Places:
    """So many of a kind at a time, and of these so many of one who asks."""

    def __init__(self, kind: str, most: int, most_own: int) -> None:
        self._kind = kind
        self._most = most
        self._most_own = most_own
        self._taken: Counter[str] = Counter()

    @contextlib.contextmanager
    def one(self, who: str) -> Iterator[None]:
        """Take a place. Raises Overloaded."""
        if self._taken.total() >= self._most or self._taken[who] >= self._most_own:
            raise _too_many(self._kind)
        self._taken[who] += 1
        try:
            yield
        finally:
            self._taken -= Counter([who])  # what has come to nothing is forgotten


class Uploads:
    """Files that come in: what is held of them is bounded, not how many or how slow they are.

    Else those who send slowly would keep all others out.
    """

    def __init__(self, largest: int) -> None:
        self._most = MOST_HELD * largest
        self._most_own = MOST_OWN_HELD * largest
        self._held: Counter[str] = Counter()
        self._open: Counter[str] = Counter()

    @contextlib.contextmanager
    def one(self, who: str) -> Iterator[Callable[[int], None]]:
        """Yield what notes the size of a piece that came; it is held until the end. Raises Overloaded."""
        mine = 0

        def came(size: int) -> None:
            nonlocal mine
            if self._held.total() + size > self._most or self._held[who] + size > self._most_own:
                raise _too_many("uploads")
            mine += size
            self._held[who] += size

        if self._open[who] >= MOST_OWN_UPLOADS:
            raise _too_many("uploads")
        self._open[who] += 1
        try:
            yield came
        finally:
            self._open -= Counter([who])
            self._held -= Counter({who: mine})


def _too_many(what: str) -> Overloaded:
    return Overloaded(f"Too many {what} are under way here. Try again shortly.", retry_after=1)


def _named_by(principal: Principal, key: str) -> str:
    """Return the id of the session that a principal imports by a key."""
    return f"ses_{hashlib.sha256(f'{principal.id} {key}'.encode()).hexdigest()[:32]}"
