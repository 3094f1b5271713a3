"""Contract C over HTTP: create a session, look at it, send a message without a socket."""

import secrets
from typing import Any

import msgspec

from antiphon.dialects.session_access import SessionAccess, check_client_id
from antiphon.dialects.session_frames import ending
from antiphon.engine.engine import Engine
from antiphon.engine.submit import Ask
from antiphon.errors import AntiphonError, Invalid, ProviderError
from antiphon.ids import now_ms
from antiphon.model import Principal, Session, TurnState
from antiphon.stores.port import Submitted
from antiphon.transports.asgi import Request, answer_json, retry_header
from antiphon.transports.http import Route
from antiphon.transports.views import iso


class NewChat(msgspec.Struct):
    """Body of ``POST /chat/session``; further keys are kept as well."""

    customer_name: str
    customer_email: str
    flight_no: str | None = None
    date: str | None = None
    session_id: str | None = None


class ChatMessage(msgspec.Struct):
    """Body of ``POST /chat/message``."""

    session_id: str
    message: str
    client_id: str = "rest"
    bot: str | None = None
    model: str | None = None


class ChatSession(msgspec.Struct):
    """A session; ``status`` is ``created``, or ``exists`` if there was one of this id."""

    session_id: str
    context: dict[str, Any]
    status: str | msgspec.UnsetType = msgspec.UNSET


class ChatSent(msgspec.Struct):
    """A message that was accepted; with ``?wait=true`` also the reply to it."""

    status: str
    session_id: str
    message_id: str
    cursor: str
    timestamp: str
    response: str | msgspec.UnsetType = msgspec.UNSET
    from_cache: bool | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class ChatFault(msgspec.Struct):
    """Why a request was refused."""

    error: str
    code: str
    detail: str
    retry_after: float | msgspec.UnsetType = msgspec.UNSET


def ask_of(
    session_id: str, message: str, client_id: str, *, bot: str | None, model: str | None, key: str | None
) -> dict[str, Any]:
    """Return what this contract's ways to send a message have in common, for Ask."""
    return {
        "session_id": session_id,
        "text": message,
        "bot": bot,
        "model": model,
        "cache": True,
        "metadata": {"client_id": client_id},
        "idempotency_key": key,
    }


class SessionRest:
    """Handlers of this contract's HTTP routes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions = SessionAccess(engine.store)

    async def create(self, request: Request) -> None:
        """Create a session, or return the one that has this id already."""
        request.set_cookie = None
        body = await request.json(dict[str, Any])
        try:
            asked = msgspec.convert(body, NewChat)
        except msgspec.ValidationError as error:
            raise Invalid(f"The JSON does not fit: {error}.") from error
        for name in ("customer_name", "customer_email"):
            if not getattr(asked, name).strip():
                raise Invalid(f"The field {name} is empty.")
        self._engine.check_context(body)
        # Nobody else may guess it: whoever knows it may be in the session.
        session_id = f"ses_{secrets.token_hex(16)}" if asked.session_id is None else asked.session_id
        context = {**body, "created_at": iso(now_ms())}
        principal, session = await self._sessions.create(request, session_id, context)
        told = await self._told(principal, session)
        told.status = "created" if session.context == context else "exists"
        await answer_json(request, 200, told)

    async def get(self, request: Request) -> None:
        """Return a session's context and what happened in it so far."""
        request.set_cookie = None
        principal, session = await self._sessions.find(request, request.params[0])
        await answer_json(request, 200, await self._told(principal, session))

    async def send(self, request: Request) -> None:
        """Send a message; the reply comes to the session's sockets, and with ``?wait=true`` in the answer."""
        request.set_cookie = None
        body = await request.json(ChatMessage)
        principal, _ = await self._sessions.find(request, body.session_id)
        ask = ask_of(
            body.session_id,
            body.message,
            check_client_id(body.client_id),
            bot=body.bot,
            model=body.model,
            key=request.header(b"idempotency-key"),
        )
        submitted = await self._engine.submit(principal, Ask(**ask, address=request.address))
        sent = ChatSent(
            status="message_sent",
            session_id=body.session_id,
            message_id=submitted.turn.prompt_id,
            cursor=f"{submitted.turn.number}.0",
            timestamp=iso(submitted.turn.created_at),
        )
        if (request.query("wait") or "").lower() in ("1", "true", "yes"):
            await self._answer_whole(request, submitted, sent)
        else:
            await answer_json(request, 200, sent)

    async def _answer_whole(self, request: Request, submitted: Submitted, sent: ChatSent) -> None:
        whole = await self._engine.whole(submitted.turn)
        fault = whole.end.error
        if whole.end.state is TurnState.FAILED and fault is not None:
            error = ProviderError(fault.message, retry_after=fault.retry_after)
            await answer_json(request, error.status, _fault(error, fault.code), retry_header(error))
            return
        told = ending(submitted.turn, whole.end, whole.text)
        sent.response = told["content"]
        sent.metadata = told["metadata"]
        sent.from_cache = told.get("from_cache", msgspec.UNSET)
        await answer_json(request, 200, sent)

    async def _told(self, principal: Principal, session: Session) -> ChatSession:
        """Return a session with its context as it was just read, in the cache for a while from now on."""
        await self._engine.contexts.keep(principal, session.id, session.context)
        computed = {
            "created_at": iso(session.created_at),
            "last_activity": iso(session.updated_at),
            "message_count": await self._engine.store.message_count(session.id),
        }
        return ChatSession(session.id, {**session.context, **computed})


def _fault(error: AntiphonError, code: str) -> ChatFault:
    wait = msgspec.UNSET if error.retry_after is None else error.retry_after
    return ChatFault(error.message, code, error.message, wait)


async def answer_error(request: Request, error: AntiphonError) -> None:
    """Send an error in this contract's shape."""
    await answer_json(request, error.status, _fault(error, error.code), retry_header(error))


def routes(engine: Engine) -> list[Route]:
    """Return the HTTP routes."""
    rest = SessionRest(engine)
    shared: dict[str, Any] = {"error": answer_error, "fault": ChatFault, "tag": "session socket"}
    found = ((200, "application/json", ChatSession),)
    sent = ((200, "application/json", ChatSent),)
    return [
        Route("POST", "/chat/session", rest.create, body=NewChat, answers=found, errors=(409,), **shared),
        Route("GET", "/chat/session/{session_id}", rest.get, answers=found, **shared),
        Route(
            "POST",
            "/chat/message",
            rest.send,
            body=ChatMessage,
            parameters=("wait",),
            headers=("idempotency-key",),
            answers=sent,
            errors=(404, 429, 502, 503),
            **shared,
        ),
    ]
