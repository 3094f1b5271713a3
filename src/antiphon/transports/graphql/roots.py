"""What can be asked, done and followed: the roots of the GraphQL schema, translated onto the engine."""
# Strawberry's decorators return fields, not functions, and say Any.
# mypy: disable-error-code="untyped-decorator"

from typing import Any

import strawberry
from strawberry.scalars import JSON

from antiphon.engine.submit import Ask, check_session_id
from antiphon.errors import Invalid, ProviderError
from antiphon.ids import new_id, now_ms
from antiphon.model import Feedback
from antiphon.transports.graphql import pages
from antiphon.transports.graphql.cost import ASKS, LARGEST_PAGE, SEARCHES, SIZE
from antiphon.transports.graphql.types import (
    Bot,
    Info,
    Message,
    Model,
    Models,
    Principal,
    Rating,
    Session,
    SessionConnection,
    Turn,
    UnavailableProvider,
)
from antiphon.transports.native import once_more

LONGEST_TITLE = 200
LONGEST_COMMENT = 2_000


@strawberry.type
class Query:
    """What can be asked. Things of another principal are not found."""

    @strawberry.field(description="Who asks.")
    def me(self, info: Info) -> Principal:
        """See the description."""
        principal = info.context.principal.id
        return Principal(id=strawberry.ID(principal), kind=principal.partition(":")[0])

    @strawberry.field(description="One of one's own sessions.", metadata=ASKS)
    async def session(self, info: Info, id: strawberry.ID) -> Session | None:  # noqa: A002
        """See the description."""
        return Session.of(await info.context.engine.store.session(info.context.principal, id))

    @strawberry.field(
        description="One's own sessions, the last used first: the `first` (20) `after` a cursor. Those that "
        "are archived, or the others.",
        metadata={**ASKS, **SIZE},
    )
    async def sessions(
        self, info: Info, first: int | None = None, after: str | None = None, archived: bool = False
    ) -> SessionConnection:
        """See the description."""
        return await pages.sessions(info.context, first, after, archived=archived)

    @strawberry.field(
        description="One's own sessions that have the text in their title or a message, upper and lower case "
        "alike, the last used first. A call looks for a second at most: a page may be short, or empty, and "
        "yet say that there is a next one.",
        metadata={**SEARCHES, **SIZE},
    )
    async def search_sessions(
        self,
        info: Info,
        text: str,
        first: int | None = None,
        after: str | None = None,
        archived: bool = False,
    ) -> SessionConnection:
        """See the description."""
        return await pages.found_sessions(info.context, text, first, after, archived=archived)

    @strawberry.field(description="A message of one of one's own sessions.", metadata=ASKS)
    async def message(self, info: Info, id: strawberry.ID) -> Message | None:  # noqa: A002
        """See the description."""
        return Message.of(await info.context.messages.load(id))

    @strawberry.field(description="A turn of one of one's own sessions.", metadata=ASKS)
    async def turn(self, info: Info, id: strawberry.ID) -> Turn | None:  # noqa: A002
        """See the description."""
        return Turn.of(await info.context.turns.load(id))

    @strawberry.field(description="The models on offer.", metadata={**ASKS, "items": LARGEST_PAGE})
    async def models(self, info: Info) -> Models:
        """See the description."""
        made = Models(available=[], unavailable=[])
        for provider, offer in (await info.context.engine.catalogue.models()).items():
            if isinstance(offer, ProviderError):
                lacking = UnavailableProvider(provider=provider, code=offer.code, detail=offer.message)
                made.unavailable.append(lacking)
            else:
                made.available += [
                    Model(
                        id=strawberry.ID(f"{provider}/{model.id}"),
                        provider=provider,
                        context_tokens=model.context_tokens,
                    )
                    for model in offer
                ]
        return made

    @strawberry.field(description="The bots.", metadata=SIZE)
    def bots(self, info: Info) -> list[Bot]:
        """See the description."""
        catalogue = info.context.engine.catalogue
        return [Bot.of(bot, catalogue.default_bot) for bot in catalogue.bots.values()]


@strawberry.input(description="A session to create.")
class NewSession:
    """See the description."""

    id: strawberry.ID | None = strawberry.field(
        default=None, description="Chosen by the client: then creating it is safe to repeat."
    )
    title: str = ""
    context: JSON | None = strawberry.field(default=None, description="An object.")


@strawberry.input(description="What to change of a session; what is left out stays.")
class SessionChange:
    """See the description."""

    title: str | None = None
    context: JSON | None = strawberry.field(default=None, description="An object; replaces the one there.")
    archived: bool | None = None


