"""The log on NATS JetStream: a subject a turn, a message an append.

What fences is JetStream's optimistic lock: each message names the sequence number of the one before it on
its subject, and is refused if that is not the last (docs/decisions/009). So nothing is asked before an
append: the writer remembers its turns' last numbers, publishes a batch without waiting, and collects the
answers. Only a refusal is looked into, by reading the turn back.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from antiphon.connections.nats import NatsConnection
from antiphon.connections.nats_inbox import Inbox
from antiphon.errors import Fenced, StoreUnavailable
from antiphon.ids import now_ms
from antiphon.logs.nats_endings import Endings, Mark, read_back
from antiphon.logs.nats_records import RESET, Place, Record, Replay, pieces_of
from antiphon.logs.nats_stream import REFUSED, Post, Stream
from antiphon.logs.port import Append, Appended, Claim
from antiphon.model import Chunk

KEPT_NS = 48 * 3600 * 10**9
"""A turn that never ended is nobody's after two days."""
ATTEMPTS = 8
"""Each means that another writer was faster in the moment between a read and a write, or a replica slow."""
PAUSE_S = 0.02
MAX_REMEMBERED = 20_000

_LIMITS = {
    "retention": "limits",
    "discard": "old",
    "storage": "file",
    "max_age": KEPT_NS,
    "allow_direct": True,
}


class _Mine(msgspec.Struct, frozen=True, gc=False):
    """What this process knows of a turn it writes: its epoch, the next chunk's number, the last sequence."""

    epoch: int
    next: int
    sequence: int


class _Task(msgspec.Struct, gc=False):
    """A record on its way: the messages still to be sent, and the number they follow."""

    turn: str
    pieces: list[bytes]
    expected: int


_UNOPENED = _Mine(1, 0, 0)
_encode = msgspec.json.Encoder().encode


