"""GraphQL at ``/graphql``: queries and mutations over HTTP, subscriptions over WebSocket."""

from typing import Any

from antiphon.engine.engine import Engine
from antiphon.transports.graphql.http import Http, answer_error
from antiphon.transports.graphql.loading import Loader
from antiphon.transports.graphql.socket import Sockets
from antiphon.transports.graphql.wire import JSON, RESPONSE, GraphQLRequest, GraphQLResponse, Limits
from antiphon.transports.http import WEBSOCKET, Route
from antiphon.transports.stream import Streams

PATH = "/graphql"
EXAMPLES = {"the bots": {"query": "{ bots { name title } }"}}
"""Bodies for the documentation."""
STATUSES = (200, 400, 405, 413, 415, 500, 503)


def routes(engine: Engine, streams: Streams, limits: Limits) -> list[Route]:
    """Return the routes."""
    loader = Loader(engine, limits)
    http = Http(loader)
    sockets = Sockets(engine, streams, loader, limits)
    parameters = ("query!", "operationName", "variables", "extensions")
    told: dict[str, Any] = {
        "answers": tuple((status, kind, GraphQLResponse) for status in STATUSES for kind in (JSON, RESPONSE)),
        "error": answer_error,
        "fault": GraphQLResponse,
        "errors": (406,),
        "tag": "graphql",
    }
    return [
        Route("POST", PATH, http.graphql, body=GraphQLRequest, examples=EXAMPLES, **told),
        Route("GET", PATH, http.graphql_query, parameters=parameters, **told),
        Route(WEBSOCKET, PATH, sockets.serve, answer_error),
    ]
