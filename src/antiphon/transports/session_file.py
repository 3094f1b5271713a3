"""The file that a conversation is exported to and imported from, see PROTOCOL.md.

What a file tells of how a reply came about is believed as far as it is well-typed, and left out otherwise.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypedDict

import msgspec
from msgspec import Meta, Raw

from antiphon.engine.past import Conversation, PastMessage, Told
from antiphon.errors import Invalid, TooLarge
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

# Not decoded before its length was looked at: a list takes twenty times as much memory as it does as text.
AnyObject = Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
# So much longer may JSON be than when it is written down here: every character of a text escaped.
ESCAPED = 6


def _nothing() -> Raw:
    # As a mere default it would be part of the schema, which cannot tell it.
    return Raw(b"{}")


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
    metadata: AnyObject = msgspec.field(default_factory=_nothing)
    feedback: FileFeedback | None = None
    created_at: Time


class FileSession(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of the conversation itself."""

    title: Name = ""
    context: AnyObject = msgspec.field(default_factory=_nothing)
    created_at: Time


class SessionFile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole conversation, to be imported."""

    format: Literal["antiphon.session"]
    version: Literal[1]
    session: FileSession
    messages: list[FileMessage]


class _Url(msgspec.Struct, frozen=True, omit_defaults=True):
    url: Annotated[str, Meta(pattern="^(https?://|data:image/)")]
    detail: Literal["auto", "low", "high"] | None = None


class _Part(msgspec.Struct, frozen=True):
    type: str
    text: str = ""
    image_url: _Url | None = None


class _Given(msgspec.Struct, frozen=True):
    role: Literal["user"]
    content: list[_Part]


class _Metadata(msgspec.Struct, frozen=True):
    """What is known of metadata, as it came; nothing where there is nothing."""

    given: Raw = Raw()
    model: Raw = Raw()
    finish_reason: Raw = Raw()
    error: Raw = Raw()
    seams: Raw = Raw()
    cached: Raw = Raw()
    pod: Raw = Raw()
    first_token_ms: Raw = Raw()
    total_ms: Raw = Raw()


_KNOWN: Mapping[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(kind)
    for name, kind in {
        "model": Name,
        "finish_reason": Name,
        "error": Fault,
        "seams": list[Seam],
        "cached": bool,
        "pod": Name,
        "first_token_ms": Count,
        "total_ms": Count,
    }.items()
}
_given_decoder = msgspec.json.Decoder(list[_Given])


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


def read_file(body: bytes, most_context: int, most_given: int) -> Conversation:
    """Read a file; its messages as they are gone through. Raises BadRequest, Invalid, TooLarge.

    ``most_context`` bounds the context, in bytes, and each value of metadata; ``most_given`` what a user's
    message has beside its text.
    """
    # In one go: the longest file takes 0.01 s, and 0.1 s one that was made to take long.
    file = decode(body, SessionFile)
    if len(file.session.context) > ESCAPED * most_context:
        raise TooLarge(f"context takes more than {most_context} bytes as JSON.")
    return Conversation(
        title=file.session.title,
        context=decode(file.session.context, dict[str, Any]),
        created_at=_ms(file.session.created_at),
        message_count=len(file.messages),
        messages=_read_all(file.messages, most_context, most_given),
    )


def _read_all(messages: list[FileMessage], most: int, most_given: int) -> Iterator[PastMessage]:
    for place, it in enumerate(messages):
        try:
            metadata = decode(it.metadata, _Metadata)
        except Invalid as error:
            raise Invalid(f"messages[{place}].metadata: {error.message}") from error
        yield _read(it, metadata, most, most_given)


def _read(it: FileMessage, metadata: _Metadata, most: int, most_given: int) -> PastMessage:
    given = []
    if it.role == "user" and len(metadata.given) <= ESCAPED * most_given:
        given = _given(metadata.given, it.content)
    return PastMessage(
        id=it.id,
        role=it.role,
        sender=it.sender,
        status=it.status,
        content=it.content,
        parent_id=it.parent_id,
        usage=None if it.usage is None else Usage(**msgspec.structs.asdict(it.usage)),
        told=Told(**_known(metadata, most), given=given),
        feedback=None if it.feedback is None else _feedback(it.feedback),
        created_at=_ms(it.created_at),
    )


def _feedback(it: FileFeedback) -> Feedback:
    return Feedback(rating=it.rating, comment=it.comment, created_at=_ms(it.created_at))


def _known(metadata: _Metadata, most: int) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, decoder in _KNOWN.items():
        value: Raw = getattr(metadata, name)
        if 0 < len(value) <= most:
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                told[name] = decoder.decode(value)
    return told


def _given(value: Raw, content: str) -> list[dict[str, Any]]:
    """Return what a model is sent instead of a message's text: images beside it.

    A file is somebody else's. What it would have a model read and a reader not see is left out: the message
    is made anew, of nothing but its text, which must be the one shown, and its images.
    """
    try:
        read = _given_decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    parts: list[dict[str, Any]] = []
    for part in read[0].content if len(read) == 1 else ():
        if part.type == "text":
            parts.append({"type": "text", "text": part.text})
        elif part.type == "image_url" and part.image_url is not None:
            parts.append({"type": "image_url", "image_url": msgspec.to_builtins(part.image_url)})
    has_image = any(part["type"] == "image_url" for part in parts)
    if not has_image or "".join(part.get("text", "") for part in parts) != content:
        return []
    return [{"role": "user", "content": parts}]


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
