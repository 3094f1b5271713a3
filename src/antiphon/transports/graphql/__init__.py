"""GraphQL at ``/graphql``: queries and mutations over HTTP, subscriptions over WebSocket."""

from antiphon.engine.engine import Engine
from antiphon.transports.graphql.http import Http, answer_error
from antiphon.transports.graphql.loading import Loader
from antiphon.transports.graphql.socket import Sockets
from antiphon.transports.graphql.wire import RESPONSE, Asked, Limits
from antiphon.transports.http import WEBSOCKET, Route
from antiphon.transports.stream import Streams

PATH = "/graphql"


def routes(engine: Engine, streams: Streams, limits: Limits) -> list[Route]:
    """Return the routes."""
    loader = Loader(engine, limits)
    http = Http(loader)
    sockets = Sockets(engine, streams, loader, limits)
    parameters = ("query!", "operationName", "variables", "extensions")
    answers = ((200, RESPONSE), (200, "application/json"))
    return [
        Route("POST", PATH, http.post, answer_error, body=Asked, answers=answers),
        Route("GET", PATH, http.get, answer_error, parameters=parameters, answers=answers),
        Route(WEBSOCKET, PATH, sockets.serve, answer_error),
    ]
