"""Chunks from the pod that runs a turn to the pods where its readers are.

A pod that has readers of a turn it does not run says so on the bus (``follow``, with the number of chunks
it has). The pod that runs the turn then treats it like a reader of its own: it attaches it to the turn's
channel and sends what is committed from there on, once a step of the event loop for all turns together. So
nothing is sent that is not committed, nothing is read from the log while all goes well, and a loss on the
way shows as a gap in the numbers, upon which the log is read. A pod that takes turns over says so
(``taken``), and is asked again.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import structlog

from antiphon.buses.port import Bus
from antiphon.engine.deliver import Channel, Hub
from antiphon.errors import CursorExpired
from antiphon.model import Chunk, Turn

logger = structlog.get_logger(__name__)
_encode = msgspec.json.encode
# turn id, number of the first chunk, chunks; no chunks: look in the log what there is.
_decode_fed = msgspec.json.Decoder(list[tuple[str, int, list[Chunk]]]).decode


class _Follow(msgspec.Struct, frozen=True, array_like=True):
    """A pod wants turns, each from the number of chunks it has; -1: not any more."""

    pod: str
    turns: list[tuple[str, int]]


_decode_follow = msgspec.json.Decoder(_Follow).decode
_decode_taken = msgspec.json.Decoder(list[str]).decode
NO_MORE = -1
REMEMBERED = 256
"""Turns that ended here most lately, for those who ask a little late."""
ENVELOPE = 256
"""Bytes a message takes besides its entries, at most."""


class _FarReader:
    """A pod as a reader of one turn."""

    __slots__ = ("_gone", "_pod", "_send")

    def __init__(
        self, pod: str, send: Callable[[str, bytes], None], gone: Callable[[str, str], None]
    ) -> None:
        self._pod = pod
        self._send = send
        self._gone = gone

    def feed(self, turn: Turn, first: int, chunks: Sequence[Chunk], memo: dict[Any, bytes]) -> None:
        """See Reader."""
        data = memo.get(_FarReader)
        if data is None:
            data = memo[_FarReader] = _encode((turn.id, first, chunks))
        self._send(self._pod, data)
        if chunks[-1].kind == "end":
            self._gone(self._pod, turn.id)

    def lost(self, turn: Turn) -> None:
        """See Reader: somebody else will have the turn; that pod asks for it when it hears of it."""
        self._gone(self._pod, turn.id)


class Relay:
    """Both sides of it, for one pod."""

    def __init__(self, pod: str, bus: Bus, hub: Hub) -> None:
        self._pod = pod
        self._bus = bus
        self._hub = hub
        self._readers: dict[tuple[str, str], tuple[Channel, _FarReader]] = {}
        self._outbox: dict[str, list[bytes]] = {}
        self._wanted: dict[str, int] = {}
        # Short replies are over before the pods that follow them have learnt where they run.
        self._over: dict[str, Channel] = {}
        self._taken: list[str] = []
        self._flushing = False
        hub.remote = self
        self._ends = (
            bus.subscribe("follow", self._on_follow),
            bus.subscribe("taken", self._on_taken),
            bus.subscribe(f"pod.{pod}", self._on_fed),
        )

    def close(self) -> None:
        """Hear nothing any more."""
        for end in self._ends:
            end()

    def follow(self, channel: Channel) -> None:
        """See Remote."""
        self._wanted[channel.turn.id] = len(channel.chunks)
        self._flush_soon()

    def unfollow(self, turn_id: str) -> None:
        """See Remote."""
        self._wanted[turn_id] = NO_MORE
        self._flush_soon()

    def ended(self, channel: Channel) -> None:
        """See Remote."""
        self._over[channel.turn.id] = channel
        if len(self._over) > REMEMBERED:
            del self._over[next(iter(self._over))]

    def taken(self, turn_id: str) -> None:
        """Tell the pods that follow the turn that it runs here now."""
        self._taken.append(turn_id)
        self._flush_soon()

    def _on_follow(self, text: str) -> None:
        asked = _decode_follow(text)
        if asked.pod == self._pod:
            return
        for turn_id, received in asked.turns:
            self._drop(asked.pod, turn_id)
            channel = self._hub.fed(turn_id) or self._over.get(turn_id)
            if channel is not None and received != NO_MORE:
                self._attach(asked.pod, channel, received)

    def _attach(self, pod: str, channel: Channel, received: int) -> None:
        reader = _FarReader(pod, self._send, self._forget)
        self._readers[pod, channel.turn.id] = channel, reader
        try:
            channel.attach(reader, received)
        except CursorExpired:
            # It has more than this pod has committed: chunks of a log that was lost. The store decides.
            self._forget(pod, channel.turn.id)

    def _drop(self, pod: str, turn_id: str) -> None:
        known = self._readers.pop((pod, turn_id), None)
        if known is not None:
            channel, reader = known
            channel.detach(reader)

    def _forget(self, pod: str, turn_id: str) -> None:
        self._readers.pop((pod, turn_id), None)

    def _on_taken(self, text: str) -> None:
        for turn_id in _decode_taken(text):
            channel = self._hub.unfed(turn_id)
            if channel is not None:
                self.follow(channel)

    def _on_fed(self, text: str) -> None:
        for turn_id, first, chunks in _decode_fed(text):
            if not self._hub.take(turn_id, first, chunks) and not (chunks and chunks[-1].kind == "end"):
                self.unfollow(turn_id)

    def _send(self, pod: str, entry: bytes) -> None:
        self._outbox.setdefault(pod, []).append(entry)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Send all that this step of the event loop has brought together."""
        self._flushing = False
        outbox, self._outbox = self._outbox, {}
        most = self._bus.most_bytes - ENVELOPE
        for pod, entries in outbox.items():
            short = [entry if len(entry) <= most else _look_instead(entry) for entry in entries]
            for part in _parts(short, most):
                self._bus.publish(f"pod.{pod}", part)
        if self._wanted:
            wanted, self._wanted = self._wanted, {}
            for part in _parts([_encode(pair) for pair in wanted.items()], most):
                self._bus.publish("follow", f'["{self._pod}",{part}]')
        if self._taken:
            taken, self._taken = self._taken, []
            for part in _parts([_encode(turn_id) for turn_id in taken], most):
                self._bus.publish("taken", part)


def _look_instead(entry: bytes) -> bytes:
    """Return an entry that tells of the same chunks without them, for those too long for the bus."""
    turn_id, first, chunks = msgspec.json.decode(entry)
    return _encode((turn_id, first + len(chunks), []))


def _parts(entries: Sequence[bytes], most: int) -> Iterator[str]:
    """Join entries to JSON arrays of bounded size."""
    part: list[bytes] = []
    size = 0
    for entry in entries:
        if part and size + len(entry) + 1 > most:
            yield f"[{b','.join(part).decode()}]"
            part, size = [], 0
        part.append(entry)
        size += len(entry) + 1
    if part:
        yield f"[{b','.join(part).decode()}]"
