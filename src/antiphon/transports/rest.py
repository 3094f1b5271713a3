"""The native REST API: sessions, messages, turns, models; and health."""

import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Literal

import msgspec
from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, StrictBool
from starlette.exceptions import HTTPException
from starlette.routing import Route as HTTPRoute

from antiphon import __version__
from antiphon.engine.engine import Engine
from antiphon.engine.submit import check_session_id
from antiphon.errors import (
    AntiphonError,
    BadRequest,
    Invalid,
    MethodNotAllowed,
    NotFound,
    ProviderError,
)
from antiphon.ids import new_id, now_ms
from antiphon.model import Feedback, Principal
from antiphon.stores.archive_port import SessionPlace, place_of
from antiphon.transports import session_places, views
from antiphon.transports.asgi import problem, retry_header
from antiphon.transports.http import WEBSOCKET, Route
from antiphon.transports.openapi_document import answers, make_document

VIEWS = (
    views.SessionView,
    views.SessionItem,
    views.SessionDetail,
    views.SessionPage,
    views.MessageView,
    views.MessagePage,
    views.TurnView,
    views.Models,
    views.Bots,
    views.Health,
    views.Readiness,
)
Health = Callable[[], Awaitable[views.Health]]
Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]
SessionId = Annotated[str, Path(min_length=1, max_length=200)]


class NewSession(BaseModel, extra="forbid"):
    """A session to create; ``id`` may be chosen by the client."""

    id: str | None = Field(default=None, max_length=200, json_schema_extra={"pattern": "^[!-.0-~]+$"})
    title: str = Field(default="", max_length=200)
    context: dict[str, Any] = Field(default_factory=dict)


class SessionChange(BaseModel, extra="forbid"):
    """What to change of a session."""

    title: str | None = Field(default=None, max_length=200)
    context: dict[str, Any] | None = None
    archived: StrictBool | None = None


class Rating(BaseModel, extra="forbid"):
    """What the reader thinks of a reply; a ``rating`` of null takes it back."""

    rating: Literal["up", "down"] | None
    comment: str = Field(default="", max_length=2_000)


def _principal(request: Request) -> Principal:
    principal: Principal = request.scope["antiphon.request"].principal
    return principal


def make_probes(engine: Engine, health: Health) -> FastAPI:
    """Return an application that tells how it is and nothing else: for pods that take no requests."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_health(app, engine, health)
    _add_errors(app, ())
    return app


def make_rest(engine: Engine, health: Health, routes: Sequence[Route]) -> FastAPI:
    """Return the FastAPI application; ``routes`` are the raw ones, to be documented with it."""
    app = FastAPI(
        title="Antiphon",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    _add_sessions(app, engine)
    _add_session(app, engine)
    _add_messages(app, engine)
    _add_turns(app, engine)
    _add_health(app, engine, health)
    _add_errors(app, routes)
    document = functools.cache(lambda: make_document(app, routes, VIEWS))
    app.openapi = document  # type: ignore[method-assign]
    return app


def _add_sessions(app: FastAPI, engine: Engine) -> None:
    store = engine.store

    @app.post(
        "/api/sessions",
        status_code=201,
        tags=["sessions"],
        response_model=None,
        responses=answers(views.SessionView, 404, 413, status=201),
    )
    async def create_session(request: Request, body: NewSession) -> views.SessionView:
        """Create a session, or return the one that already has this id."""
        engine.check_context(body.context)
        session_id = check_session_id(body.id) if body.id is not None else new_id("ses")
        made = await store.create_session(_principal(request), session_id, body.title, body.context)
        return views.session(made)

    @app.get("/api/sessions", tags=["sessions"], response_model=None, responses=answers(views.SessionPage))
    async def list_sessions(
        request: Request,
        limit: Limit = 50,
        before: Annotated[
            str | None, Query(description="`next_before` of the page before; or a time (Unix ms)")
        ] = None,
        q: Annotated[
            str | None, Query(min_length=1, max_length=200, description="text in the title or a message")
        ] = None,
        archived: Annotated[
            bool, Query(description="only those that are archived; else only the others")
        ] = False,
    ) -> views.SessionPage:
        """List own sessions, the last used first. ``next_before`` continues the list.

        With ``q``, those whose title or messages have the text, upper and lower case alike. A search looks
        for a second at most: a page may be short, even empty, while ``next_before`` leads on.
        """
        who = _principal(request)
        place = _session_place(before)
        if q is None:
            found = await store.sessions(who, place, limit, archived=archived)
            following = place_of(found[-1]) if len(found) == limit else None
        else:
            page = await engine.archive.search(who, q, place, limit, archived=archived)
            found, following = page.sessions, page.before
        busy = await store.busy([it.id for it in found])
        return {
            "sessions": [{**views.session(it), "running": it.id in busy} for it in found],
            "next_before": following and session_places.to_text(following),
        }


def _session_place(before: str | None) -> SessionPlace | None:
    try:
        return None if before is None else session_places.parse(before)
    except (ValueError, Invalid) as error:
        raise Invalid("query.before: send the `next_before` of a page, or a time in Unix ms.") from error


def _add_session(app: FastAPI, engine: Engine) -> None:
    store = engine.store

    @app.get(
        "/api/sessions/{session_id}",
        tags=["sessions"],
        response_model=None,
        responses=answers(views.SessionDetail, 404),
    )
    async def get_session(request: Request, session_id: SessionId) -> views.SessionDetail:
        """Return a session and the turns under way in it."""
        session = await store.session(_principal(request), session_id)
        running = await store.undelivered(_principal(request), session_id, now_ms())
        return {**views.session(session), "running": [views.turn(t) for t in running]}

    @app.patch(
        "/api/sessions/{session_id}",
        tags=["sessions"],
        response_model=None,
        responses=answers(views.SessionView, 404, 413),
    )
    async def change_session(
        request: Request, session_id: SessionId, body: SessionChange
    ) -> views.SessionView:
        """Change a session's title or context, archive it or bring it back; its place in the list stays."""
        changed = await engine.update_session(
            _principal(request), session_id, body.title, body.context, archived=body.archived
        )
        return views.session(changed)

    @app.delete(
        "/api/sessions/{session_id}",
        status_code=204,
        tags=["sessions"],
        responses=answers(None, 404, status=204),
    )
    async def delete_session(request: Request, session_id: SessionId) -> None:
        """Delete a session; replies under way in it are stopped."""
        await engine.delete_session(_principal(request), session_id)


