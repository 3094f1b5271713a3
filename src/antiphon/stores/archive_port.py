"""Conversations as wholes: a part of the Store port (port.py), in a file of its own."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from antiphon.model import Chunk, Feedback, Message, Principal, Session, Turn


class SessionPlace(NamedTuple):
    """A place in the list of sessions, the last used first: of a session, by its last use and its id.

    With no id it stands behind all sessions of that time.
    """

    updated_at: int
    id: str = ""


def place_of(session: Session) -> SessionPlace:
    """Return the place of a session."""
    return SessionPlace(session.updated_at, session.id)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a look came upon; ``before`` is where the next one begins, None where the list ends."""

    sessions: Sequence[Session]
    before: SessionPlace | None


class PastTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that has ended, elsewhere, with its reply and all its chunks."""

    turn: Turn
    reply: Message
    chunks: list[Chunk]


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A whole conversation, ready to be stored: all is numbered, and all that is named in it is there."""

    session: Session
    prompts: Sequence[Message]
    turns: Sequence[PastTurn]


class ArchiveStore(Protocol):
    """Conversations as wholes: found again, judged, taken out and brought in."""

    async def search(
        self, principal: Principal, text: str, before: SessionPlace | None, *, archived: bool
    ) -> Found:
        """Return sessions that have the text in their title or a message, whatever its case, newest first.

        One call looks through a bounded stretch of the list after that place: it may find
        nothing, and yet there is more. Of a very long session it looks through the newest messages.
        """
        ...

    async def rate(self, principal: Principal, message_id: str, feedback: Feedback | None) -> Message:
        """Store what the principal thinks of a reply, None: nothing any more; return the message.

        Raises NotFound, Invalid (it is no reply).
        """
        ...

    async def past(self, principal: Principal, session_id: str, after: int, limit: int) -> Sequence[Message]:
        """Return messages with an ordinal above ``after``, in order: none only if there are none.

        At most ``limit``. A reply under way stands among them as a stopped one without text: what follows
        names it. Raises NotFound.
        """
        ...

    async def branch(self, principal: Principal, session_id: str, leaf: str | None) -> Sequence[str]:
        """Return the ids of the messages that lead to this one, the first first, and its own.

        None is the newest message. Replies under way are among them, and may be the leaf. Raises NotFound.
        """
        ...

    async def named(self, principal: Principal, session_id: str, ids: Sequence[str]) -> Sequence[Message]:
        """Return those of these messages that are stored in the session, in its order. Raises NotFound."""
        ...

    async def bring_in(self, past: Past) -> Session:
        """Store a conversation and return its session; nobody sees any of it before all of it is stored.

        Unlike other calls it is many transactions, so that others' come between them. Where the principal
        has a session of this id, that one is returned, also if another process is just bringing it in. Its
        other ids are new ones; nobody is owed its replies. Raises Overloaded (the other takes too long).
        """
        ...

    async def sweep(self, silent: int) -> None:
        """Remove what ``bring_in`` left unfinished that has stored nothing for so many milliseconds."""
        ...
