"""Contract G: a reply's log read by the Durable Streams protocol.

Source: PROTOCOL.md of github.com/durable-streams/durable-streams, sections 5.5 to 5.8 (reads), 8 (offsets),
9.1 (JSON mode), 10 (caching) and 12.7 (headers). The stream is closed when the reply has ended. Writing is
the model's business: the operations for it are not there.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from antiphon.engine.cursor import parse_cursor
from antiphon.engine.deliver import Channel
from antiphon.engine.engine import Engine
from antiphon.errors import BadRequest
from antiphon.model import Chunk, Turn
from antiphon.transports.asgi import Request
from antiphon.transports.http import Route
from antiphon.transports.native import chunk_fields
from antiphon.transports.outlet import Outlet
from antiphon.transports.stream import Header, Streams

_encode = msgspec.json.encode
LONG_POLL_S = 20.0
"""How long a long-poll waits at most; ``timeout`` may ask for less."""

# Stream-Cursor is the number of the interval, counted from there (section 10.1).
CURSOR_INTERVAL_S = 20
CURSOR_EPOCH = 1_728_432_000
CURSOR_JITTER_S = 3600
_LONGEST_CURSOR = 15

# What a reply says is its asker's. Who that is may be in any of these headers.
_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"vary", b"Cookie, Authorization, X-User-ID"),
]
_KEEP_NOT = (b"cache-control", b"no-store")
# An open stream grows, so what was kept of it is asked after; a closed one stays as it is.
_KEEP_OPEN = (b"cache-control", b"private, no-cache")
_KEEP_CLOSED = (b"cache-control", b"private, max-age=60, stale-while-revalidate=300")


class Place(NamedTuple):
    """Where a reader is: after ``received`` chunks of a channel; ``now`` if it asked for the tail."""

    channel: Channel
    received: int
    now: bool

    @property
    def at_end(self) -> bool:
        """Whether there is nothing more to come."""
        return self.channel.ended and self.received == len(self.channel.chunks)


def offset(turn: Turn, received: int) -> str:
    """Return an offset: the native cursor, padded so that offsets sort as texts."""
    return f"{turn.number:09}.{received:09}"


class DurableFormat:
    """The events ``data`` and ``control``. ``floor`` is the least Stream-Cursor that the reader may be told.

    Formats of one floor are equal: what one has encoded, the others send.
    """

    def __init__(self, floor: int, told: str | None) -> None:
        self._floor = floor
        self._told = told

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DurableFormat) and other._floor == self._floor

    def __hash__(self) -> int:
        return hash(self._floor)

    def begin(self, turn: Turn) -> bytes:  # noqa: ARG002 - the address names it
        """See Format: a reader that is up to date is told where it is, others by what comes."""
        return _control(self._told, self._floor) if self._told is not None else b""

    def chunks(self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str) -> bytes:  # noqa: ARG002
        """See Format."""
        closed = chunks[-1].kind == "end"
        control = _control(offset(turn, first + len(chunks)), self._floor, closed=closed)
        return b"event: data\ndata: %b\n\n%b" % (_array(turn, first, chunks), control)

    def after_end(self, turn: Turn, received: int, end: Chunk, others: str) -> bytes:  # noqa: ARG002
        """See Format: nothing."""
        return b""

    def heartbeat(self, cursor: str) -> bytes:  # noqa: ARG002 - a comment has no place
        """See Format."""
        return b": heartbeat\n\n"

    def resume(self) -> bytes:
        """See Format: a reader comes back by itself unless it was told that the stream is closed."""
        return b": come back\n\n"


def _array(turn: Turn, first: int, chunks: Sequence[Chunk]) -> bytes:
    """Return chunks as the JSON array of a read."""
    number = turn.number
    return b"[%b]" % b",".join(
        [b"{%b}" % chunk_fields(number, first + i, chunk) for i, chunk in enumerate(chunks)]
    )


def _control(place: str, floor: int, *, closed: bool = False) -> bytes:
    told: dict[str, Any] = {"streamNextOffset": place, "upToDate": True}
    told |= {"streamClosed": True} if closed else {"streamCursor": str(max(floor, _interval()))}
    return b"event: control\ndata: %b\n\n" % _encode(told)


def _interval() -> int:
    return int(time.time() - CURSOR_EPOCH) // CURSOR_INTERVAL_S


def _floor(request: Request) -> int:
    """Return the least Stream-Cursor to answer with, so that a reader's never stands still in a cache."""
    given = request.query("cursor") or ""
    if not (given.isascii() and given.isdigit() and len(given) <= _LONGEST_CURSOR):
        return 0
    if int(given) < _interval():
        return 0
    return int(given) + max(1, random.randint(1, CURSOR_JITTER_S) // CURSOR_INTERVAL_S)  # noqa: S311


class _Poll:
    """A Reader that waits for one more chunk; looked after like a stream, so that a leaving pod ends it."""

    def __init__(self, request: Request, most_waiting: int) -> None:
        self.outlet = Outlet(request.send, most_waiting, self.drop)  # type: ignore[arg-type]
        self.over = asyncio.Event()

    def feed(self, turn: Turn, first: int, chunks: Sequence[Chunk], memo: dict[Any, bytes]) -> None:  # noqa: ARG002
        """See Reader."""
        self.over.set()

    def lost(self, turn: Turn) -> None:  # noqa: ARG002
        """See Reader: it polls again."""
        self.over.set()

    def go_away(self) -> None:
        """See Open."""
        self.over.set()

    def heartbeat(self) -> None:
        """See Open: it is over before one is due."""

    def drop(self) -> None:
        """See Open: it sends nothing that could wait."""


class DurableStreams:
    """Handlers of this contract's routes."""

    def __init__(self, engine: Engine, streams: Streams) -> None:
        self._engine = engine
        self._streams = streams

    async def head_of_log(self, request: Request) -> None:
        """Tell where a reply's log ends and whether it is closed."""
        turn = await self._engine.store.turn(request.principal, request.params[0])
        channel = await self._engine.channel(turn)
        headers = [
            (b"content-type", b"application/json"),
            (b"stream-next-offset", offset(turn, len(channel.chunks)).encode()),
            _KEEP_NOT,
        ]
        if channel.ended:
            headers.append((b"stream-closed", b"true"))
        await _answer(request, 200, headers)

    async def read_log(self, request: Request) -> None:
        """Read a reply's log from an offset on: what there is, or live by long-poll or events."""
        live = request.query("live")
        if live not in (None, "long-poll", "sse"):
            raise BadRequest("The parameter live is long-poll or sse, or left out to read what there is.")
        wanted, seconds = _wanted(request), _seconds(request)
        if live and wanted is None:
            raise BadRequest("Live reading needs an offset: -1 begins at the beginning, now at the end.")
        place = await self._place(request, wanted)
        if live == "sse":
            await self._events(request, place)
        elif live == "long-poll":
            await self._long_poll(request, place, seconds)
        else:
            await self._catch_up(request, place)

    async def _place(self, request: Request, wanted: str | None) -> Place:
        """Find the reader's place. Raises NotFound, BadRequest (ahead of the log, or of another log)."""
        turn = await self._engine.store.turn(request.principal, request.params[0])
        if wanted in (None, "-1", "now"):
            channel = await self._engine.channel(turn)
            now = wanted == "now"
            return Place(channel, len(channel.chunks) if now else 0, now)
        cursor = parse_cursor(wanted)
        received = cursor.received.get(turn.number) if cursor else None
        if received is None:
            raise BadRequest(f"This offset is of another log. Offsets of this one begin with {turn.number}.")
        channel = await self._engine.channel(turn, received)
        tail = len(channel.chunks)
        if received > tail + channel.ended:
            raise BadRequest(f"This offset is ahead of the log, which ends at {offset(turn, tail)}.")
        return Place(channel, min(received, tail), now=False)

    async def _catch_up(self, request: Request, place: Place) -> None:
        turn, chunks = place.channel.turn, list(place.channel.chunks)
        closed = place.channel.ended
        headers = _told(turn, len(chunks), closed=closed)
        headers.append((b"content-type", b"application/json"))
        if place.now:
            await _answer(request, 200, [*headers, _KEEP_NOT], b"[]")
            return
        tag = _tag(turn, place.received, len(chunks), closed=closed)
        headers += [(b"etag", tag.encode()), _KEEP_CLOSED if closed else _KEEP_OPEN]
        known = request.header(b"if-none-match") or ""
        if tag in (each.strip().removeprefix("W/") for each in known.split(",")):
            await _answer(request, 304, headers)
        else:
            await _answer(request, 200, headers, _array(turn, place.received, chunks[place.received :]))

    async def _long_poll(self, request: Request, place: Place, seconds: float) -> None:
        floor = _floor(request)
        waits = place.received == len(place.channel.chunks) and not place.at_end
        if waits and not await self._wait(request, place, seconds):
            return
        turn, chunks = place.channel.turn, list(place.channel.chunks)
        closed = place.channel.ended
        headers = [*_told(turn, len(chunks), closed=closed), _KEEP_NOT]
        if not closed:
            headers.append((b"stream-cursor", str(max(floor, _interval())).encode()))
        if len(chunks) == place.received:
            await _answer(request, 204, headers)
            return
        tag = _tag(turn, place.received, len(chunks), closed=closed)
        headers += [(b"content-type", b"application/json"), (b"etag", tag.encode())]
        await _answer(request, 200, headers, _array(turn, place.received, chunks[place.received :]))

    async def _wait(self, request: Request, place: Place, seconds: float) -> bool:
        """Wait for more so long; tell whether anybody is there to be answered."""
        poll = _Poll(request, self._engine.bounds.reader_backlog_bytes)
        gone = asyncio.create_task(request.hung_up(), name="hang-up")
        more = asyncio.create_task(poll.over.wait(), name="long-poll")
        try:
            with self._streams.holding(poll):
                place.channel.attach(poll, place.received)
                await asyncio.wait((gone, more), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return not gone.done()
        finally:
            place.channel.detach(poll)
            gone.cancel()
            more.cancel()

    async def _events(self, request: Request, place: Place) -> None:
        turn = place.channel.turn
        if place.at_end:
            body = _control(offset(turn, place.received), 0, closed=True)
            headers = [(b"content-type", b"text/event-stream; charset=utf-8"), _KEEP_NOT]
            await _answer(request, 200, headers, body)
            return
        tail = place.received == len(place.channel.chunks)
        style = DurableFormat(_floor(request), offset(turn, place.received) if tail else None)
        await self._streams.channel(request, place.channel, style, place.received, *_ALWAYS)


def _wanted(request: Request) -> str | None:
    """Return the offset asked for. Raises BadRequest if it is empty or given twice."""
    request.query("offset")  # refuses what is not readable
    pairs = parse_qsl(request.scope["query_string"].decode("ascii"), keep_blank_values=True)
    given: list[str] = [value for name, value in pairs if name == "offset"]
    if not given:
        return None
    if len(given) > 1 or not given[0]:
        raise BadRequest("Give one offset: -1, now, or the Stream-Next-Offset of the answer before.")
    return given[0]


def _seconds(request: Request) -> float:
    """Return how long to wait. Raises BadRequest."""
    try:
        seconds = float(request.query("timeout") or LONG_POLL_S)
    except ValueError:
        seconds = -1
    if not seconds >= 0:
        raise BadRequest(f"The parameter timeout is a number of seconds, at most {LONG_POLL_S:g}.")
    return min(seconds, LONG_POLL_S)


def _told(turn: Turn, received: int, *, closed: bool) -> list[Header]:
    """Return what each answer tells of the stream; all answers reach its end."""
    headers = [(b"stream-next-offset", offset(turn, received).encode()), (b"stream-up-to-date", b"true")]
    return [*headers, (b"stream-closed", b"true")] if closed else headers


def _tag(turn: Turn, first: int, tail: int, *, closed: bool) -> str:
    """Return the ETag of a read. It changes when the stream is closed, or a 304 would hide that."""
    return f'"{turn.id}:{first}:{tail}{":c" if closed else ""}"'


async def _answer(request: Request, status: int, headers: list[Header], body: bytes = b"") -> None:
    sized = [] if status in (204, 304) else [(b"content-length", b"%d" % len(body))]
    await request.start(status, [*_ALWAYS, *headers, *sized])
    await request.send({"type": "http.response.body", "body": body})


def routes(engine: Engine, streams: Streams) -> list[Route]:
    """Return the routes of this contract."""
    durable = DurableStreams(engine, streams)
    path = "/api/turns/{turn_id}/log"
    answers = ((200, "application/json"), (200, "text/event-stream"), (204, ""), (304, ""))
    return [
        Route(
            "GET",
            path,
            durable.read_log,
            parameters=("offset", ("live", Literal["long-poll", "sse"]), "cursor", ("timeout", float)),
            headers=("If-None-Match",),
            answers=answers,
            tag="durable streams",
        ),
        Route("HEAD", path, durable.head_of_log, answers=((200, ""),), tag="durable streams"),
    ]
