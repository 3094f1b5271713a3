"""The log on SQLite: one row a commit, whatever the number of turns in it.

A row a chunk with an index by turn costs 5-8 µs a chunk at 1,000 running turns, most of it spent on
touching hundreds of index pages a commit; one row a commit is one insert (docs/decisions/002). What is
paid for it: to read a turn back, the rows since its first chunk are scanned. That is rare: readers of the
writing process are served from memory, ended turns from the store, and a takeover reads all its turns in
one scan.

The log's tables are ``log_ticks`` (the rows), ``log_turns`` (epoch and first row of each turn) and
``log_fence`` (a generation that every takeover increases: while it stands still, no epoch but those this
process knows of can have changed, so that fencing costs one read a commit).
"""

import asyncio
from collections.abc import Sequence

import msgspec

from antiphon.errors import Fenced
from antiphon.ids import now_ms
from antiphon.logs.port import Append, Appended, Claim
from antiphon.model import Chunk
from antiphon.stores.sql.connection import Connection, Rows
from antiphon.stores.sql.store import Executor

# A turn that never ended pins the rows since its first chunk; after a day it is nobody's any more.
ABANDONED_AFTER_MS = 24 * 3600 * 1000

_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(list[Append]).decode

_GENERATION = "SELECT generation FROM log_fence WHERE id = 1"
_BUMP = (
    "INSERT INTO log_fence (id, generation) VALUES (1, 1) "
    "ON CONFLICT (id) DO UPDATE SET generation = generation + 1"
)
_NEXT_TICK = "SELECT coalesce(max(id), 0) + 1 FROM log_ticks"
_APPEND = "INSERT INTO log_ticks (id, payload) VALUES (?, ?)"
_TURNS = "SELECT turn, epoch, first_tick FROM log_turns WHERE turn IN (SELECT value FROM json_each(?))"
_START = (
    "INSERT INTO log_turns (turn, epoch, first_tick, started_at) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (turn) DO NOTHING"
)
_REFENCE = "UPDATE log_turns SET epoch = ? WHERE turn = ?"
_END = "UPDATE log_turns SET ended_at = ? WHERE turn = ?"
_TICKS = "SELECT payload FROM log_ticks WHERE id >= ? ORDER BY id"
_TICKS_OF = "SELECT payload FROM log_ticks WHERE id >= ? AND instr(payload, CAST(? AS BLOB)) ORDER BY id"
_EXPIRE = "DELETE FROM log_turns WHERE ended_at < ? OR (ended_at IS NULL AND started_at < ?)"
# The newest row stays, so that numbers never go back: a turn that was opened waits for the next one.
_TRIM = (
    "DELETE FROM log_ticks WHERE id < (SELECT max(id) FROM log_ticks) "
    "AND id < coalesce((SELECT min(first_tick) FROM log_turns), id + 1)"
)


class _State(msgspec.Struct, frozen=True):
    """What this process knows of a turn it writes: the newest epoch as of a generation, the next number."""

    epoch: int
    next: int
    generation: int
    ended: bool = False


_UNOPENED = _State(1, 0, -1)


class _Plan(msgspec.Struct):
    """What one append decided, to be remembered once it is committed."""

    accepted: list[Appended]
    states: dict[str, _State]


