"""What the raw ASGI routes share: reading a request, answering it, telling errors.

Streaming paths and submission are plain ASGI: what a framework does for each request would add to every turn,
and nothing of it is needed here.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NotRequired, TypedDict, TypeVar
from urllib.parse import parse_qsl

import msgspec

from antiphon.errors import AntiphonError, BadRequest, Invalid, TooLarge, Unsupported
from antiphon.model import Principal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
T = TypeVar("T")


class Request:
    """One HTTP request."""

    __slots__ = (
        "_body",
        "_headers",
        "_query",
        "body_limit",
        "cors",
        "new_guest",
        "params",
        "principal",
        "receive",
        "scope",
        "send",
        "set_cookie",
        "started",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, body_limit: int) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.body_limit = body_limit
        self.params: tuple[str, ...] = ()
        self.principal = Principal("")
        # Whether nothing told who asks, so that somebody new was made of it.
        self.new_guest = False
        self.set_cookie: bytes | None = None
        self.started = False
        self._headers: dict[bytes, bytes] | None = None
        self._query: dict[str, str] | None = None
        self._body: bytes | None = None
        self.cors: list[tuple[bytes, bytes]] = []

    def header(self, name: bytes) -> str | None:
        """Return a header by its lower-case name; UTF-8, as clients send names, or else Latin-1."""
        if self._headers is None:
            self._headers = dict(self.scope["headers"])
        value = self._headers.get(name)
        if value is None:
            return None
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")

    def query(self, name: str) -> str | None:
        """Return a query parameter. Raises BadRequest if the query is not UTF-8."""
        if self._query is None:
            try:
                pairs = parse_qsl(
                    self.scope["query_string"].decode("ascii"), errors="strict", max_num_fields=50
                )
            except ValueError as error:
                raise BadRequest("The query string is not readable UTF-8.") from error
            self._query = dict(pairs)
        return self._query.get(name)

    @property
    def address(self) -> str | None:
        """The peer's address, None on a local socket."""
        client = self.scope.get("client")
        return client[0] if client else None

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Begin the response; from here on an error can no longer be told."""
        self.started = True
        if self.set_cookie:
            headers = [*headers, (b"set-cookie", self.set_cookie)]
        if self.cors:
            headers = [*headers, *self.cors]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def accept(self, subprotocol: str | None = None) -> None:
        """Open the WebSocket that was asked for; from here on an error can only be told in a frame."""
        self.started = True
        headers = [(b"set-cookie", self.set_cookie)] if self.set_cookie else []
        await self.send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers})

    async def hung_up(self) -> None:
        """Wait until the client has left, or the response is complete."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def nothing(self) -> None:
        """Answer that nothing is left to tell: 204, which ends an EventSource's reconnecting."""
        await self.start(204, [])
        await self.send({"type": "http.response.body", "body": b""})

    async def body(self) -> bytes:
        """Read the whole body, once. Raises TooLarge, BadRequest (the client left)."""
        if self._body is None:
            self._body = await self._read()
        return self._body

    async def _read(self) -> bytes:
        too_large = TooLarge(f"The request body is over {self.body_limit} bytes. Send less.")
        declared = self.header(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > self.body_limit:
            raise too_large
        parts, size = [], 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise BadRequest("The request ended before its body did.")
            part = message.get("body", b"")
            size += len(part)
            if size > self.body_limit:
                raise too_large
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)

    async def json(self, kind: type[T]) -> T:
        """Decode the body as ``kind``. Raises Unsupported, BadRequest, Invalid, TooLarge."""
        return decode(await self.json_body(), kind)

    async def json_body(self) -> bytes:
        """Read the body of a request that says it is JSON. Raises Unsupported, BadRequest, TooLarge."""
        content_type = (self.header(b"content-type") or "").partition(";")[0].strip().lower()
        if content_type != "application/json" and not content_type.endswith("+json"):
            raise Unsupported("Send JSON, with the header Content-Type: application/json.")
        return await self.body()


def decode(body: bytes, kind: type[T]) -> T:
    """Decode JSON. Raises BadRequest for what is no JSON, Invalid for JSON of another shape."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"The JSON does not fit: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from error


async def answer(
    request: Request,
    status: int,
    body: bytes,
    content_type: bytes = b"application/json",
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send a whole response."""
    raw = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    raw += [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    await request.start(status, raw)
    await request.send({"type": "http.response.body", "body": body})


async def answer_json(
    request: Request, status: int, value: Any, headers: Mapping[str, str] | None = None
) -> None:
    """Send a JSON response."""
    await answer(request, status, msgspec.json.encode(value), headers=headers)


class Problem(TypedDict):
    """Why a request was refused (RFC 9457): ``detail`` says what to do, ``code`` is for programs."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    retry_after: NotRequired[float]


def problem(error: AntiphonError, instance: str) -> Problem:
    """Return problem details of an error."""
    details: Problem = {
        "type": f"urn:antiphon:error:{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "code": error.code,
        "detail": error.message,
        "instance": instance,
    }
    if error.retry_after is not None:
        details["retry_after"] = error.retry_after
    return details


def retry_header(error: AntiphonError) -> dict[str, str]:
    """Return the ``Retry-After`` header of an error that has one, in whole seconds."""
    return {} if error.retry_after is None else {"retry-after": str(max(1, round(error.retry_after)))}


async def answer_problem(request: Request, error: AntiphonError) -> None:
    """Send an error natively."""
    body = msgspec.json.encode(problem(error, request.scope["path"]))
    await answer(request, error.status, body, b"application/problem+json", retry_header(error))
