"""GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/).

Queries by POST or GET, mutations by POST only, one operation a request. A request that was not carried out
is answered with its status in ``application/graphql-response+json``, and, if it could be read at all, with
200 in ``application/json``, as the draft asks for the sake of old clients.
"""

from typing import Any

import msgspec

from antiphon.errors import AntiphonError, Unsupported
from antiphon.transports.asgi import Request, answer, retry_header
from antiphon.transports.graphql.loading import Loader
from antiphon.transports.graphql.wire import (
    JSON,
    RESPONSE,
    GraphQLRequest,
    Refused,
    asked_in_query,
    error_of,
    media_type,
    read_asked,
)

OK = 200
NOT_ALLOWED = 405
NOT_ACCEPTABLE = 406


class Http:
    """The handlers."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    async def graphql(self, request: Request) -> None:
        """Carry out a query or mutation."""
        content_type = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
        if content_type != JSON:  # nothing else: pages of other origins cannot send it without asking first
            raise Unsupported("Send JSON, with the header Content-Type: application/json.")
        if await self._accepted(request):
            await self._carry_out(request, read_asked(await request.body()), may_change=True)

    async def graphql_query(self, request: Request) -> None:
        """Carry out a query."""
        if await self._accepted(request):
            await self._carry_out(request, asked_in_query(request), may_change=False)

    async def _accepted(self, request: Request) -> bool:
        """Whether the client takes an answer; if not it is told so."""
        if media_type(request.header(b"accept")) is not None:
            return True
        told = f"Answers are {RESPONSE} or {JSON}. Accept one of them."
        body = {
            "errors": [{"message": told, "extensions": {"code": "not_acceptable", "status": NOT_ACCEPTABLE}}]
        }
        await answer(request, NOT_ACCEPTABLE, msgspec.json.encode(body))
        return False

    async def _carry_out(self, request: Request, asked: GraphQLRequest, *, may_change: bool) -> None:
        graph = await self._loader.graph()
        try:
            prepared = await graph.prepare(asked)
            if prepared.kind == "subscription" or (prepared.kind == "mutation" and not may_change):
                await _refuse_kind(request, prepared.kind)
                return
            response = await graph.execute(prepared, request)
            status = OK
        except Refused as error:
            response = {"errors": error.errors}
            status = error.errors[0]["extensions"]["status"]
        kind = media_type(request.header(b"accept")) or JSON
        if kind == JSON:
            status = OK
        await answer(request, status, _encode(response), _content_type(kind), {"vary": "Accept"})


async def _refuse_kind(request: Request, kind: str) -> None:
    if kind == "subscription":
        told = "Subscriptions are carried out on a WebSocket, with the subprotocol graphql-transport-ws."
    else:
        told = "Mutations are sent by POST."
    error = {"message": told, "extensions": {"code": "method_not_allowed", "status": NOT_ALLOWED}}
    media = _content_type(media_type(request.header(b"accept")) or JSON)
    headers = {"allow": "POST"} if kind == "mutation" else {}
    await answer(request, NOT_ALLOWED, _encode({"errors": [error]}), media, headers)


async def answer_error(request: Request, error: AntiphonError) -> None:
    """Answer an error that kept a request from being read."""
    kind = media_type(request.header(b"accept")) or JSON
    body = _encode({"errors": [error_of(error)]})
    await answer(request, error.status, body, _content_type(kind), retry_header(error))


def _encode(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value)


def _content_type(kind: str) -> bytes:
    return f"{kind}; charset=utf-8".encode()
