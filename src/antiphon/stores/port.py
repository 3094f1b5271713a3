"""Where truth lives.

Three small ports, one a concern; a store implements all three. Every call that names a principal denies
across principals: what belongs to another is NotFound. Every call is one transaction.
Errors of a driver arrive as StoreUnavailable.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from antiphon.model import Chunk, End, Message, Principal, Session, Turn, TurnState

Latest = Literal["latest"]
Finished = Literal["done", "fenced", "gone"]


class NewTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a reply, ready to be stored.

    ``text`` is the user's message, or None to answer ``prompt_id`` once more. ``parent_id`` is the reply
    that the message follows: ``"latest"`` (of the session's newest turn), None (the beginning: a new
    branch from the root), or a reply's id. ``claim_for`` is the pod that starts on it at once; None queues
    it. With ``create_session`` an unknown session is created for the principal. ``max_active`` bounds the
    session's turns that have not ended, ``history_limit`` the exchanges returned with the turn.
    """

    session_id: str
    bot: str
    model: str
    text: str | None
    prompt_id: str | None = None
    sender: str = "user"
    parent_id: str | Latest | None = "latest"
    params: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    context: dict[str, Any] = {}
    idempotency_key: str | None = None
    create_session: bool = False
    claim_for: str | None = None
    max_active: int = 4
    history_limit: int = 200


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A user message and the reply that came before it on its branch (None at the beginning)."""

    before: str | None
    text: str


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """What ``submit`` stored; ``fresh`` is False when the idempotency key had been seen before.

    ``history`` is what TurnStore.history returns, for a fresh turn that was claimed at once: whoever
    claims it needs it next, and so it costs no call of its own.
    """

    turn: Turn
    fresh: bool
    history: Sequence[Exchange] | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a turn: ``content`` is its content chunks (since the last reset) joined."""

    state: TurnState
    content: str
    end: End
    chunks: list[Chunk]


class SessionStore(Protocol):
    """Conversations and their messages."""

    async def create_session(
        self, principal: Principal, session_id: str, title: str, context: dict[str, Any]
    ) -> Session:
        """Store a session, or return the one the principal already has under that id, unchanged.

        Raises NotFound if the id is another principal's.
        """
        ...

    async def session(self, principal: Principal, session_id: str) -> Session:
        """Return a session. Raises NotFound."""
        ...

    async def sessions(self, principal: Principal, before: int | None, limit: int) -> Sequence[Session]:
        """Return the principal's sessions last used before that time, newest first."""
        ...

    async def update_session(
        self, principal: Principal, session_id: str, title: str | None, context: dict[str, Any] | None
    ) -> Session:
        """Change what is not None. Raises NotFound."""
        ...

    async def delete_session(self, principal: Principal, session_id: str) -> None:
        """Delete a session with its messages and turns. Raises NotFound."""
        ...

    async def messages(
        self, principal: Principal, session_id: str, before: int | None, limit: int
    ) -> Sequence[Message]:
        """Return the newest messages with an ordinal below ``before``, oldest first. Raises NotFound."""
        ...

    async def message(self, principal: Principal, message_id: str) -> Message:
        """Return one message. Raises NotFound."""
        ...


class TurnStore(Protocol):
    """Requests for replies, from submission to end."""

    async def submit(self, principal: Principal, new: NewTurn) -> Submitted:
        """Store the user message and its turn together, once per idempotency key of the session.

        Raises NotFound (session, parent or prompt), Conflict (the key was used for another text),
        RateLimited (``max_active``).
        """
        ...

    async def turn(self, principal: Principal, turn_id: str) -> Turn:
        """Return a turn. Raises NotFound."""
        ...

    async def turns(self, principal: Principal, session_id: str, after: int, limit: int) -> Sequence[Turn]:
        """Return the session's first ``limit`` turns numbered above ``after``, in order.

        Returns nothing for a session that does not exist. Raises NotFound if it is another principal's.
        """
        ...

    async def transcript(self, turn_id: str) -> list[Chunk] | None:
        """Return all chunks of an ended turn, its ``end`` included; None while it has not ended."""
        ...

    async def history(self, prompt_id: str, limit: int) -> Sequence[Exchange]:
        """Return the exchanges of the branch that ends with this user message, oldest first."""
        ...

    async def finish(self, turn: Turn, outcome: Outcome) -> Finished:
        """End the turn and store its one assistant message, in one transaction.

        Stores nothing unless it returns ``done``: ``fenced`` if the turn's epoch is no longer
        ``turn.epoch`` or it has ended, ``gone`` if it was deleted with its session.
        """
        ...

    async def request_stop(self, principal: Principal, turn_id: str) -> Turn:
        """Mark the turn to be stopped; no effect on an ended one. Raises NotFound."""
        ...

    async def mark_delivered(self, turn_ids: Sequence[str]) -> None:
        """Remember that a subscriber of the session received these replies to their end."""
        ...


class UndeliveredTurns(Protocol):
    """What a subscriber that comes without a cursor has to be given."""

    async def undelivered(self, principal: Principal, session_id: str, ended_after: int) -> Sequence[Turn]:
        """Return turns that run, or ended after that time and were not marked delivered, in order.

        Returns nothing for a session that does not exist. Raises NotFound if it is another principal's.
        """
        ...


class PodStore(Protocol):
    """Processes, their leases, and who runs which turn."""

    async def heartbeat(self, pod: str, lease_until: int) -> bool:
        """Extend the pod's lease; False if it had been buried, in which case its turns are others' now."""
        ...

    async def claim(self, pod: str, limit: int) -> Sequence[Turn]:
        """Give up to ``limit`` queued turns, oldest first, to the pod, each under a new epoch."""
        ...

    async def bury(self, lease_before: int, keep: str) -> int:
        """Queue the turns of pods whose lease ended before that time, except ``keep``'s; return how many."""
        ...

    async def release(self, pod: str) -> int:
        """Queue all turns of the pod and remove it, before it leaves; return how many."""
        ...

    async def secret(self, name: str) -> str:
        """Return a random secret shared by all pods of this store, made at the first call."""
        ...

    async def ping(self) -> None:
        """Raise StoreUnavailable unless the store answers."""
        ...


class Store(SessionStore, TurnStore, UndeliveredTurns, PodStore, Protocol):
    """All of it."""

    async def close(self) -> None:
        """Release what is held, after what was accepted is committed."""
        ...
