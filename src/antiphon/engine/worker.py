"""Runs turns: claims them, generates, and ends them, whatever happens on the way."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence

import structlog

from antiphon.engine.bounds import Bounds
from antiphon.engine.committer import Committer
from antiphon.engine.deliver import Hub
from antiphon.engine.draft import Draft
from antiphon.engine.figures import Figures
from antiphon.engine.finish import Ending, store_ending
from antiphon.engine.generate import Generator
from antiphon.engine.ports import Ports
from antiphon.errors import AntiphonError, Fenced, LogLost, ProviderTimeout, StoreUnavailable
from antiphon.logs.port import Claim
from antiphon.model import Chunk, Turn
from antiphon.stores.port import Exchange, Submitted

logger = structlog.get_logger(__name__)
CLAIMED_AT_ONCE = 256
CLAIM_PAUSE_S = 0.1


class Stopped(Exception):
    """Somebody asked for the reply to be stopped."""


class Released(Exception):
    """The pod is leaving: another attempt goes on with the turn."""


class Run:
    """One attempt at a turn in this process."""

    __slots__ = ("draft", "ended", "ending", "reason", "started", "task", "turn")

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.draft: Draft | None = None
        self.task: asyncio.Task[None] | None = None
        self.reason: Exception | None = None
        self.started = False
        self.ending = False
        self.ended = False

    def abort(self, reason: Exception) -> None:
        """End the attempt for this reason; the first one counts, and none once it is being stored."""
        if self.ended:
            # The store has the whole reply; only its delivery failed here. Readers get it from there.
            if self.draft is not None:
                self.draft.channel.lose()
        elif self.reason is None and not self.ending:
            self.reason = reason
            # A task that is cancelled before its first step would never run, not even to end the turn.
            if self.started and self.task is not None:
                self.task.cancel()


class Worker:
    """The turns that this pod runs; none, unless it ``works``.

    ``taken`` is told of every turn that was claimed: whoever follows it elsewhere learns who feeds it now.
    """

    def __init__(
        self,
        pod: str,
        ports: Ports,
        hub: Hub,
        committer: Committer,
        generator: Generator,
        *,
        bounds: Bounds,
        works: bool,
        taken: Callable[[str], None],
        figures: Figures,
    ) -> None:
        self.pod = pod
        self.works = works
        self._taken = taken
        self._figures = figures
        self._store = ports.store
        self._log = ports.log
        self._hub = hub
        self._committer = committer
        self._generator = generator
        self._bounds = bounds
        self._limits = (bounds.pending_chars, bounds.reply_chars, bounds.chunks_a_turn)
        self._running: dict[str, Run] = {}
        self._draining = False
        self._claimed: Sequence[Turn] = ()
        # Turns that were stopped by name while they were being claimed.
        self._stops: set[str] = set()
        self.calls: set[object] = set()
        self.doubtful = False
        self._wake = asyncio.Event()
        self._unsubscribe = (
            ports.bus.subscribe("turns", lambda _: self._wake.set()),
            ports.bus.subscribe("stop", self.stop),
        )

    @property
    def running(self) -> int:
        """How many turns run here."""
        return len(self._running)

    @property
    def has_room(self) -> bool:
        """Whether this pod can take another turn."""
        return self.works and not self._draining and len(self._running) < self._bounds.running_turns

    def start(self, submitted: Submitted) -> None:
        """Run a turn that was claimed for this pod when it was submitted."""
        self._launch(submitted.turn, [], submitted.history)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Mark a call to the store that may give this pod turns.

        One that fails may have given some all the same: the store's answer was lost. It is ``doubtful`` then.
        """
        call = object()
        self.calls.add(call)
        try:
            yield
        except (StoreUnavailable, asyncio.CancelledError):
            self.doubtful = True
            raise
        finally:
            self.calls.discard(call)

    def wake(self) -> None:
        """Look for queued turns soon."""
        self._wake.set()

    async def run(self) -> None:
        """Claim queued turns whenever woken, and every second in any case."""
        while not self._draining:
            try:
                while self.has_room and await self._claim():  # noqa: ASYNC110 - it is no event
                    # The busier a pod, the longer it leaves what waits to the others.
                    await asyncio.sleep(CLAIM_PAUSE_S * len(self._running) / self._bounds.running_turns)
            except StoreUnavailable as error:
                logger.warning("claim_failed", error=error.message)
            except Exception as error:
                logger.exception("claim_crashed", error=type(error).__name__)
            self._wake.clear()
            try:
                async with asyncio.timeout(1.0):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _claim(self) -> bool:
        room = min(CLAIMED_AT_ONCE, self._bounds.running_turns - len(self._running))
        # What was claimed while the log could not be opened is this pod's to run all the same.
        if not self._claimed:
            with self.asking():
                self._claimed = await self._store.claim(self.pod, room)
        turns = self._claimed
        for turn, chunks in await self._open(turns):
            run = self._launch(turn, chunks or [])
            self._taken(turn.id)
            # What nobody has attempted before cannot have lost anything.
            if turn.epoch > 1 and (chunks is None or not self._log.outlives_process):
                run.abort(LogLost("The reply was lost with what held it. Ask again."))
            elif turn.id in self._stops:
                run.abort(Stopped())
        self._claimed = ()
        self._stops.clear()
        return bool(turns)

    async def _open(self, turns: Sequence[Turn]) -> list[tuple[Turn, list[Chunk] | None]]:
        """Open the turns' logs; leave out those that have a newer epoch by now."""
        if not turns:
            return []
        try:
            found = await self._log.open([Claim(turn.id, turn.epoch, turn.created_at) for turn in turns])
            return list(zip(turns, found, strict=True))
        except Fenced:
            if len(turns) == 1:
                return []
            return [pair for turn in turns for pair in await self._open([turn])]

    def _launch(self, turn: Turn, chunks: list[Chunk], history: Sequence[Exchange] | None = None) -> Run:
        run = self._running[turn.id] = Run(turn)
        channel = self._hub.feed(turn, chunks)
        run.draft = Draft(turn, channel, self._limits, self._committer, run.abort)
        run.task = asyncio.create_task(self._run(run, run.draft, history), name=turn.id)
        if self._draining:
            run.abort(Released())
        elif turn.stop_requested:
            run.abort(Stopped())
        return run

    async def _run(self, run: Run, draft: Draft, history: Sequence[Exchange] | None) -> None:
        run.started = True
        try:
            if run.reason is None:
                ending = await self._attempt(run, draft, history)
            else:
                ending = self._aborted(run.turn, run.reason)
            run.ending = True
            if ending is not None:
                await self._end(run, draft, ending)
            else:
                draft.channel.lose()
        except Exception as error:
            logger.exception("ending_crashed", turn=run.turn.id, error=type(error).__name__)
            draft.channel.lose()
        finally:
            was_full = not self.has_room
            self._running.pop(run.turn.id, None)
            if was_full:
                self._wake.set()

    async def _end(self, run: Run, draft: Draft, ending: Ending) -> None:
        """Store the end and deliver it; a turn that is another attempt's by now is left to that."""
        finished, last = await store_ending(self._store, run.turn, draft, ending)
        if finished == "fenced":
            draft.channel.lose()
        else:
            # Also of a deleted turn: nobody else will end it, and an open log is kept.
            run.ended = True
            self._figures.ended(draft, last.text)
            draft.put(last)

    async def _attempt(self, run: Run, draft: Draft, history: Sequence[Exchange] | None) -> Ending | None:
        """Generate; return how the turn ends, or None if it is not this attempt's to end."""
        try:
            async with asyncio.timeout(self._bounds.turn_seconds):
                finish = await self._generator.generate(run.turn, draft, history)
            if run.reason is not None:  # aborted in its last step: let the cancellation come through
                await asyncio.sleep(0)
            return Ending.complete(finish)
        except asyncio.CancelledError:
            if run.reason is None:
                raise
            assert run.task is not None
            run.task.uncancel()
            return self._aborted(run.turn, run.reason)
        except TimeoutError:
            limit = self._bounds.turn_seconds
            return Ending.failed(ProviderTimeout(f"The reply took longer than {limit:g} s and was ended."))
        except AntiphonError as error:
            if run.reason is not None:  # a consequence of it
                return self._aborted(run.turn, run.reason)
            logger.warning("turn_failed", turn=run.turn.id, code=error.code)
            return Ending.failed(error)
        except Exception as error:
            logger.exception("turn_crashed", turn=run.turn.id, error=type(error).__name__)
            return Ending.failed(AntiphonError("The server could not produce this reply. Try again."))

    def _aborted(self, turn: Turn, reason: Exception) -> Ending | None:
        if isinstance(reason, Stopped):
            return Ending.stopped()
        if isinstance(reason, AntiphonError):
            return Ending.failed(reason)
        logger.info("turn_left", turn=turn.id, epoch=turn.epoch, why=type(reason).__name__)
        return None

    @property
    def turns(self) -> set[str]:
        """The ids of the turns that run here, or are about to."""
        return {*self._running, *(turn.id for turn in self._claimed)}

    def leave(self, turn_id: str) -> None:
        """Leave a turn that is another pod's now."""
        run = self._running.get(turn_id)
        if run is not None:
            run.abort(Fenced("The turn was given to another pod."))

    def stop(self, turn_id: str) -> None:
        """End a turn that somebody asked to stop."""
        run = self._running.get(turn_id)
        if run is not None:
            run.abort(Stopped())
        elif self._claimed:
            self._stops.add(turn_id)

    def fence(self) -> None:
        """Leave all turns at once: this pod was declared dead and others have them now."""
        for run in tuple(self._running.values()):
            run.abort(Fenced("The pod's lease ended."))

    async def drain(self) -> None:
        """Leave all turns where they are, committed so far, for others to go on with."""
        self._draining = True
        self._wake.set()
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        runs = tuple(self._running.values())
        for run in runs:
            run.abort(Released())
        await asyncio.gather(*(run.task for run in runs if run.task is not None), return_exceptions=True)
