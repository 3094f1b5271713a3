"""A random walk over the Log port, checked against a dictionary: order, fencing, cursors, expiry."""

import asyncio
import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from antiphon.errors import CursorExpired, Fenced
from antiphon.ids import now_ms
from antiphon.logs.port import Append
from antiphon.model import Chunk
from backends import LOGS

TURNS = st.sampled_from(["a", "b", "c"])
WRITERS = st.sampled_from([0, 1])


class LogMachine(RuleBasedStateMachine):
    """Two processes on one log; ``model`` is what must be true of each turn."""

    backend = ""
    database = None

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = contextlib.AsyncExitStack()
        self.folder = tempfile.TemporaryDirectory()
        maker = LOGS[self.backend](self.database, Path(self.folder.name))
        factory = self.run(self.stack.enter_async_context(maker))
        self.writers = [self.run(self.call(factory)) for _ in range(2)]
        self.model: dict[str, tuple[int, list[Chunk]]] = {}
        self.owner: dict[str, int] = {}
        self.expired: set[str] = set()
        self.counter = 0

    def run(self, work):
        return self.loop.run_until_complete(work)

    @staticmethod
    async def call(factory):
        return factory()

    def teardown(self):
        self.run(self.stack.aclose())
        self.loop.close()
        self.folder.cleanup()

    def ended(self, turn):
        chunks = self.model.get(turn, (1, []))[1]
        return bool(chunks) and chunks[-1].kind == "end"

    @rule(
        writer=WRITERS,
        entries=st.lists(
            st.tuples(TURNS, st.integers(1, 4), st.integers(-1, 1), st.integers(1, 3), st.booleans()),
            min_size=1,
            max_size=3,
            unique_by=lambda entry: entry[0],
        ),
    )
    def append(self, writer, entries):
        batch, expected = [], []
        for turn, epoch, offset, count, ends in entries:
            now, chunks = self.model.get(turn, (1, []))
            # An epoch has one writer: whoever opened the turn, or began it.
            if turn in self.expired or (epoch == now and self.owner.get(turn, writer) != writer):
                continue
            first = max(0, len(chunks) + offset)
            self.counter += 1
            new = [Chunk("content", f"{self.counter}.{i}") for i in range(count)]
            if ends:
                new.append(Chunk("end", "{}"))
            fits = epoch == now and first == len(chunks) and not self.ended(turn)
            repeated = epoch == now and first + len(new) <= len(chunks)
            batch.append(Append(turn, epoch, first, new))
            expected.append(fits or repeated)
            if fits and not repeated:
                self.model[turn] = (now, chunks + new)
                self.owner[turn] = writer
        if batch:
            assert self.run(self.writers[writer].append(batch)) == expected

    @rule(writer=WRITERS, turn=TURNS, epoch=st.integers(1, 5))
    def open(self, writer, turn, epoch):
        if turn in self.expired:
            return
        now, chunks = self.model.get(turn, (0, []))
        if epoch < now:
            with pytest.raises(Fenced):
                self.run(self.writers[writer].open([(turn, epoch)]))
        else:
            assert self.run(self.writers[writer].open([(turn, epoch)])) == [chunks]
            self.model[turn] = (epoch, chunks)
            self.owner[turn] = writer

    @rule(reader=WRITERS, turn=TURNS, after=st.integers(-1, 12), limit=st.integers(1, 20))
    def read(self, reader, turn, after, limit):
        log = self.writers[reader]
        if turn in self.expired or (turn not in self.model and after >= 0):
            with pytest.raises(CursorExpired):
                self.run(log.read(turn, max(0, after), limit))
            return
        chunks = self.model.get(turn, (1, []))[1]
        assert self.run(log.read(turn, after, limit)) == chunks[after + 1 : after + 1 + limit]

    @rule(writer=WRITERS)
    def expire(self, writer):
        over = {turn for turn in self.model if self.ended(turn)}
        assert self.run(self.writers[writer].expire(now_ms() + 1)) == len(over)
        self.expired |= over
        for turn in over:
            del self.model[turn]

    @invariant()
    def everything_is_there(self):
        for turn, (_, chunks) in self.model.items():
            assert self.run(self.writers[0].read(turn, -1, 1000)) == chunks


@pytest.mark.parametrize("backend", sorted(LOGS))
def test_log_machine(backend, migrated_database):
    machine = type("Machine", (LogMachine,), {"backend": backend, "database": migrated_database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=100,
            stateful_step_count=25,
            deadline=None,
            phases=[
                Phase.explicit,
                Phase.reuse,
                Phase.generate,
            ],  # shrinking takes minutes; the steps are printed
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