def _add_messages(app: FastAPI, engine: Engine) -> None:
    store = engine.store

    @app.get(
        "/api/sessions/{session_id}/messages",
        tags=["messages"],
        response_model=None,
        responses=answers(views.MessagePage, 404),
    )
    async def list_messages(
        request: Request,
        session_id: SessionId,
        limit: Limit = 100,
        before: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="an ordinal")] = None,
    ) -> views.MessagePage:
        """Return a page of messages, oldest first; ``next_before`` leads to older ones."""
        found = await store.messages(_principal(request), session_id, before, limit)
        following = found[0].ordinal if len(found) == limit else None
        return {"messages": [views.message(m) for m in found], "next_before": following}

    @app.get(
        "/api/messages/{message_id}",
        tags=["messages"],
        response_model=None,
        responses=answers(views.MessageView, 404),
    )
    async def get_message(request: Request, message_id: str) -> views.MessageView:
        """Return one message."""
        return views.message(await store.message(_principal(request), message_id))

    @app.put(
        "/api/messages/{message_id}/feedback",
        tags=["messages"],
        response_model=None,
        responses=answers(views.MessageView, 404, 413),
    )
    async def rate_message(request: Request, message_id: str, body: Rating) -> views.MessageView:
        """Say whether a reply was good, and why; it replaces what was said before."""
        given = None
        if body.rating is not None:
            given = Feedback(rating=body.rating, comment=body.comment, created_at=now_ms())
        return views.message(await store.rate(_principal(request), message_id, given))


