"""``POST /api/chat``, which several contracts share: the body tells whose request it is."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from antiphon.dialects import ai_sdk, ai_sdk_request, board, history, subscribe
from antiphon.engine.engine import Engine
from antiphon.errors import AntiphonError, BadRequest, Invalid
from antiphon.transports.asgi import Request
from antiphon.transports.http import ErrorAnswer, Route
from antiphon.transports.stream import Streams

JSON = "application/json"


EXAMPLES = {
    "message board": {"sender": "ann", "message": "Hello, all."},
    "history exchange": {"history": [{"sender": "user", "text": "EU shoe size 42 in UK sizes?"}]},
    "submit and subscribe": {
        "session_id": "shoes",
        "user_id": "ann",
        "message": "EU shoe size 42 in UK sizes?",
    },
    "AI SDK": {
        "id": "sizes",
        "messages": [
            {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "EU shoe size 42 in UK sizes?"}]}
        ],
    },
}
"""A body of each contract, for the documentation."""


class Contract(NamedTuple):
    """One contract at this route.

    It has the fields any of which makes a body its own (see ``ORDER``), who handles it, how errors look, and
    what is documented: the body and the answer, as in Route.
    """

    fields: frozenset[str]
    handler: Callable[[Request], Awaitable[None]]
    error: ErrorAnswer
    body: Any
    answer: tuple[int, str] | tuple[int, str, Any]


ORDER = ("history", "messages", "session_id", "user_id", "sender", "id", "message")
"""Whose field decides where a body has those of several contracts: the more telling ones come first."""


class PostChat:
    """Hands each request to the contract whose field it has."""

    def __init__(self, contracts: list[Contract]) -> None:
        self._by_field = {field: contract for contract in contracts for field in contract.fields}

    async def post(self, request: Request) -> None:
        """Send a message, by whichever contract the body is of."""
        try:
            given = (await request.json(dict[str, msgspec.Raw])).keys()
        except Invalid:
            raise BadRequest(_WHAT_TO_SEND) from None
        field = next((field for field in ORDER if field in given), None)
        if field is None:
            raise BadRequest(_WHAT_TO_SEND)
        contract = self._by_field[field]
        try:
            await contract.handler(request)
        except AntiphonError as error:
            if request.started:
                raise
            await contract.error(request, error)


_WHAT_TO_SEND = (
    "Send a JSON object: with message and sender for the board, with history for a reply to it, with "
    "session_id, user_id and message for a reply by the session's events, or with id and messages as the AI "
    "SDK does."
)


def routes(engine: Engine, streams: Streams) -> list[Route]:
    """Return the route."""
    contracts = [
        Contract(
            frozenset({"history"}),
            history.HistoryDialect(engine, streams).post,
            history.answer_error,
            history.History,
            (200, JSON, history.HistoryReply),
        ),
        Contract(
            frozenset({"messages", "id"}),
            ai_sdk.AiSdk(engine, streams).chat,
            ai_sdk.answer_error,
            ai_sdk_request.ChatBody,
            (200, "text/event-stream"),
        ),
        Contract(
            frozenset({"session_id", "user_id"}),
            subscribe.SubscribeDialect(engine, streams).submit,
            subscribe.answer_error,
            subscribe.Submit,
            (202, JSON),
        ),
        Contract(
            frozenset({"message", "sender"}),
            board.BoardDialect(engine).post,
            board.answer_error,
            board.NewPost,
            (201, JSON, board.BoardPost),
        ),
    ]
    return [
        Route(
            "POST",
            "/api/chat",
            PostChat(contracts).post,
            subscribe.answer_error,
            body=tuple(contract.body for contract in contracts),
            answers=tuple(contract.answer for contract in contracts),
            fault=(board.Refusal, str),
            errors=(404, 409, 410, 429, 502, 504),
            examples=EXAMPLES,
        )
    ]
