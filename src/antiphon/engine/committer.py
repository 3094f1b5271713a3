"""Commit before deliver: one commit a tick for all running turns of this process.

While the process has time to spare there is no tick: a commit begins when the one before it is done, and a
token waits for nothing else. Under load each turn is committed once a tick, and the tick grows: more tokens
share a chunk, a commit and a write to each reader, and the load falls. Turns are spread over the tick in
phases, so that neither the disk nor the readers get everything at once. A reply's first chunk goes with the
next commit, whatever its phase.

Then providers are not read for each token either: a connection is paused after a read and resumed just before
its turn's phase, when several tokens are waiting in the kernel to be taken at once.
"""

import abc
import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from antiphon.engine.draft import Draft
from antiphon.errors import AntiphonError, Fenced, StoreUnavailable
from antiphon.logs.port import Append, Appended, Claim, Log
from antiphon.model import Turn

PHASES = 8
# Between these shares of one core the tick grows from nothing to its longest.
EASY, BUSY = 0.2, 0.5
MEASURED_OVER_S = 0.2

logger = structlog.get_logger(__name__)


class Load:
    """How busy this process is: CPU time over wall time, smoothed over about a second."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.monotonic()
        self.share = 0.0

    def update(self) -> float:
        """Take a new reading if one is due and return the share of one core in use."""
        wall = time.monotonic()
        if wall - self._wall >= MEASURED_OVER_S:
            cpu = time.process_time()
            self.share += 0.3 * ((cpu - self._cpu) / (wall - self._wall) - self.share)
            self._cpu, self._wall = cpu, wall
        return self.share


class Ticks(abc.ABC):
    """Moves on what drafts hold, for all of them together, in a rhythm that follows the load."""

    def __init__(self, longest_tick: float) -> None:
        self._longest_tick = longest_tick
        self._load = Load()
        self._first: list[Draft] = []
        self._phases: list[list[Draft]] = [[] for _ in range(PHASES)]
        self._held: list[list[Callable[[], None]]] = [[] for _ in range(PHASES)]
        self.busy = False
        self.pieces = 0
        self._phase = 0
        self._next_phase = 0
        self._work = asyncio.Event()
        self._closing = False

    def assign_phase(self) -> int:
        """Return the phase of a new draft: they take turns."""
        self._next_phase = (self._next_phase + 1) % PHASES
        return self._next_phase

    def mark(self, draft: Draft) -> None:
        """Note that the draft has something to commit."""
        (self._phases[draft.phase] if draft.chunks else self._first).append(draft)
        self._work.set()

    def hold(self, draft: Draft, resume: Callable[[], None]) -> None:
        """Resume the draft's provider before its next phase."""
        self._held[draft.phase].append(resume)
        self._work.set()

    async def run(self) -> None:
        """Commit until closed, then what is left."""
        while True:
            await self._work.wait()
            share = self._load.update()
            tick = self._longest_tick * min(1.0, max(0.0, (share - EASY) / (BUSY - EASY)))
            self.busy = tick > 0 and not self._closing
            drafts = self._due()
            pairs = [(draft, entry) for draft in drafts if (entry := draft.take()) is not None]
            if pairs:
                await self._commit(pairs)
            self._resume()
            if not self._first and not any(self._phases) and not any(self._held):
                if self._closing:
                    return
                self._work.clear()
            if self.busy:
                await asyncio.sleep(tick / PHASES)

    def close(self) -> None:
        """Let ``run`` return once nothing is left to commit."""
        self._closing = True
        self._work.set()

    def _due(self) -> list[Draft]:
        """Return first chunks and the next phase, or all that is marked if there is no tick."""
        drafts, self._first = self._first, []
        for _ in range(1 if self.busy else PHASES):
            self._phase = (self._phase + 1) % PHASES
            drafts += self._phases[self._phase]
            self._phases[self._phase] = []
        return drafts

    def _resume(self) -> None:
        """Let providers go on whose turns are committed in the next phase, or all."""
        for ahead in range(1 if self.busy else PHASES):
            phase = (self._phase + 1 + ahead) % PHASES
            held, self._held[phase] = self._held[phase], []
            for resume in held:
                resume()

    @abc.abstractmethod
    async def _commit(self, pairs: list[tuple[Draft, Append]]) -> None:
        """Move on what was taken from drafts."""


class Deliverer(Ticks):
    """Gives replies that are kept nowhere to their readers. No log, so it never waits for one."""

    async def _commit(self, pairs: list[tuple[Draft, Append]]) -> None:
        for draft, entry in pairs:
            draft.channel.publish(entry.chunks)


class Committer(Ticks):
    """Moves what drafts hold into the log and from there to their readers.

    ``owns`` tells whether an attempt at a turn is still the valid one.
    """

    def __init__(
        self,
        log: Log,
        owns: Callable[[Turn], Awaitable[bool]],
        *,
        longest_tick: float,
        gives_up: float,
    ) -> None:
        super().__init__(longest_tick)
        self._log = log
        self._owns = owns
        self._gives_up = gives_up

    async def _commit(self, pairs: list[tuple[Draft, Append]]) -> None:
        try:
            told = await self._append(pairs)
        except StoreUnavailable as error:
            for draft, _ in pairs:
                draft.fail(error)
            return
        except Exception as error:
            # Whatever it is, it must cost the turn that brings it and not all of them, now and later.
            logger.exception("append_crashed", entries=len(pairs), error=type(error).__name__)
            if len(pairs) > 1:
                for pair in pairs:
                    await self._commit([pair])
            else:
                pairs[0][0].fail(AntiphonError("The server could not store this reply."))
            return
        for (draft, entry), came in zip(pairs, told, strict=True):
            if came == "done":
                draft.channel.publish(entry.chunks)
            else:
                draft.fail(Fenced("The log refused the append: another attempt owns the turn."))

    async def _append(self, pairs: list[tuple[Draft, Append]]) -> list[Appended]:
        """Append, and again while the log cannot be reached; repeating a batch is harmless."""
        batch = [entry for _, entry in pairs]
        deadline = time.monotonic() + self._gives_up
        pause = 0.05
        while True:
            try:
                told = await self._log.append(batch)
                behind = [i for i, came in enumerate(told) if came == "behind"]
                if behind:
                    rebuilt = await asyncio.gather(*(self._rebuild(pairs[i][0]) for i in behind))
                    for i, came in zip(behind, rebuilt, strict=True):
                        told[i] = came
            except StoreUnavailable as error:
                if time.monotonic() + pause > deadline:
                    raise
                logger.warning("log_unavailable", error=error.message, retry_in=pause)
                await asyncio.sleep(pause)
                pause = min(1.0, pause * 2)
            else:
                return told

    async def _rebuild(self, draft: Draft) -> Appended:
        """Give all of a turn to a log that has lost some of it, if the turn is still this attempt's.

        A log that has lost chunks has lost its fences too: the store tells who may write.
        """
        turn, chunks = draft.turn, draft.chunks
        if not await self._owns(turn):
            return "fenced"
        try:
            (kept,) = await self._log.open([Claim(turn.id, turn.epoch, turn.created_at)])
        except Fenced:
            return "fenced"
        if kept and kept != chunks[: len(kept)]:
            return "fenced"  # another attempt wrote there in the meantime, and has not been delivered here
        logger.warning("log_rebuilt", turn=turn.id, epoch=turn.epoch, chunks=len(chunks))
        return (await self._log.append([Append(turn.id, turn.epoch, 0, chunks)]))[0]