def _add_turns(app: FastAPI, engine: Engine) -> None:
    @app.get(
        "/api/turns/{turn_id}",
        tags=["turns"],
        response_model=None,
        responses=answers(views.TurnView, 404),
    )
    async def get_turn(request: Request, turn_id: str) -> views.TurnView:
        """Return a turn."""
        return views.turn(await engine.store.turn(_principal(request), turn_id))

    @app.post(
        "/api/turns/{turn_id}/cancel",
        status_code=202,
        tags=["turns"],
        response_model=None,
        responses=answers(views.TurnView, 404, status=202),
    )
    async def cancel_turn(request: Request, turn_id: str) -> views.TurnView:
        """Stop a reply: it ends with what there is of it."""
        return views.turn(await engine.stop(_principal(request), turn_id))

    @app.get("/api/models", tags=["models"], response_model=None, responses=answers(views.Models))
    async def list_models() -> views.Models:
        """List models by provider, and providers that could not be asked."""
        offers = await engine.catalogue.models()
        models: list[views.ModelView] = []
        unavailable: list[views.Unavailable] = []
        for provider, offer in offers.items():
            if isinstance(offer, ProviderError):
                unavailable.append({"provider": provider, "code": offer.code, "detail": offer.message})
            else:
                models += [
                    {"id": f"{provider}/{m.id}", "provider": provider, "context_tokens": m.context_tokens}
                    for m in offer
                ]
        return {"models": models, "unavailable": unavailable}

    @app.get("/api/bots", tags=["models"], response_model=None, responses=answers(views.Bots))
    async def list_bots() -> views.Bots:
        """List the bots."""
        bots: list[views.BotView] = [
            {"name": b.name, "title": b.title or b.name, "greeting": b.greeting, "model": b.model}
            for b in engine.catalogue.bots.values()
        ]
        return {"bots": bots, "default": engine.catalogue.default_bot}


def _add_health(app: FastAPI, engine: Engine, health: Health) -> None:
    @app.get("/health", tags=["service"], response_model=None, responses=answers(views.Health))
    async def get_health() -> views.Health:
        """Tell that the process is alive."""
        return await health()

    unready = (503, "application/json", views.Readiness)

    @app.get("/ready", tags=["service"], responses=answers(views.Readiness, also=[unready]))
    async def get_ready() -> Response:
        """Tell whether to send requests here: 503 while leaving, or without the store."""
        state = "draining" if engine.leaving else "ready"
        if not engine.leaving and not engine.sound:
            state = "broken"
        try:
            await engine.store.ping()
        except AntiphonError as error:
            state = error.code
        body = msgspec.json.encode({"status": state})
        return Response(body, 200 if state == "ready" else 503, media_type="application/json")


def _add_errors(app: FastAPI, routes: Sequence[Route]) -> None:
    def answer(
        request: Request, error: AntiphonError, status: int | None = None, allow: Sequence[str] = ()
    ) -> Response:
        details = problem(error, request.url.path)
        details["status"] = status or error.status
        body = msgspec.json.encode(details)
        headers = retry_header(error)
        if allow:
            headers["allow"] = ", ".join(allow)
        return Response(body, details["status"], headers, media_type="application/problem+json")

    @app.exception_handler(AntiphonError)
    async def refused(request: Request, error: AntiphonError) -> Response:
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return answer(request, BadRequest("The body is not valid JSON."))
        where = ".".join(str(part) for part in first["loc"])
        return answer(request, Invalid(f"{where}: {first['msg']}."))

    @app.exception_handler(Exception)
    async def crashed(request: Request, _error: Exception) -> Response:
        # It is raised again after this answer, and logged by the application around this one.
        return answer(request, AntiphonError("The server failed to handle this request. Try again."))

    @app.exception_handler(HTTPException)
    async def failed(request: Request, error: HTTPException) -> Response:
        path = request.url.path
        takes = _methods(app, routes, path)
        if takes and error.status_code in (NotFound.status, MethodNotAllowed.status):
            told = f"{path} takes {' and '.join(takes)}, not {request.method}."
            allow = ["GET" if method == WEBSOCKET else method for method in takes]
            return answer(request, MethodNotAllowed(told), allow=allow)
        if error.status_code == NotFound.status:
            return answer(request, NotFound("There is nothing at this path. See /docs."))
        return answer(request, BadRequest(f"{error.detail}."), error.status_code)


def _methods(app: FastAPI, routes: Sequence[Route], path: str) -> list[str]:
    """Return what a path can be asked with; nothing if there is no such path.

    A path that stands for itself is not also one with a parameter: ``/api/sessions/import`` is no session.
    """
    served = [route for route in app.routes if isinstance(route, HTTPRoute)]
    raw_here = [route for route in routes if route.path == path]
    served_here = [route for route in served if route.path == path]
    if not raw_here and not served_here:
        raw_here = [route for route in routes if route.pattern.fullmatch(path)]
        served_here = [route for route in served if route.path_regex.fullmatch(path)]
    found = {route.method for route in raw_here}
    for each in served_here:
        found |= each.methods or set()
        found |= {"HEAD"} if "GET" in found else set()
    return sorted(found)
