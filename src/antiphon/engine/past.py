"""A conversation that was had elsewhere, made one of this server: checked, numbered, given ids of its own."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Catalogue
from antiphon.errors import Invalid
from antiphon.ids import new_id, now_ms
from antiphon.model import (
    Chunk,
    End,
    Fault,
    Feedback,
    Message,
    Principal,
    Seam,
    Session,
    Status,
    Turn,
    TurnState,
    Usage,
)
from antiphon.stores.archive_port import Past, PastTurn

# What is done of a long conversation before others get as long to go on: replies under way wait for it.
STEP_S = 0.002


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of how a message came about; see End, and NewTurn for ``given``."""

    model: str = ""
    finish_reason: str | None = None
    error: Fault | None = None
    seams: list[Seam] = []
    cached: bool = False
    pod: str | None = None
    first_token_ms: int | None = None
    total_ms: int | None = None
    given: list[dict[str, Any]] = []


class PastMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it was elsewhere, under the ids it had there."""

    id: str
    role: Literal["user", "assistant"]
    sender: str
    status: Status
    content: str
    parent_id: str | None
    usage: Usage | None
    told: Told
    feedback: Feedback | None
    created_at: int


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as it was elsewhere; each message stands after the one it answers or follows.

    The messages are read as they are gone through, once; what is wrong with one is raised there, as Invalid.
    """

    title: str
    context: dict[str, Any]
    created_at: int
    message_count: int
    messages: Iterable[PastMessage]


async def make_past(
    principal: Principal, given: Conversation, catalogue: Catalogue, bounds: Bounds, session_id: str
) -> Past:
    """Return the conversation as a new one of the principal. Raises Invalid, which says what is wrong."""
    most = bounds.import_messages
    if given.message_count > most:
        raise Invalid(
            f"The file has {given.message_count} messages; at most {most} are taken. "
            "Raise ANTIPHON_MAX_IMPORT_MESSAGES to take more."
        )
    making = _Making(session_id, catalogue, bounds)
    pace = _Pace()
    for place, message in enumerate(given.messages):
        try:
            _check(message, bounds)
            making.add(message)
        except Invalid as error:
            raise Invalid(f"messages[{place}].{error.message}") from error
        await pace.keep()
    for _ in making.end_unanswered():
        await pace.keep()
    session = Session(
        id=making.session_id,
        owner=principal.id,
        title=given.title,
        context=given.context,
        turn_count=making.turn_count,
        created_at=min(given.created_at, making.now),
        updated_at=making.now,
    )
    return Past(session=session, prompts=list(making.prompts.values()), turns=making.turns)


def _check(message: PastMessage, bounds: Bounds) -> None:
    most = bounds.message_chars if message.role == "user" else bounds.reply_chars
    if len(message.content) > most:
        raise Invalid(f"content has {len(message.content)} characters; at most {most} are taken.")
    if message.role == "user" and message.feedback is not None:
        raise Invalid("feedback is of replies only; this is a user's message.")
    if message.role == "user" and message.status != "complete":
        raise Invalid(f"status of a user's message is 'complete', not {message.status!r}.")