class NatsLog:
    """The Log port on JetStream. Streams ``<stream>`` and ``<stream>-ended`` are made when they are missing.

    An append over half a megabyte is several messages; it counts when the last of them is in.
    ``clock_skew_ms`` is how far the clocks of pods and server may be apart: one says when a turn was
    submitted, the other when the stream was made.
    """

    outlives_process = True

    def __init__(
        self,
        connection: NatsConnection,
        *,
        stream: str = "antiphon-log",
        replicas: int = 1,
        clock_skew_ms: int = 2_000,
    ) -> None:
        self._connection = connection
        inbox = Inbox(connection)
        limits = {**_LIMITS, "num_replicas": replicas}
        self._log = Stream(
            connection,
            inbox,
            stream,
            {**limits, "subjects": [f"{stream}.*"], "allow_rollup_hdrs": True, "allow_msg_ttl": True},
        )
        ends = Stream(
            connection,
            inbox,
            f"{stream}-ended",
            {**limits, "subjects": [f"{stream}-ended.*"], "max_msgs_per_subject": 1},
        )
        self._endings = Endings(self._log, ends)
        self._clock_skew_ms = clock_skew_ms
        self._mine: dict[str, _Mine] = {}
        self._places: dict[str, Place] = {}
        # Decisions are taken on what the batch before left.
        self._order = asyncio.Lock()

    async def append(self, batch: Sequence[Append]) -> list[Appended]:
        """See Log."""
        if not batch:
            return []
        async with self._order:
            with self._connection.errors():
                told, ended = await self._append(batch)
                await self._endings.mark(ended)
        return told

    async def open(self, claims: Sequence[Claim]) -> list[list[Chunk] | None]:
        """See Log. If a newer epoch opens a turn at this very moment, others may have been fenced already."""
        if not claims:
            return []
        async with self._order:
            with self._connection.errors():
                return await self._open(claims)

    async def read(self, places: Sequence[tuple[str, int]]) -> list[list[Chunk]]:
        """See Log."""
        if not places:
            return []
        with self._connection.errors():
            return await self._read(places)

    async def expire(self, ended_before: int) -> int:
        """See Log."""
        with self._connection.errors():
            return await self._endings.expire(ended_before)

    async def close(self) -> None:
        """See Log: the connection is another's to close."""

    async def _append(self, batch: Sequence[Append]) -> tuple[list[Appended], list[Mark]]:
        told: dict[str, Appended] = {}
        ended: list[Mark] = []
        sure: list[tuple[Append, _Mine]] = []
        for entry in batch:
            mine = self._mine.get(entry.turn, _UNOPENED)
            if mine.epoch == entry.epoch and entry.first <= mine.next < entry.first + len(entry.chunks):
                sure.append((entry, mine))
        refused = await self._write(sure, told, ended)
        unsure = [entry for entry in batch if entry.turn not in told]
        for attempt in range(ATTEMPTS):
            if not unsure:
                return [told[entry.turn] for entry in batch], ended
            # A replica that answers may not have heard yet of what refused us.
            await asyncio.sleep(PAUSE_S * attempt if refused else 0)
            found = await read_back(self._log, [entry.turn for entry in unsure])
            sure = []
            for entry, replay in zip(unsure, found, strict=True):
                verdict = self._judge(entry, replay)
                if verdict is not None:
                    told[entry.turn] = verdict
                    if verdict == "done" and replay.ended:
                        ended.append(Mark(entry.turn, now_ms(), replay.sequence))
                else:
                    sure.append((entry, _Mine(entry.epoch, replay.next, replay.sequence)))
            refused = await self._write(sure, told, ended)
            unsure = [entry for entry in unsure if entry.turn not in told]
        raise _restless()

    async def _write(
        self, sure: Sequence[tuple[Append, _Mine]], told: dict[str, Appended], ended: list[Mark]
    ) -> bool:
        """Write what follows on a known state; note what was done, return whether anything was refused."""
        if not sure:
            return False
        tasks = [
            _Task(
                entry.turn,
                pieces_of(Record(entry.epoch, mine.next, entry.chunks[mine.next - entry.first :])),
                mine.sequence,
            )
            for entry, mine in sure
        ]
        stored = await self._send(tasks)
        failure: StoreUnavailable | None = None
        refused = False
        for (entry, _), sequence in zip(sure, stored, strict=True):
            if isinstance(sequence, StoreUnavailable):
                failure = sequence
            elif sequence == REFUSED:
                refused = True
            else:
                told[entry.turn] = "done"
                if entry.chunks[-1].kind == "end":
                    self._mine.pop(entry.turn, None)
                    ended.append(Mark(entry.turn, now_ms(), sequence))
                else:
                    self._remember(entry.turn, _Mine(entry.epoch, entry.first + len(entry.chunks), sequence))
        if failure is not None:
            # What was told to be stored is remembered; the batch will be sent again.
            raise failure
        return refused

    def _judge(self, entry: Append, found: Replay) -> Appended | None:
        """Say what comes of an append to what is stored; None: it can be written."""
        after = entry.first + len(entry.chunks)
        if found.expired or entry.epoch < found.epoch:
            self._mine.pop(entry.turn, None)
            return "fenced"
        # It may look like a fresh turn: what was written before is gone then, and a fence may be too.
        vanished = not found.sequence and entry.turn in self._mine
        if vanished or found.gap or entry.epoch > found.epoch:
            return "behind"
        if after <= found.next:
            return "done"
        if found.ended:
            return "fenced"
        return "behind" if entry.first > found.next else None

    async def _open(self, claims: Sequence[Claim]) -> list[list[Chunk] | None]:
        subjects = [self._log.subject(claim.turn) for claim in claims]
        found = await read_back(self._log, [claim.turn for claim in claims])
        _refuse_older(claims, found)
        # Put on top of whatever is there by now: a writer that goes on could outrun a condition for long.
        fences = [
            Post(
                subject, _encode(Record(claim.epoch, RESET if replay.gap or replay.expired else 0, [])), None
            )
            for subject, claim, replay in zip(subjects, claims, found, strict=True)
        ]
        stored = [_sure(sequence) for sequence in await self._log.post(fences)]
        for attempt in range(ATTEMPTS):
            # What came between the read and the fence counts, and a replica may not have the fence yet.
            late = [n for n, replay in enumerate(found) if replay.sequence < stored[n]]
            if not late:
                break
            await asyncio.sleep(PAUSE_S * attempt)
            places = [(subjects[n], found[n].sequence + 1) for n in late]
            for n, messages in zip(late, await self._log.fetch(places), strict=True):
                found[n].take_all(messages)
        else:
            raise _restless()
        _refuse_older(claims, found)
        opened = [self._opened(claim, replay) for claim, replay in zip(claims, found, strict=True)]
        return await self._sift(claims, opened)

    def _opened(self, claim: Claim, replay: Replay) -> list[Chunk] | None:
        """Remember a turn that was opened; return its chunks, None if some are known to be lost."""
        lost = replay.void or (not replay.chunks and self._had_written(claim.turn))
        self._remember(claim.turn, _Mine(claim.epoch, replay.next, replay.sequence))
        return None if lost else replay.chunks

    def _had_written(self, turn: str) -> bool:
        mine = self._mine.get(turn)
        return mine is not None and mine.next > 0

    async def _sift(
        self, claims: Sequence[Claim], opened: Sequence[list[Chunk] | None]
    ) -> list[list[Chunk] | None]:
        """Return what was found, but None for an empty turn that is older than the stream."""
        if all(opened):
            return list(opened)
        # Asked last: a stream that was lost and made anew in between must not pass for the old one.
        made = await self._log.created() + self._clock_skew_ms
        return [
            None if not chunks and claim.created_at < made else chunks
            for claim, chunks in zip(claims, opened, strict=True)
        ]

    async def _read(self, places: Sequence[tuple[str, int]]) -> list[list[Chunk]]:
        known = [
            place if (place := self._places.get(turn)) is not None and place.first <= received else None
            for turn, received in places
        ]
        starts = [
            (self._log.subject(turn), place.sequence if place is not None else 0)
            for (turn, _), place in zip(places, known, strict=True)
        ]
        found: list[Replay | None] = [
            _replay_from(place, messages)
            for place, messages in zip(known, await self._log.fetch(starts), strict=True)
        ]
        # A place that is not there any more: the turn has expired, or the stream is another one.
        anew = [index for index, replay in enumerate(found) if replay is None]
        subjects = [(self._log.subject(places[index][0]), 0) for index in anew]
        for index, messages in zip(anew, await self._log.fetch(subjects), strict=True):
            found[index] = Replay().take_all(messages)
        chunks: list[list[Chunk]] = []
        for (turn, received), replay in zip(places, found, strict=True):
            assert replay is not None
            self._note_place(turn, replay.place)
            chunks.append([] if replay.gap else replay.chunks[max(0, received - replay.start) :])
        return chunks

    async def _send(self, tasks: Sequence[_Task]) -> list[int | StoreUnavailable]:
        """Send records, the pieces of each one after the other, all tasks side by side."""
        stored: list[int | StoreUnavailable] = [REFUSED] * len(tasks)
        left = list(range(len(tasks)))
        turn = 0
        while left:
            posts = [
                Post(self._log.subject(tasks[index].turn), tasks[index].pieces[turn], tasks[index].expected)
                for index in left
            ]
            for index, sequence in zip(left, await self._log.post(posts), strict=True):
                stored[index] = sequence
                if isinstance(sequence, int):
                    tasks[index].expected = sequence
            turn += 1
            left = [
                index
                for index in left
                if len(tasks[index].pieces) > turn
                and not isinstance(stored[index], StoreUnavailable)
                and stored[index] != REFUSED
            ]
        return stored

    def _remember(self, turn: str, mine: _Mine) -> None:
        self._mine[turn] = mine
        if len(self._mine) > MAX_REMEMBERED:
            # Forgetting costs a read, should it go on.
            del self._mine[next(iter(self._mine))]

    def _note_place(self, turn: str, place: Place | None) -> None:
        self._places.pop(turn, None)
        if place is not None:
            self._places[turn] = place
            if len(self._places) > MAX_REMEMBERED:
                del self._places[next(iter(self._places))]


def _refuse_older(claims: Sequence[Claim], found: Sequence[Replay]) -> None:
    newer = sum(replay.epoch > claim.epoch for claim, replay in zip(claims, found, strict=True))
    if newer:
        raise Fenced(f"{newer} of the turns were opened under a newer epoch.")


def _sure(sequence: int | StoreUnavailable) -> int:
    if isinstance(sequence, StoreUnavailable):
        raise sequence
    if sequence == REFUSED:  # nothing was expected, so the stream has just vanished
        raise _restless()
    return sequence


def _restless() -> StoreUnavailable:
    return StoreUnavailable("NATS could not be used (what it stores changes all the time).", retry_after=1)


def _replay_from(place: Place | None, messages: Sequence[tuple[int, bytes]]) -> Replay | None:
    """Replay a turn from a known place on; None if that place is not there."""
    if place is None:
        return Replay().take_all(messages)
    if not messages or messages[0][0] != place.sequence:
        return None
    replay = Replay(place.first).take_all(messages[:1])
    if replay.place != place:
        return None
    return replay.take_all(messages[1:])
