"""Contract A: a board of short messages, one for all. No bot answers on it."""

import re
from typing import Annotated, TypedDict

import msgspec

from antiphon.engine.engine import Engine
from antiphon.errors import AntiphonError, BadRequest, Invalid, TooLarge
from antiphon.model import Post
from antiphon.transports.asgi import Request, answer_json, retry_header
from antiphon.transports.http import Route
from antiphon.transports.views import Time, iso

DEFAULT_LIMIT = 100
MOST = 500
LONGEST_SENDER = 200
_NUMBER = re.compile(r"[0-9]{1,18}")


Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST)]
Before = Annotated[int, msgspec.Meta(ge=0, lt=10**18)]


class NewPost(msgspec.Struct):
    """Body of ``POST /api/chat`` in this contract."""

    message: str = ""
    sender: str = ""


class BoardPost(TypedDict):
    """A message on the board."""

    id: int
    message: str
    sender: str
    timestamp: Time


class Refusal(TypedDict):
    """What was wrong, and what to do."""

    error: str


class BoardDialect:
    """Handlers of this contract's two calls. Whoever asks is nobody here, so no guest is made of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def post(self, request: Request) -> None:
        """Put a message on the board."""
        request.set_cookie = None
        body = await request.json(NewPost)
        for name in ("message", "sender"):
            if not getattr(body, name).strip():
                raise BadRequest(f"The field {name} is missing or empty.")
        self._check_length("message", body.message, self._engine.bounds.message_chars)
        self._check_length("sender", body.sender, LONGEST_SENDER)
        await self._engine.rates.check(user="", address=request.address)
        await answer_json(request, 201, _shown(await self._engine.store.post(body.sender, body.message)))

    async def read(self, request: Request) -> None:
        """Read the board, newest first: ``limit`` posts (100) with an id below ``before``."""
        request.set_cookie = None
        limit = _number(request, "limit")
        if limit is None:
            limit = DEFAULT_LIMIT
        if not 1 <= limit <= MOST:
            raise BadRequest(f"The parameter limit is a number from 1 to {MOST}.")
        found = await self._engine.store.posts(_number(request, "before"), limit)
        await answer_json(request, 200, [_shown(post) for post in found])

    def _check_length(self, name: str, text: str, most: int) -> None:
        if len(text) > most:
            raise TooLarge(f"The field {name} has {len(text)} characters; at most {most} are taken.")


def _shown(post: Post) -> BoardPost:
    return {
        "id": post.id,
        "message": post.message,
        "sender": post.sender,
        "timestamp": iso(post.created_at),
    }


def _number(request: Request, name: str) -> int | None:
    value = request.query(name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        raise BadRequest(f"The parameter {name} is not a number of 1 to 18 digits.")
    return int(value)


async def answer_error(request: Request, error: AntiphonError) -> None:
    """Send an error in this contract's shape; a field of a wrong type is 400, as a missing one is."""
    status = 400 if isinstance(error, Invalid) else error.status
    await answer_json(request, status, {"error": error.message}, retry_header(error))


def routes(engine: Engine) -> list[Route]:
    """Return the route to read at; messages come by ``POST /api/chat``, see post_chat.py."""
    return [
        Route(
            "GET",
            "/api/chat",
            BoardDialect(engine).read,
            answer_error,
            parameters=(("limit", Limit), ("before", Before)),
            answers=((200, "application/json", list[BoardPost]),),
            fault=Refusal,
        )
    ]
