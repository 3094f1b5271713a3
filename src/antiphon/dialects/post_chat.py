"""``POST /api/chat``, which several contracts share: the body tells whose request it is."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from antiphon.dialects import subscribe
from antiphon.engine.engine import Engine
from antiphon.errors import AntiphonError
from antiphon.transports.asgi import Request
from antiphon.transports.http import ErrorAnswer, Route
from antiphon.transports.stream import Streams


class Contract(NamedTuple):
    """One contract at this route: the fields that only its bodies have, who handles them, how errors look."""

    fields: frozenset[str]
    handler: Callable[[Request], Awaitable[None]]
    error: ErrorAnswer


class PostChat:
    """Hands each request to its contract; the first whose field is in the body, else the last."""

    def __init__(self, contracts: list[Contract]) -> None:
        self._contracts = contracts

    async def post(self, request: Request) -> None:
        """Send a message by one of the contracts that share this route."""
        given = (await request.json(dict[str, msgspec.Raw])).keys()
        contract = next((c for c in self._contracts if c.fields & given), self._contracts[-1])
        try:
            await contract.handler(request)
        except AntiphonError as error:
            if request.started:
                raise
            await contract.error(request, error)


def routes(engine: Engine, streams: Streams) -> list[Route]:
    """Return the route."""
    contracts = [
        Contract(
            frozenset({"session_id", "user_id"}),
            subscribe.SubscribeDialect(engine, streams).submit,
            subscribe.answer_error,
        ),
    ]
    answers: tuple[tuple[int, str], ...] = ((202, "application/json"),)
    body: Any = subscribe.Submit
    return [
        Route(
            "POST",
            "/api/chat",
            PostChat(contracts).post,
            subscribe.answer_error,
            body=body,
            answers=answers,
        )
    ]
