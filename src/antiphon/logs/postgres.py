"""The log on PostgreSQL: a row an append, and a head for each turn that says how far it is.

``chunk_heads`` holds epoch and next number of each turn; ``chunk_rows`` what was appended, one row an entry.
An append moves the heads of its whole batch and inserts its rows in one statement. Under READ COMMITTED an
UPDATE that waited for another transaction checks its conditions again on what that one left, so that an
attempt which was fenced meanwhile moves no head, and rows are inserted only for heads that moved.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.errors import Fenced
from antiphon.ids import now_ms
from antiphon.logs.port import Append, Appended, Claim
from antiphon.model import Chunk
from antiphon.stores.postgres import PostgresExecutor

# A turn that never ended is nobody's any more after a day.
ABANDONED_AFTER_MS = 24 * 3600 * 1000
EXPIRE_AT_ONCE = 100
# For what may touch very many rows.
LONG_S = 30.0

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Chunk]).decode

_ENTRIES = (
    "unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::bytea[], $6::bool[]) "
    "AS entry(turn, epoch, first, next, payload, ends)"
)
_MOVE = f"""
    UPDATE chunk_heads AS head
    SET next = entry.next, ended = entry.ends, over_at = CASE WHEN entry.ends THEN $7 ELSE over_at END
    FROM {_ENTRIES}
    WHERE head.turn = entry.turn AND head.epoch = entry.epoch AND head.next = entry.first AND NOT head.ended
    RETURNING head.turn, entry.first, entry.payload
"""  # noqa: S608 - of constants
# Turns that go on.
_APPEND = f"""
    WITH moved AS ({_MOVE}),
    stored AS (INSERT INTO chunk_rows (turn, first, payload) SELECT turn, first, payload FROM moved)
    SELECT turn FROM moved
"""  # noqa: S608 - of constants
# The same where first chunks of first attempts are among them, whose turns have no head yet.
_APPEND_AND_BEGIN = f"""
    WITH moved AS ({_MOVE}),
    begun AS (
        INSERT INTO chunk_heads (turn, epoch, next, ended, over_at)
        SELECT turn, epoch, next, ends, CASE WHEN ends THEN $7 ELSE $7 + {ABANDONED_AFTER_MS} END
        FROM {_ENTRIES}
        WHERE epoch = 1 AND first = 0
        ON CONFLICT (turn) DO NOTHING
        RETURNING turn
    ),
    begun_entries AS (
        SELECT entry.turn, entry.first, entry.payload FROM {_ENTRIES} JOIN begun ON begun.turn = entry.turn
    ),
    stored AS (
        INSERT INTO chunk_rows (turn, first, payload)
        SELECT * FROM moved UNION ALL SELECT * FROM begun_entries
    )
    SELECT turn FROM moved UNION ALL SELECT turn FROM begun
"""  # noqa: S608 - of constants
# In the order of their names, so that two transactions never wait for each other.
_LOCK = "SELECT turn, epoch, next, ended FROM chunk_heads WHERE turn = ANY($1) ORDER BY turn FOR UPDATE"
# A head that a newer epoch holds stays as it is, and is not returned.
_OPEN = """
    INSERT INTO chunk_heads AS head (turn, epoch, next, ended, over_at)
    SELECT turn, epoch, 0, false, $3 FROM unnest($1::text[], $2::int[]) AS claim(turn, epoch) ORDER BY turn
    ON CONFLICT (turn) DO UPDATE SET epoch = excluded.epoch WHERE head.epoch <= excluded.epoch
    RETURNING turn
"""
_ROWS = "SELECT turn, payload FROM chunk_rows WHERE turn = ANY($1) ORDER BY turn, first"
# From the row that holds the first chunk wanted, or would.
_READ = """
    SELECT place.number, row.first, row.payload
    FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS place(turn, received, number)
    JOIN chunk_rows AS row ON row.turn = place.turn AND row.first >= coalesce(
        (SELECT max(first) FROM chunk_rows WHERE turn = place.turn AND first <= place.received), 0)
    ORDER BY place.number, row.first
