"""Pages of lists, as Relay's connections describe them (https://relay.dev/graphql/connections.htm).

What a page costs does not grow with the list: the store is asked for a window of it, never to count or skip.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from antiphon.errors import Invalid
from antiphon.model import Message as StoredMessage
from antiphon.model import Session as StoredSession
from antiphon.stores.archive_port import SessionPlace, place_of
from antiphon.transports import session_places
from antiphon.transports.graphql.context import Context
from antiphon.transports.graphql.cost import LARGEST_PAGE, USUAL_PAGE
from antiphon.transports.graphql.types import (
    Message,
    MessageConnection,
    MessageEdge,
    MessageFilter,
    PageInfo,
    Session,
    SessionConnection,
    SessionEdge,
)

# So often the store is asked for a page: once, if there is neither a filter nor a gap. With a filter, so
# many messages are looked through at a time.
MOST_WINDOWS = 4
WINDOW = 100
LONGEST_SEARCH = 200
LARGEST = 2**31 - 1
LONGEST_ORDINAL = 10


class Wanted(NamedTuple):
    """Which page."""

    first: int | None
    after: str | None
    last: int | None = None
    before: str | None = None
    filter: MessageFilter | None = None


def _size(name: str, given: int | None) -> int:
    if given is None:
        return USUAL_PAGE
    if not 1 <= given <= LARGEST_PAGE:
        raise Invalid(f"`{name}` is from 1 to {LARGEST_PAGE}, not {given}.")
    return given


def _no_cursor(name: str) -> Invalid:
    return Invalid(f"`{name}` is no cursor of this list. Send one that a page of it came with, or none.")


async def sessions(
    context: Context, first: int | None, after: str | None, *, archived: bool
) -> SessionConnection:
    """Return own sessions, the last used first, after a cursor. Raises Invalid."""
    size = _size("first", first)
    place = None if after is None else _session_place(after)
    found = await context.engine.store.sessions(context.principal, place, size + 1, archived=archived)
    return _session_page(found, size, place, None)


async def found_sessions(
    context: Context, text: str, first: int | None, after: str | None, *, archived: bool
) -> SessionConnection:
    """Return own sessions that have the text in their title or a message. Raises Invalid, Overloaded."""
    if not 1 <= len(text) <= LONGEST_SEARCH:
        raise Invalid(f"`text` has 1 to {LONGEST_SEARCH} characters.")
    size = _size("first", first)
    place = None if after is None else _session_place(after)
    search = context.engine.archive.search
    async with context.searching:
        page = await search(context.principal, text, place, size + 1, archived=archived)
    return _session_page(page.sessions, size, place, page.before)


def _session_page(
    found: Sequence[StoredSession], size: int, place: SessionPlace | None, beyond: SessionPlace | None
) -> SessionConnection:
    """Return a page of what was found; ``beyond`` is where there may be more, whatever was found."""
    edges = [
        SessionEdge(cursor=session_places.to_text(place_of(it)), node=Session.of(it)) for it in found[:size]
    ]
    end = edges[-1].cursor if edges else None
    if len(found) <= size and beyond is not None:
        end = session_places.to_text(beyond)
    return SessionConnection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=len(found) > size or beyond is not None,
            has_previous_page=place is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=end,
        ),
    )


def _session_place(after: str) -> SessionPlace:
    try:
        return session_places.parse(after)
    except (ValueError, Invalid) as error:
        raise _no_cursor("after") from error


async def messages(context: Context, session_id: str, turns: int, wanted: Wanted) -> MessageConnection:
    """Return messages of a session with so many turns. Raises Invalid, NotFound."""
    forwards = wanted.first is not None or wanted.after is not None
    if forwards and (wanted.last is not None or wanted.before is not None):
        raise Invalid(
            "Ask for `first` messages `after` a cursor or for the `last` ones `before` one, not both."
        )
    if forwards:
        size, start = _size("first", wanted.first), _ordinal("after", wanted.after)
    else:
        size, start = _size("last", wanted.last), _ordinal("before", wanted.before)
    window = size + 1 if wanted.filter is None else WINDOW
    windows = (
        _forwards(context, session_id, start, window, 2 * turns + 2)
        if forwards
        else _backwards(context, session_id, start, window)
    )
    found, place = await _scan(windows, _test(wanted.filter), size)
    edges = [MessageEdge(cursor=str(it.ordinal), node=Message.of(it)) for it in found]
    beyond = None if place is None else str(place)
    if forwards:
        page = PageInfo(
            has_next_page=beyond is not None,
            has_previous_page=start is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=beyond or (edges[-1].cursor if edges else None),
        )
    else:
        edges.reverse()
        page = PageInfo(
            has_next_page=start is not None,
            has_previous_page=beyond is not None,
            start_cursor=beyond or (edges[0].cursor if edges else None),
            end_cursor=edges[-1].cursor if edges else None,
        )
    return MessageConnection(edges=edges, page_info=page)


Windows = AsyncIterator[tuple[Sequence[StoredMessage], int]]
"""Stretches of a session, each with the ordinal at its end."""


async def _scan(
    windows: Windows, test: Callable[[StoredMessage], bool], size: int
) -> tuple[list[StoredMessage], int | None]:
    """Return up to ``size`` messages that pass, and where to go on; None if there is nothing more."""
    found: list[StoredMessage] = []
    looked = 0
    async for window, end in windows:
        for it in window:
            if test(it):
                if len(found) == size:
                    return found, found[-1].ordinal
                found.append(it)
        looked += 1
        if looked == MOST_WINDOWS:
            return found, end
    return found, None


async def _forwards(context: Context, session_id: str, after: int | None, window: int, top: int) -> Windows:
    """Yield stretches of a session in order; numbers that no message has make them shorter."""
    store, low = context.engine.store, 0 if after is None else after + 1
    while low < top:
        high = low + window
        read = await store.messages(context.principal, session_id, min(high, LARGEST), window)
        yield [it for it in read if it.ordinal >= low], high - 1
        low = high


async def _backwards(context: Context, session_id: str, before: int | None, window: int) -> Windows:
    """Yield stretches of a session from its end, the newest message first."""
    store = context.engine.store
    while True:
        read = await store.messages(context.principal, session_id, before, window)
        if not read:
            return
        yield read[::-1], read[0].ordinal
        if len(read) < window:
            return
        before = read[0].ordinal


def _ordinal(name: str, cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit()) or len(cursor) > LONGEST_ORDINAL or int(cursor) > LARGEST:
        raise _no_cursor(name)
    return int(cursor)


def _test(filter_by: MessageFilter | None) -> Callable[[StoredMessage], bool]:
    role = filter_by.role.value if filter_by and filter_by.role else None
    text = (filter_by.contains or "").casefold() if filter_by else ""
    return lambda it: (role is None or it.role == role) and (not text or text in it.content.casefold())
