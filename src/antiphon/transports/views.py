"""How stored things look in the native API."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypedDict

from msgspec import Meta

from antiphon.model import Feedback, Message, Session, Turn, TurnState

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""ISO 8601 in UTC with milliseconds and ``Z``."""


class SessionView(TypedDict):
    """A conversation. ``turn_count`` counts the replies asked for in it, ``updated_at`` is its last use."""

    id: str
    title: str
    context: dict[str, Any]
    archived: bool
    turn_count: int
    created_at: Time
    updated_at: Time


class SessionItem(SessionView):
    """A conversation in a list. ``running``: whether a reply is under way in it."""

    running: bool


class FeedbackView(TypedDict):
    """What its reader thinks of a reply."""

    rating: Literal["up", "down"]
    comment: str
    created_at: Time


class MessageView(TypedDict):
    """A stored message. ``parent_id`` is the message it answers or follows."""

    id: str
    session_id: str
    ordinal: int
    role: Literal["user", "assistant"]
    sender: str
    status: Literal["complete", "stopped", "failed"]
    content: str
    parent_id: str | None
    turn_id: str | None
    usage: dict[str, Any] | None
    metadata: dict[str, Any]
    feedback: FeedbackView | None
    created_at: Time


class TurnView(TypedDict):
    """A request for a reply.

    ``message_id`` is the id of its reply, from the first chunk on. ``pod`` runs it, null while none does.
    """

    id: str
    session_id: str
    number: int
    state: TurnState
    prompt_id: str
    message_id: str
    bot: str
    model: str
    pod: str | None
    created_at: Time
    ended_at: Time | None


class SessionDetail(SessionView):
    """A conversation and the turns under way in it."""

    running: list[TurnView]


class SessionPage(TypedDict):
    """Sessions, the last used first.

    ``next_before``, sent as ``before``, leads to the next page; null at the end. The page of a search may be
    short or empty, and yet not the last.
    """

    sessions: list[SessionItem]
    next_before: str | None


class MessagePage(TypedDict):
    """Messages, the oldest first. ``next_before`` leads to the page before, null at the beginning."""

    messages: list[MessageView]
    next_before: int | None


class Accepted(TypedDict):
    """The turn that answers a message."""

    turn: TurnView


class ModelView(TypedDict):
    """A model. ``context_tokens`` is null where its provider does not tell."""

    id: str
    provider: str
    context_tokens: int | None


class Unavailable(TypedDict):
    """A provider that could not be asked for its models, and why."""

    provider: str
    code: str
    detail: str


class Models(TypedDict):
    """What replies can be asked of."""

    models: list[ModelView]
    unavailable: list[Unavailable]


class BotView(TypedDict):
    """A bot. ``model`` is what it asks unless a message names another."""

    name: str
    title: str
    greeting: str
    model: str


class Bots(TypedDict):
    """The bots, and which one answers where none is named."""

    bots: list[BotView]
    default: str


RedisStatus = Literal["connected", "disconnected", "not_configured"]


class Health(TypedDict):
    """The process is alive."""

    status: Literal["healthy"]
    service: str
    version: str
    pod_id: str
    timestamp: Time
    active_connections: int
    active_sessions: int
    active_buffers: int
    redis_status: RedisStatus
    nats_connected: bool


class Readiness(TypedDict):
    """Whether to send requests here: only if ``ready``."""

    status: str


def iso(ms: int) -> str:
    """Return a stored time as ISO 8601 in UTC with milliseconds and ``Z``."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def session(it: Session) -> SessionView:
    """Show a session."""
    return {
        "id": it.id,
        "title": it.title,
        "context": it.context,
        "archived": it.archived,
        "turn_count": it.turn_count,
        "created_at": iso(it.created_at),
        "updated_at": iso(it.updated_at),
    }


def feedback(it: Feedback) -> FeedbackView:
    """Show what is thought of a reply."""
    return {"rating": it.rating, "comment": it.comment, "created_at": iso(it.created_at)}


def message(it: Message) -> MessageView:
    """Show a message."""
    return {
        "id": it.id,
        "session_id": it.session_id,
        "ordinal": it.ordinal,
        "role": it.role,
        "sender": it.sender,
        "status": it.status,
        "content": it.content,
        "parent_id": it.parent_id,
        "turn_id": it.turn_id,
        "usage": it.usage,
        "metadata": it.metadata,
        "feedback": None if it.feedback is None else feedback(it.feedback),
        "created_at": iso(it.created_at),
    }


def running_pod(it: Turn) -> str | None:
    """Return the pod that runs the turn; a turn that has ended still names the one that did."""
    return it.pod if it.state is TurnState.RUNNING else None


def turn(it: Turn) -> TurnView:
    """Show a turn. ``message_id`` is the id of its reply, from the first chunk on."""
    return {
        "id": it.id,
        "session_id": it.session_id,
        "number": it.number,
        "state": it.state,
        "prompt_id": it.prompt_id,
        "message_id": it.reply_id,
        "bot": it.bot,
        "model": it.model,
        "pod": running_pod(it),
        "created_at": iso(it.created_at),
        "ended_at": None if it.ended_at is None else iso(it.ended_at),
    }
