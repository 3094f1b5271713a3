"""Rows to structs and back."""

from typing import Any

import msgspec
from sqlalchemy import Row

from antiphon.model import Chunk, Feedback, Message, Post, Session, Turn, TurnState
from antiphon.nesting import read_object

_encode = msgspec.json.encode
_decode = msgspec.json.decode
# Unicode keeps this character out of texts, for uses like this; where one has it all the same, it is escaped.
_ESCAPE = "\U0010ffff"
_transcript = msgspec.json.Decoder(list[int | Chunk])
_feedback = msgspec.json.Decoder(Feedback)


def to_json(value: Any) -> str:
    """Encode a JSON column."""
    return _encode(value).decode()


def to_text(value: str) -> str:
    """Write text that a model may have made so that every database stores it: PostgreSQL takes no NUL."""
    if "\0" in value or _ESCAPE in value:
        return value.replace(_ESCAPE, _ESCAPE + "e").replace("\0", _ESCAPE + "0")
    return value


def from_text(value: str) -> str:
    """Undo ``to_text``."""
    if _ESCAPE in value:
        return value.replace(_ESCAPE + "0", "\0").replace(_ESCAPE + "e", _ESCAPE)
    return value


def part_of(column: str | None, key: str) -> list[dict[str, Any]]:
    """Return a list within a JSON column; most rows have none, and those are not decoded."""
    if column is None or f'"{key}"' not in column:
        return []
    found = read_object(column).get(key)
    return found if isinstance(found, list) else []


def session(row: Row[Any]) -> Session:
    """Read a row of ``sessions``."""
    return Session(
        id=row.id,
        owner=row.owner,
        title=row.title,
        context=read_object(row.context),
        archived=bool(row.archived),
        turn_count=row.turn_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def session_values(it: Session) -> dict[str, Any]:
    """Return the columns of a session."""
    return {
        "id": it.id,
        "owner": it.owner,
        "title": it.title,
        "context": to_json(it.context),
        "archived": it.archived,
        "turn_count": it.turn_count,
        "created_at": it.created_at,
        "updated_at": it.updated_at,
    }


def message(row: Row[Any]) -> Message:
    """Read a row of ``messages``."""
    return Message(
        id=row.id,
        session_id=row.session_id,
        ordinal=row.ordinal,
        role=row.role,
        sender=row.sender,
        status=row.status,
        content=from_text(row.content),
        parent_id=row.parent_id,
        turn_id=row.turn_id,
        usage=_decode(row.usage) if row.usage else None,
        metadata=read_object(row.metadata),
        created_at=row.created_at,
        feedback=_feedback.decode(row.feedback) if row.feedback else None,
    )


def message_values(it: Message) -> dict[str, Any]:
    """Return the columns of a message."""
    return {
        "id": it.id,
        "session_id": it.session_id,
        "ordinal": it.ordinal,
        "role": it.role,
        "sender": it.sender,
        "status": it.status,
        "content": to_text(it.content),
        "parent_id": it.parent_id,
        "turn_id": it.turn_id,
        "usage": None if it.usage is None else to_json(it.usage),
        "metadata": to_json(it.metadata),
        "created_at": it.created_at,
        "feedback": None if it.feedback is None else to_json(it.feedback),
    }


def post(row: Row[Any]) -> Post:
    """Read a row of ``posts``."""
    return Post(
        id=row.id,
        sender=from_text(row.sender),
        message=from_text(row.message),
        created_at=row.created_at,
    )


def turn(row: Row[Any]) -> Turn:
    """Read a row of ``turns``."""
    return Turn(
        id=row.id,
        session_id=row.session_id,
        number=row.number,
        state=TurnState(row.state),
        pod=row.pod,
        epoch=row.epoch,
        prompt_id=row.prompt_id,
        reply_id=row.reply_id,
        bot=row.bot,
        model=row.model,
        params=read_object(row.params),
        stop_requested=bool(row.stop_requested),
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def turn_values(it: Turn) -> dict[str, Any]:
    """Return the columns of a turn that nothing else tells."""
    return {
        "id": it.id,
        "session_id": it.session_id,
        "number": it.number,
        "state": it.state.value,
        "pod": it.pod,
        "epoch": it.epoch,
        "prompt_id": it.prompt_id,
        "reply_id": it.reply_id,
        "bot": it.bot,
        "model": it.model,
        "params": to_json(it.params),
        "stop_requested": it.stop_requested,
        "created_at": it.created_at,
        "ended_at": it.ended_at,
    }


def pack_transcript(chunks: list[Chunk]) -> bytes:
    """Write down the chunks of an ended turn without writing its text twice.

    The message already holds the content since the last reset, so of those chunks only the lengths (in
    code points) are kept; every other chunk is kept whole.
    """
    last_reset = max((i for i, chunk in enumerate(chunks) if chunk.kind == "reset"), default=-1)
    return _encode(
        [len(c.text) if c.kind == "content" and i > last_reset else c for i, c in enumerate(chunks)]
    )


def unpack_transcript(packed: bytes, content: str) -> list[Chunk]:
    """Undo ``pack_transcript``, given the content of the turn's message as it was before ``to_text``."""
    chunks, at = [], 0
    for entry in _transcript.decode(packed):
        if isinstance(entry, int):
            chunks.append(Chunk("content", content[at : at + entry]))
            at += entry
        else:
            chunks.append(entry)
    return chunks
