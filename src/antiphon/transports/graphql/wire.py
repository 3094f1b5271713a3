"""What goes over the wire around an operation. Needs no GraphQL library: that is loaded late."""

from collections.abc import Iterable
from typing import Any

import msgspec

from antiphon.errors import AntiphonError, BadRequest
from antiphon.transports.accept import ANYTHING, weights
from antiphon.transports.asgi import Request

JSON = "application/json"
RESPONSE = "application/graphql-response+json"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of an operation, and of a socket that carries several."""

    depth: int = 12
    cost: int = 10_000
    tokens: int = 1_000
    aliases: int = 30
    root_fields: int = 20
    operations: int = 32
    init_seconds: float = 10.0
    introspection: bool = True


class GraphQLRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The parameters of a request (GraphQL over HTTP, "Request parameters")."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


class GraphQLFault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error; ``extensions`` has its ``code`` and ``status``, and ``retry_after`` if it may pass."""

    message: str
    extensions: dict[str, Any]
    locations: list[dict[str, int]] = []
    path: list[str | int] = []


class GraphQLResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation came to; without ``data`` it was not carried out."""

    data: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    errors: list[GraphQLFault] | msgspec.UnsetType = msgspec.UNSET


class Refused(Exception):
    """The request was not executed; ``errors`` tell why, ready to be sent."""

    def __init__(self, *errors: dict[str, Any]) -> None:
        super().__init__()
        self.errors = list(errors)


def read_asked(body: bytes) -> GraphQLRequest:
    """Read a request's parameters. Raises BadRequest."""
    try:
        return msgspec.json.decode(body, type=GraphQLRequest)
    except msgspec.ValidationError as error:
        if body.lstrip()[:1] == b"[":
            raise BadRequest("Send one operation a request: batches are not taken.") from error
        raise BadRequest(f"The request does not fit: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from error


def asked_in_query(request: Request) -> GraphQLRequest:
    """Read the parameters of a GET. Raises BadRequest."""
    query = request.query("query")
    if query is None:
        raise BadRequest("Send the query: ?query=…, or POST it as JSON.")
    given: dict[str, Any] = {"query": query, "operationName": request.query("operationName") or None}
    try:
        for name in ("variables", "extensions"):
            given[name] = msgspec.json.decode(request.query(name) or "null")
        return msgspec.convert(given, GraphQLRequest)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadRequest(f"The request does not fit: {error}.") from error


def media_type(accept: str | None) -> str | None:
    """Return which of the two media types to answer in, None if the client takes neither."""
    if not accept or not accept.strip():
        return JSON
    wanted = weights([accept])

    def quality_of(kind: str) -> float:
        return next((wanted[name] for name in (kind, "application/*", ANYTHING) if name in wanted), 0.0)

    # With equal quality the one that is named wins, and of two that are named the newer.
    best = max(
        (RESPONSE, JSON), key=lambda kind: (quality_of(kind), kind in wanted, kind == _default(wanted))
    )
    return best if quality_of(best) > 0 else None


def _default(wanted: Iterable[str]) -> str:
    return RESPONSE if RESPONSE in wanted else JSON


def error_of(error: AntiphonError) -> dict[str, Any]:
    """Tell an error as GraphQL does."""
    extensions: dict[str, Any] = {"code": error.code, "status": error.status}
    if error.retry_after is not None:
        extensions["retry_after"] = error.retry_after
    return {"message": error.message, "extensions": extensions}
