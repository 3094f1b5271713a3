"""The native streaming routes: send a message, follow a turn, follow a session."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.engine.engine import Engine
from antiphon.engine.submit import Ask, check_session_id
from antiphon.model import Chunk, Turn
from antiphon.transports import views
from antiphon.transports.asgi import Request, answer_json
from antiphon.transports.http import Route
from antiphon.transports.stream import Streams, cursor_of

_encode = msgspec.json.encode
RETRY_MS = 500


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
    kind = chunk.kind
    if kind in ("content", "reasoning"):
        return b'id: %d.%d%b\ndata: {"type":"%b","turn":%d,"seq":%d,"text":%b}\n\n' % (
            number,
            seq + 1,
            others,
            kind.encode(),
            number,
            seq,
            _encode(chunk.text),
        )
    return b'id: %d.%d%b\ndata: {"type":"%b","turn":%d,"seq":%d,"data":%b}\n\n' % (
        number,
        seq + 1,
        others,
        kind.encode(),
        number,
        seq,
        chunk.text.encode(),
    )


NATIVE = NativeFormat()


class NewMessage(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /api/sessions/{id}/messages``.

    ``parent`` is the id of the reply that the message follows; left out, the newest one; ``null``: none, a
    new beginning. To edit a message, send the new text with the old one's ``parent_id``.
    """

    text: str
    bot: str | None = None
    model: str | None = None
    parent: str | msgspec.UnsetType | None = msgspec.UNSET
    params: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    idempotency_key: str | None = None


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
        submitted = await self._engine.submit(
            request.principal,
            Ask(
                session_id=check_session_id(request.params[0]),
                text=body.text,
                bot=body.bot,
                model=body.model,
                parent_id="latest" if body.parent is msgspec.UNSET else body.parent,
                params=body.params,
                metadata=body.metadata,
                idempotency_key=body.idempotency_key or request.header(b"idempotency-key"),
                address=request.address,
            ),
        )
        await self._answer(request, submitted.turn)

    async def regenerate(self, request: Request) -> None:
        """Answer a turn's message once more, as a branch: 202 with the new turn, or its events."""
        old = await self._engine.store.turn(request.principal, request.params[0])
        submitted = await self._engine.submit(
            request.principal,
            Ask(
                session_id=old.session_id,
                text=None,
                prompt_id=old.prompt_id,
                bot=old.bot if old.bot in self._engine.catalogue.bots else None,
                model=request.query("model") or old.model,
                params=old.params,
                idempotency_key=request.header(b"idempotency-key"),
                address=request.address,
            ),
        )
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
    answers = ((202, "application/json"), (200, "text/event-stream"))
    sending = Route(
        "POST", "/api/sessions/{session_id}/messages", native.send_message, body=NewMessage, answers=answers
    )
    return [
        sending,
        Route("POST", "/api/turns/{turn_id}/regenerate", native.regenerate, answers=answers),
        Route("GET", "/api/turns/{turn_id}/events", native.turn_events, parameters=("cursor",)),
        Route("GET", "/api/sessions/{session_id}/events", native.session_events, parameters=("cursor",)),
    ]
