"""What the messages of one turn's subject say, put together again.

A message is a record in JSON: ``[epoch, first, chunks]``. No chunks: a fence, put on top of whatever is
there; one of an older epoch than the turn has by then says nothing. ``first`` of ``RESET``: a fence that also
voids what came before, because it is not whole. ``EXPIRED``: this is all that is kept of the turn (its epoch
of 0 is below any claim's). A record longer than ``PIECE_BYTES`` comes in pieces, marked ``<``, ``+`` … and
``>``; without the last of them it says nothing.
"""

from collections.abc import Sequence

import msgspec

from antiphon.model import Chunk

PIECE_BYTES = 512 << 10
"""Half of what a server takes in a message unless it is told otherwise."""
EXPIRED, RESET = -1, -2


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One record; see the module."""

    epoch: int
    first: int
    chunks: list[Chunk]


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a record lies: its sequence number, its first chunk, and the one after its last."""

    sequence: int
    first: int
    after: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


def pieces_of(record: Record, most: int = PIECE_BYTES) -> list[bytes]:
    """Return the messages that carry a record."""
    data = _encode(record)
    if len(data) <= most:
        return [data]
    parts = [data[at : at + most] for at in range(0, len(data), most)]
    return [b"<" + parts[0], *(b"+" + part for part in parts[1:-1]), b">" + parts[-1]]


class Replay:
    """A turn as its messages tell it, taken in one after the other.

    ``gap``: its beginning is missing. ``void``: it was opened as broken, and nothing has been written since.
    ``start`` is the number of the first chunk that is taken in, where the messages before are known.
    """

    __slots__ = (
        "_pieces",
        "chunks",
        "ended",
        "epoch",
        "expired",
        "gap",
        "place",
        "sequence",
        "start",
        "void",
    )

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.epoch = 1
        self.sequence = 0
        self.chunks: list[Chunk] = []
        self.ended = False
        self.expired = False
        self.gap = False
        self.void = False
        self.place: Place | None = None
        self._pieces: list[bytes] = []

    @property
    def next(self) -> int:
        """The number of the chunk that comes next."""
        return self.start + len(self.chunks)

    def take_all(self, messages: Sequence[tuple[int, bytes]]) -> "Replay":
        """Take in messages (sequence number, payload), oldest first."""
        for sequence, data in messages:
            self.take(sequence, data)
        return self

    def take(self, sequence: int, data: bytes) -> None:
        """Take in one message."""
        self.sequence = sequence
        self.place = None
        mark = data[:1]
        if mark == b"<":
            self._pieces = [data[1:]]
        elif mark == b"+":
            self._pieces.append(data[1:])
        elif mark == b">":
            whole = b"".join([*self._pieces, data[1:]])
            self._pieces = []
            self._apply(_decode(whole))
        else:
            self._pieces = []
            record = _decode(data)
            self._apply(record)
            if not self.gap and not self.expired:
                self.place = Place(sequence, self.next - len(record.chunks), self.next)

    def _apply(self, record: Record) -> None:
        if record.first == EXPIRED:
            self.epoch, self.start, self.chunks = 0, 0, []
            self.ended = self.expired = True
        elif record.epoch < self.epoch:
            return
        elif record.first == RESET:
            self.start, self.chunks = 0, []
            self.ended = self.expired = self.gap = False
            self.void = True
        elif record.chunks:
            self._append(record)
        self.epoch = max(self.epoch, record.epoch)

    def _append(self, record: Record) -> None:
        if record.first == self.next and not self.gap:
            self.chunks += record.chunks
            self.void = False
            self.ended = record.chunks[-1].kind == "end"
        else:
            self.gap = True
