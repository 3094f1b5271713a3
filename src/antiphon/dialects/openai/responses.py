"""``/v1/responses``: replies that are kept, and followed, resumed, stopped and deleted by their id.

A response is a turn: ``resp_…`` and ``turn_…`` share their other part, so any pod finds it. It outlives the
request that began it, whether or not it was begun in the background.
"""

import functools
import sys

from antiphon.dialects.openai.errors import (
    ERRORS,
    ErrorResponse,
    InvalidParameter,
    answer_error,
    answer_told,
    of_fault,
    request_id,
)
from antiphon.dialects.openai.names import resolve
from antiphon.dialects.openai.responses_asking import Asking
from antiphon.dialects.openai.responses_events import ResponseEvents
from antiphon.dialects.openai.responses_kept import KeptResponses
from antiphon.dialects.openai.responses_object import (
    Kept,
    Object,
    describe,
    finished,
    response_id,
)
from antiphon.dialects.openai.responses_request import ResponseRequest, Wanted, read_request
from antiphon.dialects.openai.waiting import Left, begun, unless_gone
from antiphon.engine.deliver import Channel
from antiphon.engine.engine import Engine
from antiphon.engine.whole import Whole, whole_of
from antiphon.errors import CursorExpired
from antiphon.model import Turn
from antiphon.stores.port import Submitted
from antiphon.transports.asgi import Request, answer_json
from antiphon.transports.http import Route
from antiphon.transports.stream import Streams, cursor_of

MOST_ITEMS = 100
FEWEST_ITEMS = 1
USUAL_ITEMS = 20


class Responses:
    """Handlers of these routes."""

    def __init__(self, engine: Engine, streams: Streams) -> None:
        self._engine = engine
        self._streams = streams
        self._asking = Asking(engine)
        self._kept = KeptResponses(engine)

    async def create_response(self, request: Request) -> None:
        """Answer an input: with the response; its events if ``stream``; at once if ``background``."""
        wanted = await read_request(request)
        who = await resolve(self._engine.catalogue, wanted.model)
        try:
            if wanted.kept.store:
                ask = await self._asking.ask(request, wanted, who)
                await self._answer_kept(request, await self._engine.submit(request.principal, ask), wanted)
            else:
                question = await self._asking.question(request, wanted, who)
                channel = await self._engine.passing.begin(request.principal, question)
                await self._pass_on(request, channel, wanted)
        except Left:  # what is kept goes on
            return

    async def get_response(self, request: Request) -> None:
        """Return a response as far as it is; with ``stream=true`` its events after ``starting_after``."""
        turn = await self._kept.turn(request.principal, request.params[0])
        kept = await self._kept.asked(request.principal, turn)
        if _flag(request, "stream"):
            await self._stream(
                request, turn, kept, after=_number(request, "starting_after", -1, 0, sys.maxsize)
            )
        elif request.query("starting_after") is not None:
            raise InvalidParameter("starting_after goes with stream=true only.", "starting_after")
        else:
            await self._show(request, await self._kept.view(request.principal, turn, kept))

    async def cancel_response(self, request: Request) -> None:
        """Stop a response and return it. One that has ended is returned as it is."""
        turn = await self._kept.turn(request.principal, request.params[0])
        kept = await self._kept.asked(request.principal, turn)
        await self._kept.stop(request.principal, turn)
        await self._show(request, await self._kept.view(request.principal, turn, kept))

    async def delete_response(self, request: Request) -> None:
        """Delete a response and the input that it alone answers; one that is under way is stopped."""
        turn = await self._kept.turn(request.principal, request.params[0])
        await self._kept.delete(request.principal, turn)
        await self._show(request, {"id": response_id(turn), "object": "response", "deleted": True})

    async def list_input_items(self, request: Request) -> None:
        """List what the model was sent: the input, and what came before it in the conversation."""
        turn = await self._kept.turn(request.principal, request.params[0])
        order = request.query("order") or "desc"
        if order not in ("asc", "desc"):
            raise InvalidParameter("order is asc or desc.", "order")
        most = _number(request, "limit", USUAL_ITEMS, FEWEST_ITEMS, MOST_ITEMS)
        items = await self._kept.items(turn)
        if order == "desc":
            items.reverse()
        for name in ("after", "before"):
            items = _cut(items, name, request.query(name))
        page = items[:most]
        ends = {"first_id": page[0]["id"] if page else "", "last_id": page[-1]["id"] if page else ""}
        await self._show(
            request, {"object": "list", "data": page, "has_more": len(items) > len(page), **ends}
        )

    async def _answer_kept(self, request: Request, submitted: Submitted, wanted: Wanted) -> None:
        turn, kept = submitted.turn, wanted.kept
        if not submitted.fresh:
            kept = await self._kept.asked(request.principal, turn)
        if wanted.stream:
            await self._stream(request, turn, kept)
        elif kept.background:
            await self._show(request, await self._kept.view(request.principal, turn, kept))
        else:
            await self._wait(request, turn, kept)

    async def _stream(self, request: Request, turn: Turn, kept: Kept, after: int = -1) -> None:
        cursor = cursor_of(request, "cursor")
        received = cursor.of(turn.number) if cursor is not None else 0
        channel = await self._engine.channel(turn, received or 0)
        channel.check(received or 0)
        if channel.ended and (received is None or received >= len(channel.chunks)):
            await request.nothing()
            return
        described = describe(turn, kept)
        _check_after(channel, described, after)
        events = ResponseEvents(turn, described, after=after, received=received or 0)
        await self._streams.channel(request, channel, events, 0, (b"x-request-id", request_id().encode()))

    async def _wait(self, request: Request, turn: Turn, kept: Kept) -> None:
        reply = await unless_gone(request, self._engine.whole(turn))
        ended = await self._engine.store.turn(request.principal, turn.id)
        await self._answer_whole(request, turn, describe(turn, kept), reply, ended.ended_at)

    async def _pass_on(self, request: Request, channel: Channel, wanted: Wanted) -> None:
        """Answer with a response that is not kept."""
        turn = channel.turn
        described = describe(turn, wanted.kept, wanted.instructions)
        if wanted.stream:
            async with begun(request, channel, 0.0):
                events = ResponseEvents(turn, described, cursors=False)
                header = (b"x-request-id", request_id().encode())
                await self._streams.channel(request, channel, events, 0, header)
        else:
            reply = await unless_gone(request, whole_of(channel))
            await self._answer_whole(request, turn, described, reply, None)

    async def _answer_whole(
        self, request: Request, turn: Turn, described: Object, reply: Whole, ended_at: int | None
    ) -> None:
        """Answer with a response that has ended; with an error if it failed before it had said anything."""
        events = ResponseEvents(turn, described, after=sys.maxsize)
        for chunk in reply.chunks:
            events.take(chunk)
        if reply.end.error is not None and not events.output:
            await answer_told(request, of_fault(reply.end.error))
        else:
            await self._show(request, finished(described, reply.end, events.output, ended_at))

    async def _show(self, request: Request, value: Object) -> None:
        await answer_json(request, 200, value, {"x-request-id": request_id()})


