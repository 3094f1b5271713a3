"""Live figures within one process: who computes them when, and what becomes of a slow reader."""

import asyncio
import contextlib
import json
import shutil
from collections import Counter

import pytest

from antiphon.bots.provider import BuiltinProvider
from antiphon.errors import StoreUnavailable
from antiphon.observe import live
from antiphon.observe.metrics import Metrics
from antiphon.transports.asgi import Request
from antiphon.transports.loopback import Loopback
from antiphon.transports.stream import Streams
from engines import engine_on
from patience import until


class Reader:
    """A client whose connection takes nothing unless it is ``free``."""

    def __init__(self):
        self.free = asyncio.Event()
        self.free.set()
        self.left = asyncio.Event()
        self.events = []
        scope = {
            "type": "http",
            "path": "/stats/events",
            "headers": [(b"host", b"localhost")],
            "client": ("::1", 1),
        }
        self.request = Request(scope, self._receive, self._send, 1000)

    async def _receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        await self.free.wait()
        if b"event: stats" in message.get("body", b""):
            self.events.append(json.loads(message["body"].partition(b"data: ")[2]))

    async def until(self, count):
        await until(lambda: len(self.events) >= count)


class Counted(Metrics):
    """Metrics that count how often they are told."""

    times = 0

    def told(self, queued):
        self.times += 1
        return {"n": self.times}


@pytest.fixture
async def figures(migrated_database, tmp_path, monkeypatch):
    monkeypatch.setattr(live, "EVERY_S", 0.02)
    async with engine_on(
        shutil.copy(migrated_database, tmp_path / "antiphon.db"), BuiltinProvider()
    ) as engine:
        streams = Streams(engine)
        made = live.Live(
            Counted(engine, streams, Counter()),
            Loopback(),
            rates={"user": "5 / minute"},
            most_readers=3,
            connections=lambda: 7,
            most_connections=9,
        )
        made.metrics = made._metrics
        yield made
        streams.close()


@contextlib.asynccontextmanager
async def reading(figures):
    reader = Reader()
    task = asyncio.create_task(figures.events(reader.request))
    try:
        yield reader
    finally:
        reader.free.set()
        reader.left.set()
        await task


async def test_they_are_computed_once_for_all_and_only_while_somebody_reads(figures):
    await asyncio.sleep(0.1)
    assert figures.metrics.times == 0
    async with reading(figures) as one, reading(figures) as two, reading(figures) as three:
        for reader in (one, two, three):
            await reader.until(5)
        seen = [event["n"] for event in one.events]
        assert seen == list(range(1, len(seen) + 1))
        assert figures.metrics.times <= len(seen) + 1
    computed = figures.metrics.times
    await asyncio.sleep(0.1)
    assert figures.metrics.times == computed


async def test_a_slow_reader_misses_what_it_did_not_take(figures):
    async with reading(figures) as slow, reading(figures) as quick:
        await slow.until(1)
        slow.free.clear()
        before = len(slow.events)
        await quick.until(before + 30)
        slow.free.set()
        await slow.until(before + 3)
        seen = [event["n"] for event in slow.events]
        assert seen == sorted(set(seen))
        # What was on its way when it stopped, then what is newest: none of those between.
        assert seen[before + 1] - seen[before] > 20


async def test_figures_come_without_a_store_too(figures, monkeypatch):
    async def away():
        raise StoreUnavailable("The database does not answer.")

    monkeypatch.setattr(figures.metrics.engine.store, "fleet", away)
    async with reading(figures) as reader:
        await reader.until(2)
        assert reader.events[-1]["pods"] is None

        async def hangs():
            await asyncio.sleep(60)

        monkeypatch.setattr(live, "STORE_WITHIN_S", 0.02)
        monkeypatch.setattr(figures.metrics.engine.store, "fleet", hangs)
        await reader.until(len(reader.events) + 3)
        assert reader.events[-1]["pods"] is None


async def test_an_error_of_one_second_is_not_that_of_the_next(figures, monkeypatch):
    async def broken():
        raise ZeroDivisionError

    async with reading(figures) as reader:
        await reader.until(1)
        with monkeypatch.context() as patched:
            patched.setattr(figures.metrics.engine.store, "fleet", broken)
            await asyncio.sleep(0.1)
        await reader.until(len(reader.events) + 2)
        assert reader.events[-1]["pods"][0]["this"]
