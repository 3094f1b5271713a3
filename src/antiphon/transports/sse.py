"""The native streaming routes: send a message, follow a turn, follow a session."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.engine.engine import Engine
from antiphon.engine.submit import check_session_id
from antiphon.model import Chunk, Turn
from antiphon.transports import views
from antiphon.transports.asgi import Request, answer_json
from antiphon.transports.http import Route
from antiphon.transports.native import NewMessage, chunk_fields, once_more
from antiphon.transports.stream import Streams, cursor_of

_encode = msgspec.json.encode
RETRY_MS = 500
EXAMPLES = {
    "to the usual bot": {"text": "EU shoe size 42 in UK sizes?"},
    "to another": {"text": "Hello.", "bot": "echo"},
}
"""Bodies for the documentation."""


class NativeFormat:
    """The native events, see PROTOCOL.md. Every event with an ``id`` moves the cursor."""

    def begin(self, turn: Turn) -> bytes:
        """See Format."""
        return b"event: turn\ndata: %b\n\n" % _encode({"type": "turn", **views.turn(turn)})

    def chunks(self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str) -> bytes:
        """See Format."""
        number, tail = turn.number, others.encode()
        return b"".join([_event(number, first + i, chunk, tail) for i, chunk in enumerate(chunks)])

    def after_end(self, turn: Turn, received: int, end: Chunk, others: str) -> bytes:  # noqa: ARG002
        """See Format: nothing."""
        return b""

    def heartbeat(self, cursor: str) -> bytes:  # noqa: ARG002 - a comment has no id
        """See Format."""
        return b": heartbeat\n\n"

    def resume(self) -> bytes:
        """See Format."""
        return b'event: resume\nretry: %d\ndata: {"type":"resume"}\n\n' % RETRY_MS

    @staticmethod
    def connected(cursor: str) -> bytes:
        """Return the first event of a session's stream."""
        return b'id: %b\nevent: connected\ndata: {"type":"connected"}\n\n' % cursor.encode()


def _event(number: int, seq: int, chunk: Chunk, others: bytes) -> bytes:
    fields = chunk_fields(number, seq, chunk)
    return b"id: %d.%d%b\ndata: {%b}\n\n" % (number, seq + 1, others, fields)


NATIVE = NativeFormat()


def wants_stream(request: Request) -> bool:
    """Whether the client asked for events in answer."""
    return "text/event-stream" in (request.header(b"accept") or "")


class NativeStreaming:
    """Handlers of the native raw routes."""

    def __init__(self, engine: Engine, streams: Streams) -> None:
        self._engine = engine
        self._streams = streams

    async def send_message(self, request: Request) -> None:
        """Send a message: 202 with the turn, or its events if ``Accept: text/event-stream``."""
        body = await request.json(NewMessage)
        key = request.header(b"idempotency-key")
        ask = body.ask(request.params[0], request.address, key=key)
        submitted = await self._engine.submit(request.principal, ask)
        await self._answer(request, submitted.turn)

    async def regenerate(self, request: Request) -> None:
        """Answer a turn's message once more, as a branch: 202 with the new turn, or its events."""
        ask = await once_more(
            self._engine,
            request.principal,
            request.params[0],
            model=request.query("model"),
            key=request.header(b"idempotency-key"),
            address=request.address,
        )
        submitted = await self._engine.submit(request.principal, ask)
        await self._answer(request, submitted.turn)

    async def turn_events(self, request: Request) -> None:
        """Follow a turn from the cursor (``Last-Event-ID`` or ``?cursor=``) to its end."""
        turn = await self._engine.store.turn(request.principal, request.params[0])
        await self._streams.turn(request, turn, NATIVE, cursor_of(request, "cursor"))

    async def session_events(self, request: Request) -> None:
        """Follow all replies of a session, from the cursor on."""
        session_id = check_session_id(request.params[0])
        cursor = cursor_of(request, "cursor")
        await self._streams.session(request, session_id, NATIVE, cursor, NATIVE.connected)

    async def _answer(self, request: Request, turn: Turn) -> None:
        if wants_stream(request):
            await self._streams.turn(request, turn, NATIVE, None)
        else:
            await answer_json(request, 202, {"turn": views.turn(turn)})


def routes(engine: Engine, streams: Streams) -> list[Route]:
    """Return the native streaming routes."""
    native = NativeStreaming(engine, streams)
    begun: dict[str, Any] = {
        "answers": ((202, "application/json", views.Accepted), (200, "text/event-stream")),
        "headers": ("Idempotency-Key",),
        "errors": (409, 429),
    }
    sent, turn = "/api/sessions/{session_id}/messages", "/api/turns/{turn_id}"
    followed: dict[str, Any] = {"parameters": ("cursor",), "errors": (410,)}
    whole = ((200, "text/event-stream"), (204, ""))  # 204: all of it was received
    return [
        Route("POST", sent, native.send_message, body=NewMessage, examples=EXAMPLES, **begun),
        Route("POST", f"{turn}/regenerate", native.regenerate, parameters=("model",), **begun),
        Route("GET", f"{turn}/events", native.turn_events, answers=whole, **followed),
        Route("GET", "/api/sessions/{session_id}/events", native.session_events, **followed),
    ]
