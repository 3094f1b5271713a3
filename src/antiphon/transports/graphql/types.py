"""The types of the GraphQL schema: what is stored, as a client sees it.

Field metadata tells what a field costs, see cost.py.
"""
# Strawberry's decorators return fields, not functions, and say Any.
# mypy: disable-error-code="untyped-decorator"

import enum
from typing import Annotated, Any, NewType, Self

import strawberry
from strawberry.scalars import JSON

from antiphon.engine.catalogue import Bot as CatalogueBot
from antiphon.errors import NotFound
from antiphon.ids import now_ms
from antiphon.model import Feedback as StoredFeedback
from antiphon.model import Message as StoredMessage
from antiphon.model import Session as StoredSession
from antiphon.model import Turn as StoredTurn
from antiphon.transports.graphql.context import Context
from antiphon.transports.graphql.cost import ASKS, LONG, SIZE
from antiphon.transports.views import iso, running_pod

Info = strawberry.Info[Context, None]
DateTime = NewType("DateTime", str)
DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="A time in UTC as ISO 8601 with milliseconds and `Z`.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
)
# What a session may have under way at once is a setting; the cost of asking counts with the usual one.
USUALLY_RUNNING = 8


@strawberry.enum(description="Where a turn is; the last three are final.")
class TurnState(enum.Enum):
    """See the description."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"


@strawberry.enum(description="Who wrote a message.")
class Role(enum.Enum):
    """See the description."""

    USER = "user"
    ASSISTANT = "assistant"


@strawberry.enum(description="How a message came to its end.")
class MessageStatus(enum.Enum):
    """See the description."""

    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"


@strawberry.type(description="Who asks.")
class Principal:
    """See the description."""

    id: strawberry.ID
    kind: str = strawberry.field(description="`user`, `guest` or `key`.")


@strawberry.type(description="Tokens, as the provider counted them, or estimated.")
class Usage:
    """See the description."""

    prompt_tokens: int | None
    completion_tokens: int | None
    estimated: bool


@strawberry.enum(description="What a reader thinks of a reply.")
class Rating(enum.Enum):
    """See the description."""

    UP = "up"
    DOWN = "down"


@strawberry.type(description="What the reader thinks of a reply.")
class Feedback:
    """See the description."""

    rating: Rating
    comment: str
    created_at: DateTime


@strawberry.type(description="One entry of a session.")
class Message:
    """See the description."""

    id: strawberry.ID
    session_id: strawberry.ID
    ordinal: int = strawberry.field(
        description="Its place: turn `n` has its user message at `2n` and its reply at `2n + 1`."
    )
    role: Role
    sender: str
    status: MessageStatus
    content: str = strawberry.field(metadata=LONG)
    parent_id: strawberry.ID | None = strawberry.field(description="The message it answers or follows.")
    turn_id: strawberry.ID | None
    usage: Usage | None
    metadata: JSON
    feedback: Feedback | None
    created_at: DateTime

    @classmethod
    def of(cls, it: StoredMessage) -> Self:
        """Show a stored message."""
        used = it.usage
        return cls(
            id=strawberry.ID(it.id),
            session_id=strawberry.ID(it.session_id),
            ordinal=it.ordinal,
            role=Role(it.role),
            sender=it.sender,
            status=MessageStatus(it.status),
            content=it.content,
            parent_id=_id(it.parent_id),
            turn_id=_id(it.turn_id),
            usage=None if used is None else usage(used),
            metadata=JSON(it.metadata),
            feedback=None if it.feedback is None else feedback(it.feedback),
            created_at=DateTime(iso(it.created_at)),
        )

    @strawberry.field(description="The turn that it belongs to.", metadata=ASKS)
    async def turn(self, info: Info) -> "Turn | None":
        """See the description."""
        if self.turn_id is None:
            return None
        return Turn.of(await info.context.turns.load(self.turn_id))


@strawberry.type(description="One request for a reply and all that comes of it.")
class Turn:
    """See the description."""

    id: strawberry.ID
    session_id: strawberry.ID
    number: int = strawberry.field(description="Counts the turns of a session from 1.")
    state: TurnState
    prompt_id: strawberry.ID = strawberry.field(description="The user message that it answers.")
    message_id: strawberry.ID = strawberry.field(
        description="The id of its reply, from the first chunk on; the message itself is there once it ended."
    )
    bot: str
    model: str
    pod: str | None = strawberry.field(description="The pod that runs it; null while none does.")
    created_at: DateTime
    ended_at: DateTime | None

    @classmethod
    def of(cls, it: StoredTurn) -> Self:
        """Show a stored turn."""
        return cls(
            id=strawberry.ID(it.id),
            session_id=strawberry.ID(it.session_id),
            number=it.number,
            state=TurnState(it.state.value),
            prompt_id=strawberry.ID(it.prompt_id),
            message_id=strawberry.ID(it.reply_id),
            bot=it.bot,
            model=it.model,
            pod=running_pod(it),
            created_at=DateTime(iso(it.created_at)),
            ended_at=None if it.ended_at is None else DateTime(iso(it.ended_at)),
        )

    @strawberry.field(description="The user message that it answers.", metadata=ASKS)
    async def prompt(self, info: Info) -> Message | None:
        """See the description."""
        return await _message(info, self.prompt_id)

    @strawberry.field(description="Its reply; null while it is under way: subscribe then.", metadata=ASKS)
    async def reply(self, info: Info) -> Message | None:
        """See the description."""
        return await _message(info, self.message_id)


async def _message(info: Info, message_id: str) -> Message | None:
    """Return a message that may not be stored yet, or no longer."""
    try:
        return Message.of(await info.context.messages.load(message_id))
    except NotFound:
        return None


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """See the description."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class MessageEdge:
    """A message and its place."""

    cursor: str
    node: Message


