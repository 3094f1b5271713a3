"""A random walk over the Log port, checked against a dictionary: order, fencing, cursors, expiry."""

import asyncio
import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from antiphon.errors import Fenced
from antiphon.ids import now_ms
from antiphon.logs.port import Append, Claim
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
            batch.append(Append(turn, epoch, first, new))
            if epoch != now:
                expected.append("fenced" if epoch < now else "behind")
            elif first + len(new) <= len(chunks):
                expected.append("done")
            elif self.ended(turn):
                expected.append("fenced")
            elif first > len(chunks):
                expected.append("behind")
            else:
                expected.append("done")
                self.model[turn] = (now, chunks + new[len(chunks) - first :])
                self.owner[turn] = writer
        if batch:
            assert self.run(self.writers[writer].append(batch)) == expected

    @rule(writer=WRITERS, turn=TURNS, epoch=st.integers(1, 5))
    def open(self, writer, turn, epoch):
        if turn in self.expired:
            return
        now, chunks = self.model.get(turn, (0, []))
        claim = Claim(turn, epoch, now_ms() + 1_000)
        if epoch < now:
            with pytest.raises(Fenced):
                self.run(self.writers[writer].open([claim]))
        else:
            assert self.run(self.writers[writer].open([claim])) == [chunks]
            self.model[turn] = (epoch, chunks)
            self.owner[turn] = writer

    @rule(reader=WRITERS, places=st.lists(st.tuples(TURNS, st.integers(0, 12)), max_size=3, unique=True))
    def read(self, reader, places):
        due = [self.model.get(turn, (1, []))[1][received:] for turn, received in places]
        assert self.run(self.writers[reader].read(places)) == due

    @rule(writer=WRITERS)
    def expire(self, writer):
        over = {turn for turn in self.model if self.ended(turn)}
        assert self.run(self.writers[writer].expire(now_ms() + 1_000)) == len(over)
        self.expired |= over
        for turn in over:
            del self.model[turn]

    @invariant()
    def everything_is_there(self):
        for turn, (_, chunks) in self.model.items():
            assert self.run(self.writers[0].read([(turn, 0)])) == [chunks]


@pytest.mark.parametrize("backend", sorted(LOGS))
def test_log_machine(backend, migrated_database):
    machine = type("Machine", (LogMachine,), {"backend": backend, "database": migrated_database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=100 if backend in ("memory", "sqlite") else 40,
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
