"""Where truth lives.

Small ports, one a concern; a store implements all of them. Every call that names a principal denies
across principals: what belongs to another is NotFound. Every call is one transaction.
Errors of a driver arrive as StoreUnavailable.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from antiphon.model import Chunk, End, Message, Post, Principal, Session, Turn, TurnState
from antiphon.stores.archive_port import ArchiveStore, SessionPlace

Latest = Literal["latest"]
Finished = Literal["done", "fenced", "gone"]


class NewTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a reply, ready to be stored.

    ``text`` is the user's message, or None to answer ``prompt_id`` once more. ``parent_id`` is the reply
    that the message follows: ``"latest"`` (of the session's newest turn), None (the beginning: a new branch
    from the root), or a reply's id. ``given`` is what a model is to be sent instead of the text, as
    messages in the form of OpenAI's chat completions: for images and results of tools. ``claim_for`` is the
    pod that starts on it at once; None queues it, and so does a pod that has no lease any more. With
    ``create_session`` an unknown session is created for the principal. ``max_active`` bounds the session's
    turns that have not ended, ``max_queued`` the turns of all that wait for a pod, ``history_limit`` the
    exchanges returned with the turn.
    """

    session_id: str
    bot: str
    model: str
    text: str | None
    prompt_id: str | None = None
    sender: str = "user"
    parent_id: str | Latest | None = "latest"
    given: list[dict[str, Any]] = []
    params: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    context: dict[str, Any] = {}
    idempotency_key: str | None = None
    create_session: bool = False
    claim_for: str | None = None
    max_active: int = 4
    max_queued: int = 1_000
    history_limit: int = 200


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A user message and the reply that came before it on its branch (None at the beginning).

    ``calls`` are the tool calls of that reply. ``given`` is the user's message where it was more than a text:
    one or several messages in OpenAI's form (see ``NewTurn.given``).
    """

    before: str | None
    text: str
    calls: list[dict[str, Any]] = []
    given: list[dict[str, Any]] = []


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


class PodState(msgspec.Struct, frozen=True, kw_only=True):
    """A registered pod: when it began (Unix ms), what is left of its lease (ms; over: below 0), its turns."""

    id: str
    started_at: int
    lease_left: int
    works: bool
    running: int


class Standing(msgspec.Struct, frozen=True):
    """The number of a session's newest turn, and when the session was created (Unix ms).

    Another session that is made under the id of a deleted one was created at another time.
    """

    turn_count: int
    created_at: int


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

    async def sessions(
        self, principal: Principal, before: SessionPlace | None, limit: int, *, archived: bool = False
    ) -> Sequence[Session]:
        """Return the principal's sessions after that place in the list, the last used first.

        Those that are not archived, or only those that are.
        """
        ...

    async def busy(self, session_ids: Sequence[str]) -> Collection[str]:
        """Return those of the sessions that have a turn that has not ended."""
        ...

    async def update_session(
        self,
        principal: Principal,
        session_id: str,
        title: str | None,
        context: dict[str, Any] | None,
        *,
        archived: bool | None = None,
    ) -> Session:
        """Change what is not None; it counts as no use of the session. Raises NotFound."""
        ...

    async def delete_session(self, principal: Principal, session_id: str) -> Session:
        """Delete a session with its messages and turns; return what it was. Raises NotFound."""
        ...

    async def messages(
        self, principal: Principal, session_id: str, before: int | None, limit: int
    ) -> Sequence[Message]:
        """Return the newest messages with an ordinal below ``before``, oldest first. Raises NotFound."""
        ...

    async def message(self, principal: Principal, message_id: str) -> Message:
        """Return one message. Raises NotFound."""
        ...

    async def delete_turn(self, principal: Principal, turn_id: str) -> None:
        """Delete a turn that has ended, with its reply and the message it alone answers.

        A session left without any turn is deleted too. Raises NotFound, Conflict (it has not ended).
        """
        ...


class TurnStore(Protocol):
    """Requests for replies, from submission to end."""

    async def submit(self, principal: Principal, new: NewTurn) -> Submitted:
        """Store the user message and its turn together, once per idempotency key of the session.

        A session that was archived is so no longer. Raises NotFound (session, parent or prompt), Conflict
        (the key was used for another text), RateLimited (``max_active``), Overloaded (``max_queued``).
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

        ``done`` also if this epoch has ended it before: a call whose answer was lost may be repeated.
        Else it stores nothing: ``fenced`` if the turn's epoch is no longer ``turn.epoch``, ``gone`` if it
        was deleted with its session.
        """
        ...

    async def request_stop(self, principal: Principal, turn_id: str) -> Turn:
        """Mark the turn to be stopped; no effect on an ended one. Raises NotFound."""
        ...

    async def mark_delivered(self, turn_ids: Sequence[str]) -> None:
        """Remember that a subscriber of the session received these replies to their end."""
        ...


class FollowStore(Protocol):
    """What followers have to be given, and what they may have missed."""

    async def undelivered(self, principal: Principal, session_id: str, ended_after: int) -> Sequence[Turn]:
        """Return turns that run, or ended after that time and were not marked delivered, in order.

        Returns nothing for a session that does not exist. Raises NotFound if it is another principal's.
        """
        ...

    async def ended(self, turn_ids: Sequence[str]) -> Sequence[str]:
        """Return those of the turns that have ended or are gone."""
        ...

    async def standings(self, session_ids: Sequence[str]) -> Mapping[str, Standing]:
        """Return how each of the sessions stands that exists."""
        ...

    async def message_count(self, session_id: str) -> int:
        """Return how many messages the session has."""
        ...


class PlaceStore(Protocol):
    """Where clients of a session stand that do not remember it themselves."""

    async def place(self, session_id: str, client_id: str) -> str | None:
        """Return the cursor noted last for this client of the session, None if there is none."""
        ...

    async def note_places(self, places: Sequence[tuple[str, str, str]]) -> None:
        """Note the cursor of each (session, client, cursor); those of sessions that are gone are dropped.

        They go with their session.
        """
        ...


class BoardStore(Protocol):
    """One board of short messages, for all to read."""

    async def post(self, sender: str, message: str) -> Post:
        """Store a message and return it. Ids grow in the order in which posts become visible."""
        ...

    async def posts(self, before: int | None, limit: int) -> Sequence[Post]:
        """Return the newest posts with an id below ``before``, newest first."""
        ...


class PodStore(Protocol):
    """Processes and their leases, by the store's own clock. Times are in milliseconds."""

    async def heartbeat(self, pod: str, lease: int, *, works: bool) -> bool:
        """Extend the pod's lease to so long from now; ``works`` tells whether it runs turns.

        Returns False if the pod was not registered: it is new, or it was buried and its turns are others'
        now.
        """
        ...

    async def bury(self, keep: str, silent: int = 0) -> int:
        """Remove pods whose lease ended more than ``silent`` ago and queue their turns; return how many.

        ``keep`` is never buried. A ``silent`` of minus forever buries all others.
        """
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


