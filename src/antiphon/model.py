"""The words of the system as types: what is stored, and what travels.

All times are Unix milliseconds. All structs are immutable.
"""

import enum
from collections.abc import Mapping
from typing import Any, Literal

import msgspec


class Principal(msgspec.Struct, frozen=True):
    """Who asks. ``id`` is stable and unique, for example ``guest:…`` or ``user:…``."""

    id: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation of one principal.

    ``updated_at`` is when it was last used: made, or sent a message. ``archived``: put away, until it is used
    again.
    """

    id: str
    owner: str
    title: str
    context: dict[str, Any]
    archived: bool = False
    turn_count: int
    created_at: int
    updated_at: int


Status = Literal["complete", "stopped", "failed"]
"""How a message came to its end."""


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader thinks of a reply."""

    rating: Literal["up", "down"]
    comment: str
    created_at: int


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a session.

    ``ordinal`` orders a session's messages: turn ``n`` stores its user message at ``2n`` and its reply at
    ``2n + 1``. ``parent_id`` is the message this one answers or follows; branches share a parent.
    """

    id: str
    session_id: str
    ordinal: int
    role: Literal["user", "assistant"]
    sender: str
    status: Status
    content: str
    parent_id: str | None
    turn_id: str | None
    usage: dict[str, Any] | None
    metadata: dict[str, Any]
    created_at: int
    feedback: Feedback | None = None


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A message on the board."""

    id: int
    sender: str
    message: str
    created_at: int


class TurnState(enum.StrEnum):
    """Where a turn is; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether the turn will get no further chunk."""
        return self not in (TurnState.QUEUED, TurnState.RUNNING)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One request for a reply.

    ``number`` counts the turns of a session from 1. ``epoch`` counts the attempts from 1, 0 while nobody
    has claimed it. ``prompt_id`` is the user message it answers, ``reply_id`` the id that the assistant
    message has from the first chunk on (the message itself is stored when the turn ends).
    """

    id: str
    session_id: str
    number: int
    state: TurnState
    pod: str | None
    epoch: int
    prompt_id: str
    reply_id: str
    bot: str
    model: str
    params: dict[str, Any]
    stop_requested: bool
    created_at: int
    ended_at: int | None


STATUS: Mapping[TurnState, Status] = {
    TurnState.COMPLETE: "complete",
    TurnState.STOPPED: "stopped",
    TurnState.FAILED: "failed",
}
"""Of the reply, by how its turn ended."""


class Chunk(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A numbered piece of a reply; its number is its place in the turn's log.

    ``kind`` is one of

    - ``content``: text of the reply; a reply is its content chunks joined,
    - ``reasoning``: text the model thought aloud,
    - ``tool``: a tool-call delta, JSON as the provider sent it,
    - ``seam``: from here on another attempt goes on with the text (text: JSON with its ``epoch``),
    - ``reset``: what came before is void, the reply begins again (text: JSON with ``reason`` and ``epoch``),
    - ``end``: the last chunk of every log (text: JSON of :class:`End`).
    """

    kind: Literal["content", "reasoning", "tool", "seam", "reset", "end"]
    text: str


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a turn failed, as told to its readers.

    ``retry_after`` says in how many seconds it may succeed, ``provider_status`` with what HTTP status the
    provider refused.
    """

    code: str
    message: str
    retry_after: float | None = None
    provider_status: int | None = None


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens as counted by the provider (or estimated, where it does not count)."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False


class End(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a turn ended.

    ``seams`` lists the takeovers, see :class:`Seam`. ``tool_calls`` are the calls that the reply asks for,
    put together from its ``tool`` chunks, in OpenAI's form. ``cached``: the reply came from the cache.
    ``pod`` ended it; ``first_token_ms`` and ``total_ms`` run from the turn's creation to its first text and
    to its end. Replies of earlier releases lack these.
    """

    state: TurnState
    finish_reason: str
    model: str
    message_id: str
    usage: Usage | None = None
    error: Fault | None = None
    seams: list["Seam"] = []
    tool_calls: list[dict[str, Any]] = []
    cached: bool = False
    pod: str | None = None
    first_token_ms: int | None = None
    total_ms: int | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """What the message keeps of it, beside what has a place of its own there."""
        told = {"seams": [], **msgspec.to_builtins(self)}
        return {name: value for name, value in told.items() if name not in {"state", "message_id", "usage"}}


class Seam(msgspec.Struct, frozen=True, kw_only=True):
    """A place where another attempt went on with a reply.

    ``chunk`` is the first chunk of the new attempt; ``how`` tells whether the text went on from where it was
    (``continued``) or began again after a ``reset`` chunk (``restarted``).
    """

    chunk: int
    epoch: int
    how: Literal["continued", "restarted"]
