"""``GET /v1/models``: the bots, and what the providers offer."""

import functools
from typing import TypedDict

from antiphon.dialects.openai.errors import ErrorResponse, ModelNotFound, answer_error, request_id
from antiphon.engine.engine import Engine
from antiphon.transports.asgi import Request, answer_json
from antiphon.transports.http import Route


class ModelObject(TypedDict):
    """What may be asked for as ``model``."""

    id: str
    object: str
    created: int
    owned_by: str


class ModelList(TypedDict):
    """All of them."""

    object: str
    data: list[ModelObject]


class Models:
    """Handlers of these routes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def list_models(self, request: Request) -> None:
        """List the bots and the models of all providers that answer."""
        request.set_cookie = None
        names = await self._engine.catalogue.names()
        data = [_model(name, owner) for name, owner in names.items()]
        await answer_json(request, 200, {"object": "list", "data": data}, {"x-request-id": request_id()})

    async def get_model(self, request: Request) -> None:
        """Return a bot, or one of the models of a provider."""
        request.set_cookie = None
        name = request.params[0]
        owner = (await self._engine.catalogue.names()).get(name)
        if owner is None:
            raise ModelNotFound(f"There is no model {name!r}. GET /v1/models lists those there are.")
        await answer_json(request, 200, _model(name, owner), {"x-request-id": request_id()})


def _model(name: str, owner: str) -> ModelObject:
    # When a model was made is not known here, and the field is required.
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


def routes(engine: Engine) -> list[Route]:
    """Return these routes."""
    models = Models(engine)
    route = functools.partial(Route, error=answer_error, fault=ErrorResponse, tag="openai")
    all_of, one = ((200, "application/json", ModelList),), ((200, "application/json", ModelObject),)
    return [
        route("GET", "/v1/models", models.list_models, answers=all_of),
        route("GET", "/v1/models/{model:path}", models.get_model, answers=one),
    ]
