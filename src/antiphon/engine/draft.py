"""One attempt at a reply, as it grows: what the provider has put and the log has not yet got."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from antiphon.engine.deliver import Channel
from antiphon.errors import TooLarge
from antiphon.ids import now_ms
from antiphon.logs.port import Append
from antiphon.model import Chunk, Turn

MERGED = ("content", "reasoning")


class Desk(Protocol):
    """Who commits drafts."""

    busy: bool
    """Whether commits are held back to be shared. Reading from providers is then held back as well."""

    pieces: int
    """How many pieces drafts were given and have handed over: about as many as tokens."""

    def assign_phase(self) -> int:
        """Return the part of the tick in which a new draft is committed."""
        ...

    def mark(self, draft: "Draft") -> None:
        """Note that the draft has something to commit."""
        ...

    def hold(self, draft: "Draft", resume: Callable[[], None]) -> None:
        """Call ``resume`` shortly before the draft's next commit."""
        ...


class Draft:
    """The Sink of one attempt. Pieces that wait for the same commit become one chunk.

    ``fail`` ends the attempt with an error when a bound is exceeded.
    """

    __slots__ = (
        "_chars",
        "_desk",
        "_marked",
        "_pending",
        "_pending_chars",
        "begun_at",
        "channel",
        "chunks",
        "fail",
        "limits",
        "phase",
        "turn",
    )

    def __init__(
        self,
        turn: Turn,
        channel: Channel,
        limits: tuple[int, int, int],
        desk: Desk,
        fail: Callable[[Exception], None],
    ) -> None:
        # When the first piece came, in Unix milliseconds.
        self.begun_at: int | None = None
        self.turn = turn
        self.channel = channel
        self.chunks = list(channel.chunks)
        self.limits = limits
        self.phase = desk.assign_phase()
        self.fail = fail
        self._desk = desk
        self._marked = False
        self._pending: list[Chunk] = []
        self._pending_chars = 0
        self._chars = sum(len(chunk.text) for chunk in self.chunks)

    def content(self, text: str) -> bool:
        """See Sink."""
        return self._take_in(Chunk("content", text))

    def reasoning(self, text: str) -> bool:
        """See Sink."""
        return self._take_in(Chunk("reasoning", text))

    def tool(self, delta: str) -> bool:
        """See Sink."""
        return self._take_in(Chunk("tool", delta))

    def on_drain(self, resume: Callable[[], None]) -> None:
        """See Sink."""
        self._desk.hold(self, resume)

    def _take_in(self, chunk: Chunk) -> bool:
        """Add what the provider put, within the bounds; tell whether there is room before the next commit."""
        self.put(chunk)
        size = len(chunk.text)
        self._pending_chars += size
        self._chars += size
        most_pending, most_chars, most_chunks = self.limits
        if self._chars > most_chars or len(self.chunks) > most_chunks:
            self.fail(TooLarge(f"The reply exceeded {most_chars} characters or {most_chunks} chunks."))
        return self._pending_chars < most_pending and not self._desk.busy

    def put(self, chunk: Chunk) -> None:
        """Add a chunk."""
        self._pending.append(chunk)
        if not self._marked:
            self._marked = True
            self._desk.mark(self)
            if self.begun_at is None:
                self.begun_at = now_ms()

    def seam(self) -> None:
        """Note that this attempt goes on where another ended."""
        self.put(Chunk("seam", msgspec.json.encode({"epoch": self.turn.epoch}).decode()))

    def reset(self, reason: str) -> None:
        """Declare all that came before void."""
        told = {"reason": reason, "epoch": self.turn.epoch}
        self.put(Chunk("reset", msgspec.json.encode(told).decode()))

    @property
    def begun(self) -> bool:
        """Whether anything has been put, in this attempt or an earlier one."""
        return bool(self.chunks or self._pending)

    @property
    def first_token_ms(self) -> int | None:
        """How long after the turn's creation its first text came.

        None if an earlier attempt began the reply, or something else than text came first.
        """
        first = next(iter(self.chunks or self._pending), None)
        if self.begun_at is None or self.turn.epoch > 1 or first is None or first.kind not in MERGED:
            return None
        return max(0, self.begun_at - self.turn.created_at)

    def take(self) -> Append | None:
        """Number what is pending and hand it over to be committed."""
        self._marked = False
        self._desk.pieces += len(self._pending)
        pending = merge(self._pending)
        if not pending:
            return None
        entry = Append(self.turn.id, self.turn.epoch, len(self.chunks), pending)
        self.chunks += pending
        self._pending = []
        self._pending_chars = 0
        return entry

    def all_chunks(self) -> list[Chunk]:
        """Return every chunk of the turn so far, committed or about to be."""
        return self.chunks + merge(self._pending)


def merge(pieces: list[Chunk]) -> list[Chunk]:
    """Join neighbouring pieces of text of one kind."""
    if len(pieces) < 2:  # noqa: PLR2004 - nothing to join
        return pieces
    merged: list[Chunk] = []
    run: list[str] = []
    for i, piece in enumerate(pieces):
        run.append(piece.text)
        following = pieces[i + 1].kind if i + 1 < len(pieces) else None
        if following != piece.kind or piece.kind not in MERGED:
            merged.append(Chunk(piece.kind, run[0] if len(run) == 1 else "".join(run)))
            run = []
    return merged


def text_of(chunks: list[Chunk]) -> str:
    """Return the reply: content since the last reset."""
    start = max((i for i, chunk in enumerate(chunks) if chunk.kind == "reset"), default=-1) + 1
    return "".join(chunk.text for chunk in chunks[start:] if chunk.kind == "content")