@strawberry.input(description="A message to send.")
class NewMessage:
    """See the description."""

    session_id: strawberry.ID
    text: str
    bot: str | None = strawberry.field(default=None, description="Who answers; else the default bot.")
    model: str | None = strawberry.field(default=None, description="`<provider>/<model>`.")
    parent: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The reply that it follows: left out, the newest one; null: none, a new beginning. To "
        "edit a message, send the new text with the old one's `parentId`.",
    )
    params: JSON | None = strawberry.field(default=None, description="Parameters of the model: an object.")
    metadata: JSON | None = strawberry.field(default=None, description="Kept with the message: an object.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="Makes sending safe to repeat: the same key is the same turn."
    )


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation(description="Create a session, or return the one that has this id.", metadata=ASKS)
    async def create_session(self, info: Info, input: NewSession | None = None) -> Session:  # noqa: A002
        """See the description."""
        engine, given = info.context.engine, input or NewSession()
        context = _object("context", given.context)
        engine.check_context(context)
        session_id = check_session_id(given.id) if given.id is not None else new_id("ses")
        title = _title(given.title)
        return Session.of(
            await engine.store.create_session(info.context.principal, session_id, title, context)
        )

    @strawberry.mutation(
        description="Change a session's title or context, archive it or bring it back.", metadata=ASKS
    )
    async def update_session(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        input: SessionChange,  # noqa: A002
    ) -> Session:
        """See the description."""
        title = None if input.title is None else _title(input.title)
        context = None if input.context is None else _object("context", input.context)
        changed = info.context.engine.update_session(
            info.context.principal, id, title, context, archived=input.archived
        )
        return Session.of(await changed)

    @strawberry.mutation(
        description="Say whether a reply was good, and why; it replaces what was said before. Without a "
        "rating that is taken back.",
        metadata=ASKS,
    )
    async def rate_message(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        rating: Rating | None = None,
        comment: str = "",
    ) -> Message:
        """See the description."""
        if len(comment) > LONGEST_COMMENT:
            raise Invalid(f"A comment has at most {LONGEST_COMMENT} characters.")
        given = None
        if rating is not None:
            given = Feedback(rating=rating.value, comment=comment, created_at=now_ms())
        return Message.of(await info.context.engine.store.rate(info.context.principal, id, given))

    @strawberry.mutation(
        description="Delete a session with its messages and stop its replies. Returns its id.",
        metadata=ASKS,
    )
    async def delete_session(self, info: Info, id: strawberry.ID) -> strawberry.ID:  # noqa: A002
        """See the description."""
        await info.context.engine.delete_session(info.context.principal, id)
        return id

    @strawberry.mutation(
        description="Send a message. The turn's reply is to be followed by `subscription { reply }`.",
        metadata=ASKS,
    )
    async def send_message(self, info: Info, input: NewMessage) -> Turn:  # noqa: A002
        """See the description."""
        ask = Ask(
            session_id=check_session_id(input.session_id),
            text=input.text,
            bot=input.bot,
            model=input.model,
            parent_id="latest" if input.parent is strawberry.UNSET else input.parent,
            params=_object("params", input.params),
            metadata=_object("metadata", input.metadata),
            idempotency_key=input.idempotency_key,
            address=info.context.address,
        )
        return Turn.of((await info.context.engine.submit(info.context.principal, ask)).turn)

    @strawberry.mutation(description="Answer a turn's message once more, as a branch.", metadata=ASKS)
    async def regenerate(
        self,
        info: Info,
        turn_id: strawberry.ID,
        model: str | None = None,
        idempotency_key: str | None = None,
    ) -> Turn:
        """See the description."""
        context = info.context
        ask = await once_more(
            context.engine,
            context.principal,
            turn_id,
            model=model,
            key=idempotency_key,
            address=context.address,
        )
        return Turn.of((await context.engine.submit(context.principal, ask)).turn)

    @strawberry.mutation(description="Stop a reply: it ends with what there is of it.", metadata=ASKS)
    async def stop_reply(self, info: Info, turn_id: strawberry.ID) -> Turn:
        """See the description."""
        return Turn.of(await info.context.engine.stop(info.context.principal, turn_id))


def _object(name: str, value: Any) -> dict[str, Any]:
    """Return what was given for a JSON argument that takes an object."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"`{name}` is a JSON object.")
    return value


def _title(title: str) -> str:
    if len(title) > LONGEST_TITLE or "\x00" in title:
        raise Invalid(f"A title has at most {LONGEST_TITLE} characters, none of them NUL.")
    return title