class _Pace:
    """Work on the event loop that lets others go on after each short step."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def keep(self) -> None:
        """Wait, if the step has lasted long enough."""
        if time.monotonic() - self._since >= STEP_S:
            await asyncio.sleep(STEP_S)
            self._since = time.monotonic()


class _Making:
    """Takes message after message.

    As if it had been had here: a user's message and its first reply share a turn's number, each further
    reply has one of its own.
    """

    def __init__(self, session_id: str, catalogue: Catalogue, bounds: Bounds) -> None:
        self.session_id = session_id
        # No time of the file counts for later than this.
        self.now = now_ms()
        self.turn_count = 0
        # By the ids they had.
        self.prompts: dict[str, Message] = {}
        self.turns: list[PastTurn] = []
        self._catalogue = catalogue
        self._chunk_chars = bounds.pending_chars
        self._replies: dict[str, Message] = {}
        self._unanswered: dict[str, Message] = {}

    def add(self, it: PastMessage) -> None:
        """Take the next message. Raises Invalid."""
        if it.id in self.prompts or it.id in self._replies:
            raise Invalid(f"id {it.id!r} is that of an earlier message, too.")
        if it.role == "user":
            self._add_prompt(it)
        else:
            self._add_reply(it)

    def _add_prompt(self, it: PastMessage) -> None:
        follows = None if it.parent_id is None else self._replies.get(it.parent_id)
        if follows is None and it.parent_id is not None:
            raise self._no_parent(it, "a user's message follows a reply, or null: none")
        self.turn_count += 1
        made = Message(
            id=new_id("msg"),
            session_id=self.session_id,
            ordinal=2 * self.turn_count,
            role="user",
            sender=it.sender or "user",
            status="complete",
            content=it.content,
            parent_id=None if follows is None else follows.id,
            turn_id=new_id("turn"),
            usage=None,
            metadata={"given": it.told.given} if it.told.given else {},
            created_at=min(it.created_at, self.now),
        )
        self.prompts[it.id] = self._unanswered[it.id] = made

    def _add_reply(self, it: PastMessage) -> None:
        prompt = self.prompts.get(it.parent_id or "")
        if it.parent_id is None or prompt is None:
            raise self._no_parent(it, "a reply answers a user's message")
        if self._unanswered.pop(it.parent_id, None) is not None:
            turn_id, number = prompt.turn_id, prompt.ordinal // 2
        else:
            self.turn_count += 1
            turn_id, number = new_id("turn"), self.turn_count
        self._replies[it.id] = self._end(turn_id or "", number, prompt, it)

    def _no_parent(self, it: PastMessage, rule: str) -> Invalid:
        if it.parent_id is None:
            return Invalid(f"parent_id is missing: {rule}.")
        known = it.parent_id in self.prompts or it.parent_id in self._replies
        what = "is of the wrong role" if known else "is none of the messages before this one"
        return Invalid(f"parent_id {it.parent_id!r} {what}: {rule}.")

    def end_unanswered(self) -> Iterator[None]:
        """Give an empty reply, a stopped one, to each message that has none: it can be answered once more."""
        for file_id, prompt in list(self._unanswered.items()):
            yield
            self._add_reply(
                PastMessage(
                    id="",
                    role="assistant",
                    sender="",
                    status="stopped",
                    content="",
                    parent_id=file_id,
                    usage=None,
                    told=Told(),
                    feedback=None,
                    created_at=prompt.created_at,
                )
            )

    def _end(self, turn_id: str, number: int, prompt: Message, it: PastMessage) -> Message:
        turn = self._turn(turn_id, number, prompt, it)
        end = _end(turn, it)
        reply = Message(
            id=turn.reply_id,
            session_id=self.session_id,
            ordinal=2 * number + 1,
            role="assistant",
            sender=it.sender or turn.bot,
            status=it.status,
            content=it.content,
            parent_id=prompt.id,
            turn_id=turn.id,
            usage=msgspec.to_builtins(it.usage),
            metadata=end.metadata,
            created_at=turn.ended_at or turn.created_at,
            feedback=it.feedback,
        )
        # The seams name chunks that are no longer there: the message alone remembers them.
        last = Chunk("end", msgspec.json.encode(msgspec.structs.replace(end, seams=[])).decode())
        # As long as those of a reply had here may be: a client takes a frame only so large.
        starts = range(0, len(it.content), self._chunk_chars)
        said = [Chunk("content", it.content[start : start + self._chunk_chars]) for start in starts]
        self.turns.append(PastTurn(turn=turn, reply=reply, chunks=[*said, last]))
        return reply

    def _turn(self, turn_id: str, number: int, prompt: Message, it: PastMessage) -> Turn:
        ended_at = max(prompt.created_at, min(it.created_at, self.now))
        is_first = number == prompt.ordinal // 2
        choice = self._catalogue.nearest(it.sender, it.told.model)
        return Turn(
            id=turn_id,
            session_id=self.session_id,
            number=number,
            state=TurnState(it.status),
            pod=None,
            epoch=1,
            prompt_id=prompt.id,
            reply_id=new_id("msg"),
            bot=choice.bot,
            model=choice.model,
            params={},
            stop_requested=False,
            created_at=prompt.created_at
            if is_first
            else max(prompt.created_at, ended_at - (it.told.total_ms or 0)),
            ended_at=ended_at,
        )


_REASONS: dict[Status, str] = {"complete": "stop", "stopped": "stopped", "failed": "error"}


def _end(turn: Turn, it: PastMessage) -> End:
    told = it.told
    return End(
        state=turn.state,
        finish_reason=told.finish_reason or _REASONS[it.status],
        model=told.model or turn.model,
        message_id=turn.reply_id,
        usage=it.usage,
        error=told.error,
        seams=told.seams,
        cached=told.cached,
        pod=told.pod,
        first_token_ms=told.first_token_ms,
        total_ms=told.total_ms,
    )
