"""How stored things look in the native API."""

from datetime import UTC, datetime
from typing import Any

from antiphon.model import Message, Session, Turn


def iso(ms: int) -> str:
    """Return a stored time as ISO 8601 in UTC with milliseconds and ``Z``."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def session(it: Session) -> dict[str, Any]:
    """Show a session."""
    return {
        "id": it.id,
        "title": it.title,
        "context": it.context,
        "turn_count": it.turn_count,
        "created_at": iso(it.created_at),
        "updated_at": iso(it.updated_at),
    }


def message(it: Message) -> dict[str, Any]:
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
        "created_at": iso(it.created_at),
    }


def turn(it: Turn) -> dict[str, Any]:
    """Show a turn. ``message_id`` is the id of its reply, from the first chunk on."""
    return {
        "id": it.id,
        "session_id": it.session_id,
        "number": it.number,
        "state": it.state.value,
        "prompt_id": it.prompt_id,
        "message_id": it.reply_id,
        "bot": it.bot,
        "model": it.model,
        "created_at": iso(it.created_at),
        "ended_at": None if it.ended_at is None else iso(it.ended_at),
    }