def _check_after(channel: Channel, described: Object, after: int) -> None:
    """Raise CursorExpired for the number of an event that a response which has ended does not have."""
    if after < 0 or not channel.ended:
        return
    events = ResponseEvents(channel.turn, described, after=sys.maxsize)
    events.begin(channel.turn)
    events.chunks(channel.turn, 0, channel.chunks, "")
    if after > events.last_number:
        raise CursorExpired(
            f"The response has no event {after}: its last one is {events.last_number}. "
            "Begin again without starting_after."
        )


def _cut(items: list[Object], name: str, item_id: str | None) -> list[Object]:
    """Return what lies after or before an item. Raises InvalidParameter."""
    if not item_id:
        return items
    place = next((i for i, item in enumerate(items) if item["id"] == item_id), None)
    if place is None:
        raise InvalidParameter(f"There is no item {item_id[:100]!r} in this list.", name)
    return items[place + 1 :] if name == "after" else items[:place]


def _flag(request: Request, name: str) -> bool:
    told = request.query(name) or "false"
    if told.lower() not in ("true", "false", "1", "0"):
        raise InvalidParameter(f"{name} is true or false.", name)
    return told.lower() in ("true", "1")


def _number(request: Request, name: str, usual: int, least: int, most: int) -> int:
    told = request.query(name)
    if not told:
        return usual
    if not (told.isascii() and told.isdigit() and len(told) <= len(str(most)) and least <= int(told) <= most):
        raise InvalidParameter(f"{name} is a whole number from {least} to {most}.", name)
    return int(told)


def routes(engine: Engine, streams: Streams) -> list[Route]:
    """Return the routes."""
    responses = Responses(engine, streams)
    route = functools.partial(Route, error=answer_error, fault=ErrorResponse, errors=ERRORS, tag="openai")
    whole_answer = ((200, "application/json"),)
    both = (*whole_answer, (200, "text/event-stream"))
    path = "/v1/responses"
    one = f"{path}/{{response_id}}"
    resuming = ("stream", "starting_after", "cursor")
    return [
        route("POST", path, responses.create_response, body=ResponseRequest, answers=both),
        route("GET", one, responses.get_response, parameters=resuming, answers=both),
        route("DELETE", one, responses.delete_response, answers=whole_answer),
        route("POST", f"{one}/cancel", responses.cancel_response, answers=whole_answer),
        route(
            "GET",
            f"{one}/input_items",
            responses.list_input_items,
            parameters=("limit", "order", "after", "before"),
            answers=whole_answer,
        ),
    ]