@strawberry.type(description="A page of messages, oldest first.")
class MessageConnection:
    """See the description."""

    edges: list[MessageEdge]
    page_info: PageInfo

    @strawberry.field(description="The messages of the edges.")
    def nodes(self) -> list[Message]:
        """See the description."""
        return [edge.node for edge in self.edges]


@strawberry.input(description="Which messages to return.")
class MessageFilter:
    """See the description."""

    role: Role | None = None
    contains: str | None = strawberry.field(
        default=None, description="Text that is in the content, upper and lower case alike."
    )


@strawberry.type(description="A conversation.")
class Session:
    """See the description."""

    id: strawberry.ID
    title: str
    context: JSON
    archived: bool
    turn_count: int
    created_at: DateTime
    updated_at: DateTime = strawberry.field(description="When it was last used: made, or sent a message.")

    @classmethod
    def of(cls, it: StoredSession) -> Self:
        """Show a stored session."""
        return cls(
            id=strawberry.ID(it.id),
            title=it.title,
            context=JSON(it.context),
            archived=it.archived,
            turn_count=it.turn_count,
            created_at=DateTime(iso(it.created_at)),
            updated_at=DateTime(iso(it.updated_at)),
        )

    @strawberry.field(
        description="Its messages, oldest first: the `first` ones `after` a cursor, or the `last` ones "
        "`before` one; with neither, the last 20. With a filter a call looks through 400 messages at most: "
        "a page may be short, or empty, and yet say that there is a next one.",
        metadata={**ASKS, **SIZE},
    )
    async def messages(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: Annotated[MessageFilter | None, strawberry.argument(name="filter")] = None,  # noqa: A002
    ) -> MessageConnection:
        """See the description."""
        from antiphon.transports.graphql import pages  # noqa: PLC0415 - pages are made of these types

        wanted = pages.Wanted(first, after, last, before, filter)
        return await pages.messages(info.context, self.id, self.turn_count, wanted)

    @strawberry.field(
        description="The turns under way in it, and those that ended lately and were not received.",
        metadata={**ASKS, **SIZE, "items": USUALLY_RUNNING},
    )
    async def running(self, info: Info) -> list[Turn]:
        """See the description."""
        context = info.context
        found = await context.engine.store.undelivered(context.principal, self.id, now_ms())
        return [Turn.of(turn) for turn in found]


@strawberry.type
class SessionEdge:
    """A session and its place."""

    cursor: str
    node: Session


@strawberry.type(description="A page of sessions, the last used first.")
class SessionConnection:
    """See the description."""

    edges: list[SessionEdge]
    page_info: PageInfo

    @strawberry.field(description="The sessions of the edges.")
    def nodes(self) -> list[Session]:
        """See the description."""
        return [edge.node for edge in self.edges]


@strawberry.type(description="A model on offer.")
class Model:
    """See the description."""

    id: strawberry.ID = strawberry.field(description="`<provider>/<model>`, as `sendMessage` takes it.")
    provider: str
    context_tokens: int | None


@strawberry.type(description="A provider that could not be asked for its models.")
class UnavailableProvider:
    """See the description."""

    provider: str
    code: str
    detail: str


@strawberry.type(description="The models of all providers.")
class Models:
    """See the description."""

    available: list[Model]
    unavailable: list[UnavailableProvider]


@strawberry.type(description="A named configuration: a model, its prompt and parameters.")
class Bot:
    """See the description."""

    name: str
    title: str
    greeting: str
    model: str
    is_default: bool

    @classmethod
    def of(cls, it: CatalogueBot, default: str) -> Self:
        """Show a bot."""
        return cls(
            name=it.name,
            title=it.title or it.name,
            greeting=it.greeting,
            model=it.model,
            is_default=it.name == default,
        )


def feedback(given: StoredFeedback) -> Feedback:
    """Show what is thought of a reply."""
    return Feedback(
        rating=Rating(given.rating), comment=given.comment, created_at=DateTime(iso(given.created_at))
    )


def usage(counted: dict[str, Any]) -> Usage:
    """Show what a reply took."""
    return Usage(
        prompt_tokens=counted.get("prompt_tokens"),
        completion_tokens=counted.get("completion_tokens"),
        estimated=bool(counted.get("estimated")),
    )


def _id(value: str | None) -> strawberry.ID | None:
    return None if value is None else strawberry.ID(value)
