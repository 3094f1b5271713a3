"""Contract D: submit by POST, receive by subscribing to the session's events."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.engine.engine import Engine
from antiphon.engine.submit import Ask, check_session_id
from antiphon.errors import AntiphonError, BadRequest, Invalid, ProviderError
from antiphon.ids import new_id, now_ms
from antiphon.model import Chunk, End, Turn, TurnState
from antiphon.transports.asgi import Request, answer_json, retry_header
from antiphon.transports.http import Route
from antiphon.transports.identity import user
from antiphon.transports.stream import Streams, cursor_of
from antiphon.transports.views import iso

_encode = msgspec.json.encode
_end = msgspec.json.Decoder(End).decode


class Submit(msgspec.Struct):
    """Body of ``POST /api/chat`` in this contract."""

    session_id: str = ""
    user_id: str = ""
    message: str = ""
    ai_provider: str | None = None
    model: str | None = None
    context: Any = None


class SubscribeFormat:
    """The events ``connected``, ``chunk``, ``message_complete`` and ``ping``."""

    def begin(self, turn: Turn) -> bytes:  # noqa: ARG002 - each chunk names its message
        """See Format."""
        return b""

    def chunks(self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str) -> bytes:
        """See Format."""
        now = iso(now_ms())
        return b"".join(_events(turn, first + i, chunk, others, now) for i, chunk in enumerate(chunks))

    def after_end(self, turn: Turn, received: int, end: Chunk, others: str) -> bytes:
        """See Format."""
        return _complete(turn, received, end, others)

    def heartbeat(self, cursor: str) -> bytes:
        """See Format."""
        data = _encode({"type": "ping", "timestamp": iso(now_ms())})
        return b"id: %b\nevent: ping\ndata: %b\n\n" % (cursor.encode(), data)

    def resume(self) -> bytes:
        """See Format: an EventSource comes back by itself when the response ends."""
        return b"retry: 500\n\n"


FORMAT = SubscribeFormat()


def _events(turn: Turn, seq: int, chunk: Chunk, others: str, now: str) -> bytes:
    cursor = f"{turn.number}.{seq + 1}{others}".encode()
    body: dict[str, Any] = {
        "session_id": turn.session_id,
        "message_id": turn.reply_id,
        "chunk_id": seq,
        "chunk": "",
        "chunk_type": "content",
        "is_final": False,
        "metadata": {},
        "timestamp": now,
        "correlation_id": turn.id,
    }
    if chunk.kind == "content":
        body["chunk"] = chunk.text
    elif chunk.kind == "end":
        return _final(chunk, cursor, body) + _complete(turn, seq + 1, chunk, others)
    elif chunk.kind == "reset":
        body |= {"chunk_type": "system", "metadata": {"reset": True, **msgspec.json.decode(chunk.text)}}
    elif chunk.kind == "seam":
        body |= {"chunk_type": "system", "metadata": {"resumed": True, **msgspec.json.decode(chunk.text)}}
    elif chunk.kind == "reasoning":
        body |= {"chunk_type": "metadata", "metadata": {"reasoning": chunk.text}}
    else:
        body |= {"chunk_type": "metadata", "metadata": {"tool_calls": msgspec.Raw(chunk.text.encode())}}
    return b"id: %b\nevent: chunk\ndata: %b\n\n" % (cursor, _encode(body))


def _final(chunk: Chunk, cursor: bytes, body: dict[str, Any]) -> bytes:
    """Return the final ``chunk`` event."""
    end = _end(chunk.text)
    body["is_final"] = True
    body["metadata"] = {
        "model": end.model,
        "tokens_used": _tokens(end),
        "finish_reason": end.finish_reason,
    }
    if end.state is TurnState.FAILED and end.error is not None:
        body |= {"chunk_type": "error", "chunk": end.error.message}
        body["metadata"]["code"] = end.error.code
    return b"id: %b\nevent: chunk\ndata: %b\n\n" % (cursor, _encode(body))


def _complete(turn: Turn, received: int, chunk: Chunk, others: str) -> bytes:
    """Return ``message_complete``. It has a place of its own after the end, so that it is resumed as well."""
    end = _end(chunk.text)
    data = {
        "type": "message_complete",
        "session_id": turn.session_id,
        "message_id": turn.reply_id,
        "correlation_id": turn.id,
        "status": end.state.value,
        "token_count": _tokens(end),
        "timestamp": iso(now_ms()),
    }
    cursor = f"{turn.number}.{received + 1}{others}".encode()
    return b"id: %b\nevent: message_complete\ndata: %b\n\n" % (cursor, _encode(data))


def _tokens(end: End) -> int:
    return end.usage.completion_tokens if end.usage else 0


class SubscribeDialect:
    """Handlers of this contract's two routes."""

    def __init__(self, engine: Engine, streams: Streams) -> None:
        self._engine = engine
        self._streams = streams

    async def submit(self, request: Request) -> None:
        """``POST /api/chat``: store the message and answer at once; the reply comes by the events."""
        body = await request.json(Submit)
        for name in ("session_id", "user_id", "message"):
            if not getattr(body, name).strip():
                raise BadRequest(f"The field {name} is missing or empty.")
        context = body.context if isinstance(body.context, dict) else {}
        request.set_cookie = None
        bot, model = await self._choose(body)
        submitted = await self._engine.submit(
            user(body.user_id),
            Ask(
                session_id=check_session_id(body.session_id),
                text=body.message,
                bot=bot,
                model=model,
                metadata={} if body.context is None else {"context": body.context},
                context=context,
                idempotency_key=request.header(b"idempotency-key"),
                create_session=True,
                address=request.address,
            ),
        )
        turn = submitted.turn
        accepted = {
            "message_id": turn.reply_id,
            "session_id": turn.session_id,
            "status": "accepted",
            "timestamp": iso(turn.created_at),
            "correlation_id": turn.id,
        }
        await answer_json(request, 202, accepted)

    async def subscribe(self, request: Request) -> None:
        """``GET /api/sse``: the session's events, from the cursor on."""
        values = {name: request.query(name) or "" for name in ("session_id", "user_id")}
        for name, value in values.items():
            if not value.strip():
                raise BadRequest(f"The parameter {name} is missing or empty.")
        request.principal = user(values["user_id"])
        request.set_cookie = None
        session_id = check_session_id(values["session_id"])
        connection_id = new_id("con")
        opening = {"connection_id": connection_id, "session_id": session_id}

        def connected(cursor: str) -> bytes:
            return b"id: %b\nevent: connected\ndata: %b\n\n" % (cursor.encode(), _encode(opening))

        cursor = cursor_of(request, "last_event_id")
        self._engine.connections.join(session_id, connection_id)
        try:
            await self._streams.session(request, session_id, FORMAT, cursor, connected)
        finally:
            self._engine.connections.leave(connection_id)

    async def _choose(self, body: Submit) -> tuple[str | None, str | None]:
        """Read ``ai_provider`` and ``model``: a bot's name is understood as well as a provider's."""
        provider, model = body.ai_provider or None, body.model or None
        if provider is None:
            return None, model
        if provider in self._engine.catalogue.bots:
            return provider, model
        if provider not in self._engine.catalogue.providers:
            known = ", ".join(sorted({*self._engine.catalogue.providers, *self._engine.catalogue.bots}))
            raise Invalid(f"There is no ai_provider {provider!r}. There are: {known}.")
        if model is None:
            models = await self._engine.catalogue.offer(provider)
            if isinstance(models, ProviderError):
                raise models
            if not models:
                raise Invalid(f"The provider {provider!r} offers no model. Name one in 'model'.")
            model = models[0].id
        return None, model if model.startswith(f"{provider}/") else f"{provider}/{model}"


async def answer_error(request: Request, error: AntiphonError) -> None:
    """Send an error in this contract's shape; whatever is wrong with the request is 400."""
    status = 400 if isinstance(error, Invalid) else error.status
    if isinstance(error, ProviderError):
        status = 503
    await answer_json(request, status, {"error": error.message, "code": error.code}, retry_header(error))


def routes(engine: Engine, streams: Streams) -> list[Route]:
    """Return the route to subscribe at; messages come by ``POST /api/chat``, see post_chat.py."""
    dialect = SubscribeDialect(engine, streams)
    parameters = ("session_id!", "user_id!", "last_event_id")
    return [Route("GET", "/api/sse", dialect.subscribe, answer_error, parameters=parameters)]