class SqliteLog:
    """The Log port on an SQLite executor; appends join the group commits of the store."""

    outlives_process = True

    def __init__(self, executor: Executor) -> None:
        self._db = executor
        self._states: dict[str, _State] = {}
        # Decisions are taken on the state that the commit before left.
        self._order = asyncio.Lock()

    async def append(self, batch: Sequence[Append]) -> list[Appended]:
        """See Log."""
        async with self._order:
            try:
                plan = await self._db.write(lambda c: self._append(c, batch))
            except BaseException:
                # Whether it was committed is unknown (cancelled, or the answer was lost): read it anew.
                for entry in batch:
                    self._states.pop(entry.turn, None)
                raise
            for turn, state in plan.states.items():
                if state.ended:
                    self._states.pop(turn, None)
                else:
                    self._states[turn] = state
        return plan.accepted

    async def open(self, claims: Sequence[Claim]) -> list[list[Chunk] | None]:
        """See Log."""
        async with self._order:
            chunks, generation = await self._db.write(lambda c: self._open(c, claims))
            for claim, found in zip(claims, chunks, strict=True):
                self._states[claim.turn] = _state(claim.epoch, found, generation)
        return list(chunks)

    async def read(self, places: Sequence[tuple[str, int]]) -> list[list[Chunk]]:
        """See Log."""
        return await self._db.read(lambda c: _read(c, places))

    async def expire(self, ended_before: int) -> int:
        """See Log."""
        return await self._db.write(lambda c: _expire(c, ended_before))

    async def close(self) -> None:
        """See Log: the executor is the store's to close."""

    def _append(self, conn: Connection, batch: Sequence[Append]) -> _Plan:
        generation = conn.exec_driver_sql(_GENERATION).scalar() or 0
        tick = int(conn.exec_driver_sql(_NEXT_TICK).scalar_one())
        states = self._current(conn, batch, generation, tick)
        accepted: list[Appended] = []
        written: list[Append] = []
        ended: list[tuple[int, str]] = []
        for entry in batch:
            state = states.get(entry.turn, _UNOPENED)
            after = entry.first + len(entry.chunks)
            told = _judge(entry, state)
            accepted.append(told)
            if told == "done" and after > state.next:
                written.append(
                    Append(entry.turn, entry.epoch, state.next, entry.chunks[state.next - entry.first :])
                )
                closes = entry.chunks[-1].kind == "end"
                if closes:
                    ended.append((now_ms(), entry.turn))
                states[entry.turn] = _State(state.epoch, after, generation, closes)
        if written:
            conn.exec_driver_sql(_APPEND, (tick, _encode(written)))
        if ended:
            conn.exec_driver_sql(_END, ended)
        return _Plan(accepted, states)

    def _current(
        self, conn: Connection, batch: Sequence[Append], generation: int, tick: int
    ) -> dict[str, _State]:
        """Return the states of the batch's turns: remembered, read anew where memory may be out of date.

        First chunks of first attempts are entered on the way; where that finds the turn there already, its
        state is read as well.
        """
        states = {
            e.turn: known
            for e in batch
            if (known := self._states.get(e.turn)) is not None and known.generation == generation
        }
        unknown = [e for e in batch if e.turn not in states]
        fresh = [e.turn for e in unknown if e.epoch == 1 and e.first == 0]
        asked = [e.turn for e in unknown if not (e.epoch == 1 and e.first == 0)]
        if fresh:
            now = now_ms()
            entered = conn.exec_driver_sql(_START, [(turn, 1, tick, now) for turn in fresh]).rowcount
            if entered < len(fresh):
                asked += fresh
        if asked:
            for turn, epoch, first_tick in conn.exec_driver_sql(_TURNS, (_encode(asked),)).all():
                mine = self._states.get(turn)
                if mine is not None and mine.epoch == epoch:
                    states[turn] = _State(epoch, mine.next, generation, mine.ended)
                else:
                    found = _scan(conn, first_tick, {turn})[turn] if first_tick < tick else []
                    states[turn] = _state(epoch, found, generation)
        return states

    def _open(self, conn: Connection, claims: Sequence[Claim]) -> tuple[list[list[Chunk]], int]:
        wanted = {claim.turn: claim.epoch for claim in claims}
        known = {
            turn: (epoch, first)
            for turn, epoch, first in conn.exec_driver_sql(_TURNS, (_encode(list(wanted)),)).all()
        }
        newer = [turn for turn, (epoch, _) in known.items() if epoch > wanted[turn]]
        if newer:
            raise Fenced(f"{len(newer)} of the turns were opened under a newer epoch.")
        tick = int(conn.exec_driver_sql(_NEXT_TICK).scalar_one())
        new = [(turn, epoch, tick, now_ms()) for turn, epoch in wanted.items() if turn not in known]
        conn.exec_driver_sql(_BUMP)
        if new:
            conn.exec_driver_sql(_START, new)
        if known:
            conn.exec_driver_sql(_REFENCE, [(wanted[turn], turn) for turn in known])
            found = _scan(conn, min(first for _, first in known.values()), set(known))
        else:
            found = {}
        generation = int(conn.exec_driver_sql(_GENERATION).scalar_one())
        return [found.get(claim.turn, []) for claim in claims], generation


def _state(epoch: int, chunks: list[Chunk], generation: int) -> _State:
    return _State(epoch, len(chunks), generation, bool(chunks) and chunks[-1].kind == "end")


def _judge(entry: Append, state: _State) -> Appended:
    if entry.epoch != state.epoch:
        return "fenced" if entry.epoch < state.epoch else "behind"
    if entry.first + len(entry.chunks) <= state.next:
        return "done"
    if state.ended:
        return "fenced"
    return "done" if entry.first <= state.next else "behind"


def _scan(conn: Connection, first_tick: int, turns: set[str]) -> dict[str, list[Chunk]]:
    """Collect the chunks of the turns from all rows since the first."""
    return _collect(conn.exec_driver_sql(_TICKS, (first_tick,)), turns)


def _collect(rows: Rows, turns: set[str]) -> dict[str, list[Chunk]]:
    found: dict[str, list[Chunk]] = {turn: [] for turn in turns}
    for (payload,) in rows:
        for entry in _decode(payload):
            if entry.turn in found:
                found[entry.turn] += entry.chunks
    return found


def _read(conn: Connection, places: Sequence[tuple[str, int]]) -> list[list[Chunk]]:
    turns = [turn for turn, _ in places]
    firsts = {row.turn: row.first_tick for row in conn.exec_driver_sql(_TURNS, (_encode(turns),)).all()}
    if len(firsts) == 1:
        ((turn, first),) = firsts.items()
        found = _collect(conn.exec_driver_sql(_TICKS_OF, (first, turn)), {turn})
    elif firsts:
        found = _scan(conn, min(firsts.values()), set(firsts))
    else:
        found = {}
    return [found.get(turn, [])[received:] for turn, received in places]


def _expire(conn: Connection, ended_before: int) -> int:
    dropped = conn.exec_driver_sql(_EXPIRE, (ended_before, now_ms() - ABANDONED_AFTER_MS)).rowcount
    if dropped:
        conn.exec_driver_sql(_TRIM)
    return dropped
