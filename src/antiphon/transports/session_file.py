"""The file that a conversation is exported to and imported from, see PROTOCOL.md.

What a file tells of how a reply came about is believed as far as it is well-typed, and left out otherwise.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypedDict

import msgspec
from msgspec import Meta

from antiphon.engine.messages import read_message
from antiphon.engine.past import Conversation, PastMessage, Told
from antiphon.errors import Invalid
from antiphon.ids import now_ms
from antiphon.model import Fault, Feedback, Message, Seam, Session, Status, Usage
from antiphon.transports import views
from antiphon.transports.asgi import decode

FORMAT: Literal["antiphon.session"] = "antiphon.session"
VERSION: Literal[1] = 1
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_ENDS_LINE = re.compile(r"\s+")

# No database stores a NUL in a name.
Name = Annotated[str, Meta(max_length=200, pattern="^[^\\u0000]*$")]
Time = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0, le=2**53)]


_KNOWN: Mapping[str, Any] = {
    "model": Name,
    "finish_reason": Name,
    "error": Fault,
    "seams": list[Seam],
    "cached": bool,
    "pod": Name,
    "first_token_ms": Count,
    "total_ms": Count,
}


class FileFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader thought of a reply."""

    rating: Literal["up", "down"]
    comment: Annotated[str, Meta(max_length=2_000)] = ""
    created_at: Time


class FileUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of a reply."""

    prompt_tokens: Count
    completion_tokens: Count
    estimated: bool = False


class FileMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message; it stands after the one that ``parent_id`` names."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]
    role: Literal["user", "assistant"]
    sender: Name = ""
    status: Status = "complete"
    content: str
    parent_id: str | None = None
    usage: FileUsage | None = None
    metadata: dict[str, Any] = {}
    feedback: FileFeedback | None = None
    created_at: Time


class FileSession(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of the conversation itself."""

    title: Name = ""
    context: dict[str, Any] = {}
    created_at: Time


class SessionFile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole conversation, to be imported."""

    format: Literal["antiphon.session"]
    version: Literal[1]
    session: FileSession
    messages: list[FileMessage]


class ExportedMessage(TypedDict):
    """A message as it is exported."""

    id: str
    role: Literal["user", "assistant"]
    sender: str
    status: Status
    content: str
    parent_id: str | None
    usage: dict[str, Any] | None
    metadata: dict[str, Any]
    feedback: views.FeedbackView | None
    created_at: views.Time


class ExportedHead(TypedDict):
    """What is exported of the conversation itself."""

    title: str
    context: dict[str, Any]
    created_at: views.Time


class ExportedSession(TypedDict):
    """A whole conversation: every message of every branch, each after the one it answers or follows."""

    format: Literal["antiphon.session"]
    version: Literal[1]
    exported_at: views.Time
    session: ExportedHead
    messages: list[ExportedMessage]


_EXPORTED = frozenset(ExportedMessage.__annotations__)


def read_file(body: bytes) -> Conversation:
    """Read a file. Raises BadRequest, Invalid."""
    file = decode(body, SessionFile)
    return Conversation(
        title=file.session.title,
        context=file.session.context,
        created_at=_ms(file.session.created_at),
        messages=[_read(message) for message in file.messages],
    )


def _read(it: FileMessage) -> PastMessage:
    given = _given(it.metadata.get("given"), it.content) if it.role == "user" else []
    return PastMessage(
        id=it.id,
        role=it.role,
        sender=it.sender,
        status=it.status,
        content=it.content,
        parent_id=it.parent_id,
        usage=None if it.usage is None else Usage(**msgspec.structs.asdict(it.usage)),
        told=Told(**_known(it.metadata), given=given),
        feedback=None if it.feedback is None else _feedback(it.feedback),
        created_at=_ms(it.created_at),
    )


def _feedback(it: FileFeedback) -> Feedback:
    return Feedback(rating=it.rating, comment=it.comment, created_at=_ms(it.created_at))


def _known(metadata: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name in metadata.keys() & _KNOWN.keys():
        try:
            told[name] = msgspec.convert(metadata[name], _KNOWN[name])
        except msgspec.ValidationError:
            continue
    return told


def _given(messages: Any, content: str) -> list[dict[str, Any]]:
    """Return what a model is sent instead of a message's text: images beside it, say.

    A file is somebody else's. What it would have a model read and a reader not see is left out: other
    messages than the user's one, or one of another text.
    """
    if not isinstance(messages, list) or len(messages) != 1:
        return []
    try:
        read = read_message(messages[0])
    except Invalid:
        return []
    return messages if read.role == "user" and read.content == content else []


def _ms(time: datetime) -> int:
    return max(0, (time - _EPOCH) // _MS)


def head(session: Session) -> bytes:
    """Return the beginning of a file, up to its first message."""
    told = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": views.iso(now_ms()),
        "session": {
            "title": session.title,
            "context": session.context,
            "created_at": views.iso(session.created_at),
        },
    }
    return msgspec.json.encode(told)[:-1] + b',"messages":['


def entry(message: Message) -> bytes:
    """Return a message of a file."""
    shown = views.message(message)
    return msgspec.json.encode({name: value for name, value in shown.items() if name in _EXPORTED})


TAIL = b"]}\n"


def markdown_title(session: Session) -> str:
    """Return the heading of a conversation in Markdown."""
    return f"# {_line(session.title) or 'Conversation'}\n"


def markdown(message: Message) -> str:
    """Return a message in Markdown: a line of who and when, and its text as it is."""
    when = views.iso(message.created_at)[:16].replace("T", " ")
    ended = "" if message.status == "complete" else f" · {message.status}"
    return f"\n**{_line(message.sender)}** · {when} UTC{ended}\n\n{message.content}\n"


def _line(text: str) -> str:
    return _ENDS_LINE.sub(" ", text).strip()
