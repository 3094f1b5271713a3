"""``POST /v1/embeddings``: texts as vectors, as the provider makes them."""

from typing import Annotated, Any, Literal, TypedDict

import msgspec

from antiphon.dialects.openai.chat_request import convert
from antiphon.dialects.openai.errors import ERRORS, ErrorResponse, InvalidParameter, answer_error, request_id
from antiphon.dialects.openai.names import full_name
from antiphon.dialects.openai.waiting import Left, unless_gone
from antiphon.engine.engine import Engine
from antiphon.errors import Invalid
from antiphon.transports.asgi import Request, answer_json
from antiphon.transports.http import Route

MOST_INPUTS = 2048
"""As OpenAI's API takes."""


class EmbeddingRequest(msgspec.Struct):
    """Body of ``POST /v1/embeddings``: a text, texts, tokens, or lists of tokens; the rest is passed on."""

    model: str
    input: str | list[str | int | list[int]]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, msgspec.Meta(ge=1)] | None = None
    user: str | None = None


class EmbeddingUsage(TypedDict):
    """Tokens of the texts."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(TypedDict):
    """The vectors, in the order of the texts; each is ``{"object": "embedding", "index", "embedding"}``."""

    object: str
    data: list[dict[str, Any]]
    model: str
    usage: EmbeddingUsage


class EmbeddingsRoute:
    """The handler of this route."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def create(self, request: Request) -> None:
        """Return the vectors of one or more texts."""
        request.set_cookie = None
        body = await request.json(dict[str, Any])
        asked = convert(body, EmbeddingRequest)
        _check(asked)
        if asked.model in self._engine.catalogue.bots:
            raise InvalidParameter(f"{asked.model} is a bot: it makes no embeddings.", "model")
        model = await full_name(self._engine.catalogue, asked.model)
        params = {k: v for k, v in body.items() if k not in ("model", "input") and v is not None}
        work = self._engine.embedding.embed(
            request.principal, model, body["input"], params, address=request.address
        )
        try:
            made = await unless_gone(request, work)
        except Left:
            return
        except Invalid as error:
            raise InvalidParameter(error.message, "model") from error
        usage = {"prompt_tokens": made.prompt_tokens, "total_tokens": made.prompt_tokens}
        answer = {"object": "list", "data": made.data, "model": asked.model, "usage": usage}
        await answer_json(request, 200, answer, {"x-request-id": request_id()})


def _check(asked: EmbeddingRequest) -> None:
    texts = asked.input
    if not texts:
        raise InvalidParameter("input is empty: send at least one text.", "input")
    if isinstance(texts, str):
        return
    kinds = {type(each) for each in texts}
    if len(kinds) > 1:
        raise InvalidParameter("input is a list of one kind: texts, tokens or lists of tokens.", "input")
    if int not in kinds and len(texts) > MOST_INPUTS:
        raise InvalidParameter(
            f"input has {len(texts)} entries; at most {MOST_INPUTS} are taken.",
            "input",
            "array_above_max_length",
        )
    if not all(isinstance(each, int) or each for each in texts):
        raise InvalidParameter("An entry of input is empty.", "input")


def routes(engine: Engine) -> list[Route]:
    """Return the route."""
    return [
        Route(
            "POST",
            "/v1/embeddings",
            EmbeddingsRoute(engine).create,
            answer_error,
            body=EmbeddingRequest,
            answers=((200, "application/json", EmbeddingList),),
            fault=ErrorResponse,
            errors=ERRORS,
            tag="openai",
        )
    ]
