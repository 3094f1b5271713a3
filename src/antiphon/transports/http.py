"""The application as a whole: raw routes first, FastAPI for the rest, and what holds for every request."""

import contextlib
import functools
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import structlog

from antiphon.errors import AntiphonError, BadRequest, NotFound, Overloaded
from antiphon.ids import new_id
from antiphon.transports.asgi import App, Receive, Request, Scope, Send, answer, answer_problem
from antiphon.transports.identity import Identity
from antiphon.transports.loopback import is_own_name
from antiphon.transports.origins import Origins
from antiphon.transports.socket import Closed

logger = structlog.get_logger(__name__)

Handler = Callable[[Request], Awaitable[None]]
ErrorAnswer = Callable[[Request, AntiphonError], Awaitable[None]]
WEBSOCKET = "WEBSOCKET"
# Asked by machines that know nothing of hosts and guests, and answered however full it is.
PROBES = ("/health", "/ready", "/stats", "/metrics")
_REQUEST_ID = re.compile(r"[\w.-]{1,100}")


class Route(NamedTuple):
    """A raw route.

    It has a method (``WEBSOCKET`` for sockets), a path with ``{parameters}`` (``{name:path}`` takes slashes
    too), a handler, how its errors look, and what is documented of it, see openapi_document.py.

    ``body`` is a type, or several of which one fits. ``parameters`` are those of the query, as a name (``!``
    behind it: required) or name and type; ``headers`` those that mean something here. ``answers`` are status,
    content type and, of JSON, the type. ``fault`` is the type of errors, or several, where ``error`` is not
    the native one (``str``: plain text); ``errors`` are the statuses beside those that follow from the rest
    (404 from parameters in the path, 413 and 415 from a body). ``tag`` is its heading; ``examples`` are
    bodies that work on any server, by name. Types are whatever msgspec has a schema for.
    """

    method: str
    path: str
    handler: Handler
    error: ErrorAnswer = answer_problem
    body: Any = None
    parameters: tuple[str | tuple[str, Any], ...] = ()
    answers: tuple[tuple[int, str] | tuple[int, str, Any], ...] = ((200, "text/event-stream"),)
    headers: tuple[str, ...] = ()
    fault: Any = None
    errors: tuple[int, ...] = ()
    tag: str = "streaming"
    examples: Mapping[str, Any] = {}

    @property
    def pattern(self) -> re.Pattern[str]:
        """What the path looks like; its groups are the parameters."""
        return _pattern(self.path)


@functools.cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+(:path)?\}", lambda name: "(.+)" if name[1] else "([^/]+)", path))


class Application:
    """The ASGI application.

    ``hosts`` are the names it answers to; empty: any. In ``refused`` it counts what it refuses, by code.
    """

    def __init__(
        self,
        routes: list[Route],
        rest: App,
        identity: Identity,
        origins: Origins,
        *,
        body_limit: int,
        most_connections: int,
        hosts: frozenset[str],
        refused: Counter[str],
    ) -> None:
        self._routes = routes
        self._rest = rest
        self._identity = identity
        self._origins = origins
        self._body_limit = body_limit
        self._most = most_connections
        self._hosts = hosts
        self._refused = refused
        self.open_requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket (or FastAPI's lifespan)."""
        if scope["type"] == "lifespan":
            await self._rest(scope, receive, send)
            return
        if scope["type"] == "websocket":
            send = _refusing(send)
        request = Request(scope, receive, send, self._body_limit)
        request_id = request.header(b"x-request-id") or ""
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = new_id("req")
        structlog.contextvars.bind_contextvars(request=request_id)
        self.open_requests += 1
        try:
            await self._dispatch(request)
        finally:
            self.open_requests -= 1

    async def _dispatch(self, request: Request) -> None:
        route = self._match(request)
        path = request.scope["path"]
        try:
            await self._handle(request, route)
        except Closed:  # the peer left before its socket was open
            return
        except AntiphonError as error:
            logger.info("request_refused", path=path, status=error.status, code=error.code)
            failure = error
        except Exception as error:
            logger.exception("request_crashed", path=path, error=type(error).__name__)
            failure = AntiphonError("The server failed to handle this request. Try again.")
        else:
            return
        self._refused[failure.code] += 1
        if not request.started:
            await (route.error if route else answer_problem)(request, failure)
        elif request.scope["type"] == "websocket":
            with contextlib.suppress(Exception):  # it may be closed already
                await request.send({"type": "websocket.close", "code": 1011})

    async def _handle(self, request: Request, route: Route | None) -> None:
        probe = request.scope["path"] in PROBES
        if not probe:
            self._check_host(request)
        if self._origins.greet(request):
            await answer(request, 204, b"")
            return
        if not probe:
            self._check_room()  # after the greeting: pages are to read this refusal too
            self._identity.identify(request)
        if request.scope["type"] == "websocket":
            self._origins.check(request)
            if route is None:
                raise NotFound("There is no WebSocket at this path. See PROTOCOL.md.")
        if route is not None:
            await route.handler(request)
        else:
            await self._serve_rest(request)

    def _check_host(self, request: Request) -> None:
        """Refuse names that are not this server's.

        A web page anywhere can point a name of its own at this machine and then talk to it as same-origin
        (DNS rebinding); its requests carry that name.
        """
        host = (request.header(b"host") or "").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if self._hosts and name not in self._hosts and not is_own_name(name):
            raise BadRequest(f"This server does not answer to {name!r}. Add it to ANTIPHON_ALLOWED_HOSTS.")

    def _check_room(self) -> None:
        if self.open_requests > self._most:
            raise Overloaded("Too many connections are open here. Try again shortly.", retry_after=2)

    def _match(self, request: Request) -> Route | None:
        path, method = request.scope["path"], request.scope.get("method", WEBSOCKET)
        for route in self._routes:
            if method == route.method:
                found = route.pattern.fullmatch(path)
                if found is not None:
                    request.params = found.groups()
                    return route
        return None

    async def _serve_rest(self, request: Request) -> None:
        """Let FastAPI answer, having read the body within its bound."""
        scope, receive = request.scope, request.receive
        scope["antiphon.request"] = request
        only_head = scope["method"] == "HEAD"
        if only_head:  # answered as GET is; the server sends no body
            scope = {**scope, "method": "GET"}
        if scope["method"] in ("POST", "PUT", "PATCH"):
            body: bytes | None = await request.body()

            async def replay() -> dict[str, Any]:
                nonlocal body
                if body is None:
                    return dict(await request.receive())
                message, body = {"type": "http.request", "body": body, "more_body": False}, None
                return message

            receive = replay

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                await request.start(message["status"], message["headers"])
            else:
                await request.send(message)

        await self._rest(scope, receive, send)


def _refusing(send: Send) -> Send:
    """Let a WebSocket that is not accepted be answered as a request is."""

    async def translated(message: Any) -> None:
        if message["type"].startswith("http.response."):
            message = {**message, "type": f"websocket.{message['type']}"}
        await send(message)

    return translated
