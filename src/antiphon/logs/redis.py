"""The log on Redis: a stream a turn, an entry an append.

An entry's id is ``<number after its last chunk>-0`` and it holds that append's chunks as one JSON text, so
that reading from a cursor is one range, and chunks cost no more than their text (docs/decisions/008). Beside
it a small hash knows the turn's epoch, its next number, and which server process last touched it.

What Redis has forgotten is noticed, not guessed. To a living writer a turn that lacks chunks is ``behind``,
and it sends all of it again. To a takeover ``open`` returns None where chunks may be missing: the turn is
older than the data set, the server was started without an append-only file since the turn's last append, it
is a replica that was promoted since, or keys were evicted. Not noticed is, at a takeover, the loss of what
an append-only file had not yet on disk when the machine went down (``appendfsync everysec``: about a second).

The Redis user needs EVALSHA, SCRIPT LOAD and INFO. Redis Cluster is not supported.
"""

import asyncio
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from antiphon.connections.redis import asking
from antiphon.errors import Fenced, StoreUnavailable
from antiphon.logs.port import Append, Appended, Claim
from antiphon.model import Chunk

# Ended turns are expired long before; this is for those that nobody ended.
TURN_TTL_S = 2 * 24 * 3600
# Redis serves nobody else while a script runs: 200 entries are about 2 ms.
PORTION = 200
# Turns whose chunks are read by one script: 300 chunks each are about 10 ms.
READ_PORTION = 20

_ANSWERS: tuple[Appended, ...] = ("done", "fenced", "behind")
_encode = msgspec.json.encode
_pack = msgspec.msgpack.encode
_decode = msgspec.json.Decoder(list[tuple[int, list[Chunk]]]).decode


