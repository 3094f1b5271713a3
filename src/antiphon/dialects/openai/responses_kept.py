"""Responses that are kept: looked up, shown, stopped, deleted."""

import asyncio
import sys

import msgspec

from antiphon.dialects.openai.responses_events import ResponseEvents
from antiphon.dialects.openai.responses_input import items_of
from antiphon.dialects.openai.responses_object import (
    METADATA,
    Kept,
    Object,
    describe,
    finished,
    no_response,
    own_part,
    running_status,
    turn_id,
    unfinished,
)
from antiphon.engine.engine import Engine
from antiphon.engine.messages import of_exchange, of_reply
from antiphon.errors import Conflict, NotFound
from antiphon.model import Principal, Turn

STOP_WITHIN_S = 5.0
"""So long a stopped response is waited for; it takes longer only while its pod is being replaced."""


class KeptResponses:
    """Responses as the store has them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store = engine.store

    async def turn(self, principal: Principal, response: str) -> Turn:
        """Return the turn that makes a response. Raises NotFound."""
        wanted = turn_id(response)
        try:
            return await self._store.turn(principal, wanted)
        except NotFound as error:
            raise no_response(response) from error

    async def asked(self, principal: Principal, turn: Turn) -> Kept:
        """Return what is kept beside the turn; nothing of one that was begun in another contract."""
        prompt = await self._store.message(principal, turn.prompt_id)
        try:
            return msgspec.convert(prompt.metadata.get(METADATA, {}), Kept)
        except msgspec.ValidationError:  # somebody else's word of the same name
            return Kept()

    async def view(self, principal: Principal, turn: Turn, kept: Kept) -> Object:
        """Return the response with what there is of it now."""
        channel = await self._engine.channel(turn)
        described = describe(turn, kept)
        events = ResponseEvents(turn, described, after=sys.maxsize)
        for chunk in channel.chunks:
            events.take(chunk)
        if events.end is None:
            return unfinished(described, running_status(turn), events.output)
        if turn.ended_at is None:  # it has ended since it was looked up
            turn = await self._store.turn(principal, turn.id)
        return finished(described, events.end, events.output, turn.ended_at)

    async def stop(self, principal: Principal, turn: Turn) -> None:
        """Stop the response if it is under way, and wait for its end; not for ever."""
        asked = await self._engine.stop(principal, turn.id)
        if not asked.state.ended:
            try:
                async with asyncio.timeout(STOP_WITHIN_S):
                    await self._engine.whole(asked)
            except TimeoutError:
                return

    async def delete(self, principal: Principal, turn: Turn) -> None:
        """Delete the response. Raises Conflict if it does not end in time."""
        await self.stop(principal, turn)
        try:
            await self._store.delete_turn(principal, turn.id)
        except Conflict as error:
            raise Conflict("The response has not come to its end yet. Delete it again shortly.") from error
        await self._engine.contexts.forget(principal, turn.session_id)  # the session may have gone with it

    async def items(self, turn: Turn) -> list[Object]:
        """Return all that the model was sent, as items, oldest first."""
        history = await self._store.history(turn.prompt_id, self._engine.bounds.history_exchanges)
        sent = []
        for exchange in history:
            sent += of_reply(exchange.before or "", exchange.calls)
            sent += of_exchange(exchange)
        return items_of([message.as_openai() for message in sent], own_part(turn.id))
