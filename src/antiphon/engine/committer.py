"""Commit before deliver: one commit a tick for all running turns of this process.

While the process has time to spare a tick is no longer than the commit before it, so a token waits for
nothing. Under load ticks grow: more tokens share a commit, a chunk and a write to each reader, and the load
falls. A reply's first chunk does not wait for the tick.
"""

import asyncio
import time

import structlog

from antiphon.engine.draft import Draft
from antiphon.errors import Fenced, StoreUnavailable
from antiphon.logs.port import Append, Log

# Between these shares of one core the tick grows from nothing to its longest.
EASY, BUSY = 0.35, 0.75
MEASURED_OVER_S = 0.2
# A first chunk still shares its commit with others of the same few milliseconds.
URGENT_GAP_S = 0.004

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


class Committer:
    """Moves what drafts hold into the log and from there to their readers."""

    def __init__(self, log: Log, *, longest_tick: float, gives_up: float) -> None:
        self._log = log
        self._longest_tick = longest_tick
        self._gives_up = gives_up
        self._load = Load()
        self._marked: list[Draft] = []
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self._closing = False

    def mark(self, draft: Draft) -> None:
        """Note that the draft has something to commit."""
        self._marked.append(draft)
        self._work.set()
        if draft.urgent:
            self._urgent.set()

    async def run(self) -> None:
        """Commit until closed, then what is left."""
        while True:
            await self._work.wait()
            drafts, self._marked = self._marked, []
            self._work.clear()
            self._urgent.clear()
            pairs = [(draft, entry) for draft in drafts if (entry := draft.take()) is not None]
            if pairs:
                await self._commit(pairs)
            if self._closing and not self._marked:
                return
            await self._pace()

    def close(self) -> None:
        """Let ``run`` return once nothing is left to commit."""
        self._closing = True
        self._work.set()
        self._urgent.set()

    async def _pace(self) -> None:
        share = self._load.update()
        tick = self._longest_tick * min(1.0, max(0.0, (share - EASY) / (BUSY - EASY)))
        if tick > URGENT_GAP_S:
            await asyncio.sleep(URGENT_GAP_S)
            try:
                async with asyncio.timeout(tick - URGENT_GAP_S):
                    await self._urgent.wait()
            except TimeoutError:
                pass

    async def _commit(self, pairs: list[tuple[Draft, Append]]) -> None:
        try:
            accepted = await self._append([entry for _, entry in pairs])
        except StoreUnavailable as error:
            for draft, _ in pairs:
                draft.fail(error)
            return
        for (draft, entry), ok in zip(pairs, accepted, strict=True):
            if ok:
                draft.committed(entry.chunks)
            else:
                draft.fail(Fenced("The log refused the append: another attempt owns the turn."))

    async def _append(self, batch: list[Append]) -> list[bool]:
        """Append, and again while the log cannot be reached; repeating a batch is harmless."""
        deadline = time.monotonic() + self._gives_up
        pause = 0.05
        while True:
            try:
                return await self._log.append(batch)
            except StoreUnavailable as error:
                if time.monotonic() + pause > deadline:
                    raise
                logger.warning("log_unavailable", error=error.message, retry_in=pause)
                await asyncio.sleep(pause)
                pause = min(1.0, pause * 2)