class RedisLog:
    """The Log port on Redis.

    ``prefix`` begins every key. ``clocks_differ_ms`` is how far the clocks of the pods and of Redis may be
    apart: a turn submitted within that time after the data set was born counts as older. The client is the
    caller's to close.
    """

    outlives_process = True

    def __init__(self, client: Redis, *, prefix: str = "antiphon", clocks_differ_ms: int = 2_000) -> None:
        self._redis = client
        self._prefix = prefix
        self._born, self._ended = f"{prefix}:born", f"{prefix}:ended"
        self._clocks_differ_ms = clocks_differ_ms
        self._append_text, self._open_text, self._read_text = map(_lua, ("append", "open", "read"))
        self._append_sha = self._open_sha = self._read_sha = ""
        # Appends of one turn go over the same connection or after one another: here, after one another.
        self._order = asyncio.Lock()
        self._loading = asyncio.Lock()

    async def append(self, batch: Sequence[Append]) -> list[Appended]:
        """See Log."""
        if not batch:
            return []
        portions = [batch[at : at + PORTION] for at in range(0, len(batch), PORTION)]
        async with self._order, asking():
            told = await self._evaluate(lambda: [self._append_command(portion) for portion in portions])
        return [_ANSWERS[answer] for answers in told for answer in answers]

    async def open(self, claims: Sequence[Claim]) -> list[list[Chunk] | None]:
        """See Log."""
        if not claims:
            return []
        async with asking():
            ((_, newer, *held),) = await self._evaluate(lambda: [self._open_command(claims)])
        if newer:
            raise Fenced("One of the turns was opened under a newer epoch.")
        # Fenced as they are now, they do not change any more: reading them need not be in the same step.
        kept = [claim.turn for claim, count in zip(claims, held[0], strict=True) if count > 0]
        found = dict(zip(kept, await self.read([(turn, 0) for turn in kept]), strict=True))
        return [
            None if count < 0 else found.get(claim.turn, [])
            for claim, count in zip(claims, held[0], strict=True)
        ]

    async def read(self, places: Sequence[tuple[str, int]]) -> list[list[Chunk]]:
        """See Log."""
        if not places:
            return []
        portions = [places[at : at + READ_PORTION] for at in range(0, len(places), READ_PORTION)]
        async with asking():
            found = await self._evaluate(lambda: [self._read_command(portion) for portion in portions])
        texts = (text for portion in found for text in portion)
        return [
            _following(_decode(text), received) for text, (_, received) in zip(texts, places, strict=True)
        ]

    async def expire(self, ended_before: int) -> int:
        """See Log."""
        dropped = 0
        while True:
            async with asking():
                found: Sequence[Any] = await self._redis.zrange(
                    self._ended, "-inf", f"({ended_before}", byscore=True, offset=0, num=PORTION
                )
                turns = [turn.decode() for turn in found]
                if not turns:
                    return dropped
                await self._redis.unlink(*(key for turn in turns for key in self._keys(turn)))
                # Last, so that what is cut short is found again; several pods may be at it at once.
                dropped += await self._redis.zrem(self._ended, *turns)

    async def close(self) -> None:
        """See Log: the client is the caller's to close."""

    def _keys(self, turn: str) -> tuple[str, str]:
        return f"{self._prefix}:turn:{turn}", f"{self._prefix}:chunks:{turn}"

    def _append_command(self, portion: Sequence[Append]) -> list[Any]:
        turn_prefix, chunks_prefix = f"{self._prefix}:turn:", f"{self._prefix}:chunks:"
        keys: list[str] = []
        entries: list[tuple[str, int, int, int, bool, str]] = []
        for turn, epoch, first, chunks in ((e.turn, e.epoch, e.first, e.chunks) for e in portion):
            keys += (turn_prefix + turn, chunks_prefix + turn)
            ends = bool(chunks) and chunks[-1].kind == "end"
            entries.append((turn, epoch, first, first + len(chunks), ends, _encode(chunks).decode()))
        return ["EVALSHA", self._append_sha, len(keys) + 1, *keys, self._ended, TURN_TTL_S, _pack(entries)]

    def _open_command(self, claims: Sequence[Claim]) -> list[Any]:
        keys = [self._born, self._ended, *(key for claim in claims for key in self._keys(claim.turn))]
        values = [part for claim in claims for part in (claim.turn, claim.epoch, claim.created_at)]
        return ["EVALSHA", self._open_sha, len(keys), *keys, TURN_TTL_S, self._clocks_differ_ms, *values]

    def _read_command(self, portion: Sequence[tuple[str, int]]) -> list[Any]:
        keys = [f"{self._prefix}:chunks:{turn}" for turn, _ in portion]
        return ["EVALSHA", self._read_sha, len(keys), *keys, *(received for _, received in portion)]

    async def _evaluate(self, commands: Callable[[], list[list[Any]]]) -> list[Any]:
        """Run scripts in one round trip, and all of them again if the server did not know one.

        Repeating is harmless, see Log. Commands are made anew each time, as loading changes their names.
        """
        for _ in range(3):
            if self._append_sha:
                try:
                    return await self._run(commands())
                except NoScriptError:
                    pass
            await self._load(self._append_sha)
        raise StoreUnavailable(
            "Redis could not be used (it restarts again and again). Try again.", retry_after=1
        )

    async def _run(self, commands: list[list[Any]]) -> list[Any]:
        if len(commands) == 1:
            return [await self._redis.execute_command(*commands[0])]  # type: ignore[no-untyped-call]
        async with self._redis.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(await pipe.execute())

    async def _load(self, unknown: str) -> None:
        """Load the scripts into the server, the append under the mark of the server process it runs in.

        So a script that is known proves that the server has not been started anew since. The data set's time
        of birth is noted on the way.
        """
        async with self._loading:
            if self._append_sha != unknown:
                return
            mark = await self._mark()
            text = f"local MARK = '{mark}'\n{self._append_text}"
            append_sha = await self._redis.script_load(text)
            self._open_sha = await self._redis.script_load(self._open_text)
            self._read_sha = await self._redis.script_load(self._read_text)
            # Another server may have answered meanwhile; then this is for the next try.
            if await self._mark() == mark:
                self._append_sha = append_sha

    async def _mark(self) -> str:
        told = await self._redis.eval(
            self._open_text, 2, self._born, self._ended, TURN_TTL_S, self._clocks_differ_ms
        )
        return str(told[0].decode())


def _lua(name: str) -> str:
    return resources.files("antiphon.logs").joinpath(f"redis_{name}.lua").read_text()


def _following(entries: Sequence[tuple[int, list[Chunk]]], received: int) -> list[Chunk]:
    """Join what follows; entries may overlap."""
    found: list[Chunk] = []
    for after, chunks in entries:
        missing = after - received - len(found)
        if missing > len(chunks):
            break  # a gap: only after a loss that nobody has noticed yet
        if missing > 0:
            found += chunks[-missing:]
    return found