class FleetStore(Protocol):
    """Who is there, to be looked at."""

    async def fleet(self) -> Sequence[PodState]:
        """Return all pods that are registered, the first to begin first, as of one moment."""
        ...


class ClaimStore(Protocol):
    """Who runs which turn."""

    async def claim(self, pod: str, limit: int) -> Sequence[Turn]:
        """Give queued turns, oldest first, to a registered pod, each under a new epoch.

        At most ``limit``, and at most this pod's share of what waits (but a few in any case), so that the
        pods that work get about as much each. Nothing for a pod that is not registered.
        """
        ...

    async def owns(self, turn: Turn) -> bool:
        """Tell whether the turn runs under ``turn.epoch`` now."""
        ...

    async def stops(self, pod: str) -> Sequence[str]:
        """Return the pod's running turns that somebody asked to stop."""
        ...

    async def held(self, pod: str) -> Sequence[tuple[str, int]]:
        """Return id and epoch of all turns that the pod is said to run."""
        ...

    async def queued(self) -> int:
        """Return how many turns wait for a pod."""
        ...

    async def requeue(self, turns: Sequence[tuple[str, int]]) -> int:
        """Queue those turns that still run under the epoch given; return how many."""
        ...


class Store(
    SessionStore,
    ArchiveStore,
    TurnStore,
    FollowStore,
    PlaceStore,
    BoardStore,
    PodStore,
    FleetStore,
    ClaimStore,
    Protocol,
):
    """All of it."""

    async def close(self) -> None:
        """Release what is held, after what was accepted is committed."""
        ...
