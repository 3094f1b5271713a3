"""What can be followed: the subscriptions of the schema. They are carried out by follow.py."""
# Strawberry's decorators return fields, not functions, and say Any.
# mypy: disable-error-code="untyped-decorator"

import enum
from typing import Annotated

import msgspec
import strawberry
from strawberry.scalars import JSON

from antiphon.engine.cursor import Cursor, parse_cursor
from antiphon.engine.submit import check_session_id
from antiphon.model import Turn
from antiphon.transports.graphql.cost import ASKS
from antiphon.transports.graphql.types import Info, TurnState, Usage


class TurnSource(msgspec.Struct, frozen=True):
    """The reply to follow, and where to begin."""

    turn: Turn
    cursor: Cursor | None


class SessionSource(msgspec.Struct, frozen=True):
    """The session to follow, and where to begin."""

    session_id: str
    cursor: Cursor | None


Source = TurnSource | SessionSource


@strawberry.enum(description="What an event tells.")
class ReplyEventType(enum.Enum):
    """See the description."""

    CONNECTED = strawberry.enum_value("connected", description="The session's stream begins at the cursor.")
    TURN = strawberry.enum_value("turn", description="What follows of this turn comes next.")
    CONTENT = strawberry.enum_value("content", description="Text of the reply.")
    REASONING = strawberry.enum_value("reasoning", description="What the model thought aloud.")
    TOOL = strawberry.enum_value("tool", description="Tool-call deltas, in `data`.")
    SEAM = strawberry.enum_value("seam", description="Another process goes on with the reply from here.")
    RESET = strawberry.enum_value("reset", description="What came before is void: the reply begins again.")
    END = strawberry.enum_value("end", description="The last event of a turn.")


@strawberry.type(description="Why a reply failed.")
class ReplyError:
    """See the description."""

    code: str
    message: str
    retry_after: float | None = strawberry.field(description="In seconds.")


@strawberry.type(description="A place where another process went on with a reply.")
class Seam:
    """See the description."""

    chunk: int
    epoch: int
    how: str = strawberry.field(description="`continued` or `restarted`.")


@strawberry.type(description="How a reply ended.")
class ReplyEnd:
    """See the description."""

    state: TurnState
    finish_reason: str
    model: str
    message_id: strawberry.ID
    usage: Usage | None
    error: ReplyError | None
    seams: list[Seam]
    tool_calls: JSON
    cached: bool
    pod: str | None = strawberry.field(description="The pod that ended it.")
    first_token_ms: int | None = strawberry.field(
        description="From the message to the first text, where the pod that ended the reply had begun it."
    )
    total_ms: int | None = strawberry.field(description="From the message to the end.")


@strawberry.type(
    description="An event of a reply. The reply is the text of its `CONTENT`, from the last `RESET` on."
)
class ReplyEvent:
    """See the description."""

    type: ReplyEventType
    turn_id: strawberry.ID | None
    turn_number: int | None
    message_id: strawberry.ID | None = strawberry.field(description="The id of the reply.")
    prompt_id: strawberry.ID | None = strawberry.field(description="The message that it answers.")
    seq: int | None = strawberry.field(description="Numbers the chunks of a turn from 0, without gaps.")
    text: str | None
    data: JSON | None
    end: ReplyEnd | None
    cursor: str | None = strawberry.field(
        description="Send it to go on behind this event, here or on any other transport."
    )


FromCursor = Annotated[
    str | None, strawberry.argument(description="The cursor of the last event received; none to begin.")
]


@strawberry.type
class Subscription:
    """What can be followed. When a connection breaks, subscribe again with the last cursor."""

    @strawberry.subscription(description="Follow a reply to its end.", graphql_type=ReplyEvent, metadata=ASKS)
    async def reply(self, info: Info, turn_id: strawberry.ID, cursor: FromCursor = None) -> TurnSource:
        """See the description."""
        turn = await info.context.engine.store.turn(info.context.principal, turn_id)
        return TurnSource(turn, parse_cursor(cursor))

    @strawberry.subscription(
        description="Follow all replies of a session, for as long as it takes. Without a cursor it begins "
        "with the replies under way and those that ended lately and that nobody has received.",
        graphql_type=ReplyEvent,
        metadata=ASKS,
    )
    async def session_replies(self, session_id: strawberry.ID, cursor: FromCursor = None) -> SessionSource:
        """See the description."""
        return SessionSource(check_session_id(session_id), parse_cursor(cursor))