"""
# Heads first: no chunk is accepted for a turn without one, so that no row is left behind.
_EXPIRE_HEADS = """
    WITH due AS (
        SELECT turn FROM chunk_heads WHERE over_at < $1 ORDER BY over_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM chunk_heads WHERE turn = ANY (ARRAY(SELECT turn FROM due)) RETURNING turn
"""
_EXPIRE_ROWS = "DELETE FROM chunk_rows WHERE turn = ANY($1)"


class PostgresLog:
    """The Log port on a PostgreSQL executor."""

    outlives_process = True

    def __init__(self, executor: PostgresExecutor) -> None:
        self._db = executor
        # What follows must not overtake what came before on another connection: it would be behind.
        self._order = asyncio.Lock()

    async def append(self, batch: Sequence[Append]) -> list[Appended]:
        """See Log."""
        if not batch:
            return []
        begins = any(entry.first == 0 and entry.epoch == 1 for entry in batch)
        statement = _APPEND_AND_BEGIN if begins else _APPEND
        # An entry of nothing would leave a row in the place of the next one.
        arguments = (*_columns([entry for entry in batch if entry.chunks]), now_ms())
        async with self._order:
            records = await self._db.run(lambda driver: driver.fetch(statement, *arguments))
            if len(records) == len(batch):
                return ["done"] * len(batch)
            done = {turn for (turn,) in records}
            rest = [entry for entry in batch if entry.turn not in done]
            told = await self._db.run(lambda driver: _decide(driver, rest), transaction=True)
        return ["done" if entry.turn in done else told[entry.turn] for entry in batch]

    async def open(self, claims: Sequence[Claim]) -> list[list[Chunk] | None]:
        """See Log."""
        if not claims:
            return []
        async with self._order:
            found = await self._db.run(lambda driver: _open(driver, claims), transaction=True)
        long_ago = now_ms() - ABANDONED_AFTER_MS
        return [found.get(claim.turn) or (None if claim.created_at < long_ago else []) for claim in claims]

    async def read(self, places: Sequence[tuple[str, int]]) -> list[list[Chunk]]:
        """See Log."""
        found: list[list[Chunk]] = [[] for _ in places]
        if not places:
            return found
        turns, received = [turn for turn, _ in places], [count for _, count in places]
        for number, first, payload in await self._db.run(lambda driver: driver.fetch(_READ, turns, received)):
            chunks = _decode(payload)
            found[number - 1] += chunks[max(0, received[number - 1] - first) :]
        return found

    async def expire(self, ended_before: int) -> int:
        """See Log."""
        count = 0
        while True:
            dropped = await self._db.run(lambda driver: _expire(driver, ended_before), transaction=True)
            count += dropped
            if dropped < EXPIRE_AT_ONCE:
                return count

    async def close(self) -> None:
        """See Log: the executor is the store's to close."""


def _columns(batch: Sequence[Append]) -> tuple[list[Any], ...]:
    """Return the entries as the arrays of ``_ENTRIES``."""
    return (
        [entry.turn for entry in batch],
        [entry.epoch for entry in batch],
        [entry.first for entry in batch],
        [entry.first + len(entry.chunks) for entry in batch],
        [_encode(entry.chunks) for entry in batch],
        [entry.chunks[-1].kind == "end" for entry in batch],
    )


async def _decide(driver: Any, entries: Sequence[Append]) -> dict[str, Appended]:
    """Tell what comes of entries that did not go through, and append what is missing of a repeated one."""
    heads = {head["turn"]: head for head in await driver.fetch(_LOCK, [entry.turn for entry in entries])}
    told: dict[str, Appended] = {}
    tails = []
    for entry in entries:
        head = heads.get(entry.turn)
        # Unknown ones could have begun in the statement before: these continue what is not there.
        told[entry.turn] = "behind" if head is None else _judge(entry, head)
        if head is not None and told[entry.turn] == "done" and head["next"] < entry.first + len(entry.chunks):
            missing = entry.chunks[head["next"] - entry.first :]
            tails.append(Append(entry.turn, entry.epoch, head["next"], missing))
    if tails:
        await driver.fetch(_APPEND, *_columns(tails), now_ms())
    return told


def _judge(entry: Append, head: Any) -> Appended:
    if entry.epoch != head["epoch"]:
        return "fenced" if entry.epoch < head["epoch"] else "behind"
    if entry.first + len(entry.chunks) <= head["next"]:
        return "done"
    if head["ended"]:
        return "fenced"
    return "done" if entry.first <= head["next"] else "behind"


async def _open(driver: Any, claims: Sequence[Claim]) -> dict[str, list[Chunk]]:
    wanted = {claim.turn: claim.epoch for claim in claims}
    turns = list(wanted)
    over_at = now_ms() + ABANDONED_AFTER_MS
    opened = await driver.fetch(_OPEN, turns, list(wanted.values()), over_at)
    if len(opened) < len(wanted):
        raise Fenced(f"{len(wanted) - len(opened)} of the turns were opened under a newer epoch.")
    # Only now, with the heads locked: what an older epoch had under way is committed, or never will be.
    found: dict[str, list[Chunk]] = {}
    for turn, payload in await driver.fetch(_ROWS, turns, timeout=LONG_S):
        found.setdefault(turn, []).extend(_decode(payload))
    return found


async def _expire(driver: Any, ended_before: int) -> int:
    turns = [turn for (turn,) in await driver.fetch(_EXPIRE_HEADS, ended_before, EXPIRE_AT_ONCE)]
    if turns:
        await driver.execute(_EXPIRE_ROWS, turns, timeout=LONG_S)
    return len(turns)
