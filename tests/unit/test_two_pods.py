"""Two pods' engines in one process: what one runs, the other's readers get; what goes wrong between them."""

import asyncio
import contextlib
import random
import shutil

import pytest

from antiphon.buses.memory import MemoryBus
from antiphon.engine import pod as keeping
from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Bot, Catalogue
from antiphon.engine.engine import Engine
from antiphon.engine.ports import Ports
from antiphon.engine.submit import Ask
from antiphon.errors import NotFound, StoreUnavailable
from antiphon.logs.memory import MemoryLog
from antiphon.logs.sqlite import SqliteLog
from antiphon.model import Principal
from antiphon.providers.port import Finish
from antiphon.registry import CACHES, EXECUTORS, LIMITERS, PRESENCES, STORES, load
from patience import until

ANN = Principal("user:ann")
WORDS = [f"word{i} " for i in range(40)]
LEASE = 0.6


class Slow:
    """A provider that says WORDS, one every few milliseconds, and goes on after a prefix."""

    continuation = True

    def __init__(self, pause=0.01):
        self.pause = pause
        self.stuck = False

    async def stream(self, prompt, sink):
        said = len(prompt.prefix.split())
        for word in WORDS[said:]:
            await asyncio.sleep(self.pause)
            while self.stuck:
                await asyncio.sleep(0.01)
            sink.content(word)
        return Finish(reason="stop")

    async def close(self):
        """Nothing is held."""


class LossyBus(MemoryBus):
    """Loses what ``lose`` says."""

    def __init__(self):
        super().__init__()
        self.lose = lambda topic: False
        self.carried = []

    def publish(self, topic, text):
        assert len(text.encode()) <= self.most_bytes
        if not self.lose(topic):
            self.carried.append(topic)
            super().publish(topic, text)


class SharedLog(MemoryLog):
    """A log in memory that stands for one that all pods share, and which can lose everything."""

    outlives_process = True

    def __init__(self):
        super().__init__()
        self.born = 0
        self.reads = 0

    async def open(self, claims):
        lost = [c.turn not in self._turns and c.created_at < self.born for c in claims]
        found = await super().open(claims)
        return [None if gone else chunks for gone, chunks in zip(lost, found, strict=True)]

    async def read(self, places):
        self.reads += 1
        return await super().read(places)

    def forget_all(self):
        self._turns.clear()
        self.born = 2**60


class Tap:
    """A reader; sees to it that no chunk is missing or comes twice."""

    def __init__(self, received=0):
        self.received = received
        self.chunks = []
        self.gone = False

    def feed(self, turn, first, chunks, memo):
        assert first == self.received + len(self.chunks)
        self.chunks += chunks

    def lost(self, turn):
        self.gone = True

    @property
    def text(self):
        return "".join(c.text for c in self.chunks if c.kind == "content")

    @property
    def ended(self):
        return bool(self.chunks) and self.chunks[-1].kind == "end"

    async def has(self, count):
        await until(lambda: len(self.chunks) >= count or self.ended)

    async def whole(self):
        await until(lambda: self.ended)
        assert self.text == "".join(WORDS)
        return self


class Fleet:
    """Two engines with a store each on one file, and a shared bus and log."""

    def __init__(self, path, bus=None, log=None, bounds=None):
        self.provider = Slow()
        self.bus = bus or LossyBus()
        self.log = log or SharedLog()
        self.stores = [load(STORES, "sqlite")(load(EXECUTORS, "sqlite")(path)) for _ in range(2)]
        bots = {"b": Bot(name="b", model="p/m")}
        self.pods = [
            Engine(
                Ports(
                    store,
                    self.log,
                    self.bus,
                    load(LIMITERS, "memory")({}),
                    load(PRESENCES, "memory")(),
                    load(CACHES, "memory")(),
                ),
                Catalogue(bots, {"p": self.provider}, default_bot="b", cache=load(CACHES, "memory")()),
                bounds or Bounds(lease=LEASE),
                pod=f"pod-{n}",
            )
            for n, store in enumerate(self.stores)
        ]

    async def submit(self, at=0, **more):
        ask = Ask(session_id="s", text="hi", create_session=True, **more)
        return (await self.pods[at].submit(ANN, ask)).turn

    async def follow(self, turn, at=1, received=0):
        tap = Tap(received)
        (await self.pods[at].channel(turn, received)).attach(tap, received)
        return tap

    async def kill(self, n):
        """As if its process had died: nothing of it runs any more, nothing is said."""
        pod = self.pods.pop(n)
        runs = [run.task for run in pod.worker._running.values()]
        for task in [*pod._tasks, *runs]:
            task.cancel()
        await asyncio.gather(*pod._tasks, *runs, return_exceptions=True)
        pod._relay.close()
        for unsubscribe in pod.worker._unsubscribe:
            unsubscribe()


@pytest.fixture
def path(migrated_database, tmp_path):
    return shutil.copy(migrated_database, tmp_path / "antiphon.db")


@contextlib.asynccontextmanager
async def fleet_on(path, **more):
    made = Fleet(path, **more)
    for pod in made.pods:
        await pod.start(alone=False)
    yield made
    for pod in made.pods:
        await pod.close()
    for store in made.stores:
        await store.close()


async def test_a_reader_elsewhere_is_fed_without_reading_the_log_again(path):
    async with fleet_on(path) as fleet:
        turn = await fleet.submit()
        near, far = await fleet.follow(turn, at=0), await fleet.follow(turn)
        await asyncio.gather(near.whole(), far.whole())
        assert near.chunks == far.chunks
        assert fleet.log.reads == 1
        assert not fleet.pods[1].hub._channels
        assert not fleet.pods[0]._relay._readers


@pytest.mark.parametrize("seed", range(3))
async def test_what_the_bus_loses_is_read_from_the_log(path, seed):
    dice = random.Random(seed)
    async with fleet_on(path) as fleet:
        fleet.bus.lose = lambda topic: dice.random() < 0.5
        turn = await fleet.submit()
        await (await fleet.follow(turn)).whole()
        assert fleet.log.reads > 1


async def test_a_deaf_pod_finds_everything_by_itself(path):
    async with fleet_on(path) as fleet:
        fleet.bus.lose = lambda topic: True
        turn = await fleet.submit()
        await (await fleet.follow(turn)).whole()


async def test_chunks_too_long_for_the_bus_are_read_from_the_log(path):
    bus = LossyBus()
    bus.most_bytes = 320
    async with fleet_on(path, bus=bus) as fleet:
        turn = await fleet.submit()
        tap = await fleet.follow(turn)
        await tap.whole()
        assert fleet.log.reads > 1


async def test_a_follower_that_has_left_is_not_fed_any_more(path):
    async with fleet_on(path) as fleet:
        turn = await fleet.submit()
        tap = await fleet.follow(turn)
        await tap.has(3)
        fleet.pods[1].hub.unfed(turn.id).detach(tap)
        await asyncio.sleep(0.05)
        assert not fleet.pods[0]._relay._readers
        assert not fleet.pods[1].hub._channels


async def test_a_reader_elsewhere_survives_the_death_of_the_pod_that_wrote(path):
    async with fleet_on(path) as fleet:
        turn = await fleet.submit()
        tap = await fleet.follow(turn)
        await tap.has(5)
        await fleet.kill(0)
        await tap.whole()
        assert [c.kind for c in tap.chunks if c.kind != "content"] == ["seam", "end"]
        message = await fleet.stores[1].message(ANN, turn.reply_id)
        assert message.content == "".join(WORDS)


async def test_a_pod_that_leaves_hands_over_at_once(path):
    async with fleet_on(path, bounds=Bounds(lease=60)) as fleet:
        turn = await fleet.submit()
        tap = await fleet.follow(turn)
        await tap.has(5)
        await fleet.pods[0].close()
        await tap.whole()


class SessionTap(Tap):
    """A follower of a session."""

    def ready(self, cursor):
        """Nothing yet."""

    def begin(self, turn):
        self.chunks = []

    def feed(self, turn, first, chunks, others, memo):
        super().feed(turn, first, chunks, memo)
        return True


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_session_hears_of_turns_submitted_elsewhere(path, deaf, monkeypatch):
    monkeypatch.setattr(keeping, "LOOK_FOR_TURNS_EVERY_S", 0.3)
    async with fleet_on(path) as fleet:
        fleet.bus.lose = lambda topic: deaf
        tap = SessionTap()
        follow = await fleet.pods[1].follow_session(ANN, "s", tap, None)
        await fleet.submit()
        await tap.whole()
        await fleet.submit()
        await until(lambda: follow.newest == 2)
        await asyncio.sleep(0.1)
        await tap.whole()
        fleet.pods[1].unfollow_session(ANN, "s", follow)


async def test_a_stop_reaches_the_pod_that_runs_the_turn_though_the_wake_up_is_lost(path):
    async with fleet_on(path) as fleet:
        fleet.provider.stuck = True
        fleet.bus.lose = lambda topic: topic == "stop"
        turn = await fleet.submit()
        await fleet.pods[1].stop(ANN, turn.id)

        async def stopped():
            return (await fleet.stores[1].turn(ANN, turn.id)).state == "stopped"

        await until(stopped)


async def test_a_log_that_comes_back_empty_is_rebuilt_by_the_living_writer(path):
    async with fleet_on(path) as fleet:
        turn = await fleet.submit()
        near, far = await fleet.follow(turn, at=0), await fleet.follow(turn)
        await near.has(8)
        fleet.log.forget_all()
        await asyncio.gather(near.whole(), far.whole())
        assert (await fleet.log.read([(turn.id, 0)]))[0] == near.chunks


async def test_a_reader_ahead_of_a_log_that_is_being_rebuilt_waits(path):
    async with fleet_on(path) as fleet:
        turn = await fleet.submit()
        near = await fleet.follow(turn, at=0)
        await near.has(8)
        fleet.provider.stuck = True
        received = len(near.chunks)
        fleet.log.forget_all()
        coming = asyncio.create_task(fleet.follow(turn, received=received))
        await asyncio.sleep(0.1)
        fleet.provider.stuck = False
        tap = await coming
        await near.whole()
        await until(lambda: received + len(tap.chunks) >= len(near.chunks))
        assert tap.chunks == near.chunks[received:]


async def test_chunks_lost_together_with_their_writer_are_an_explicit_error(path):
    async with fleet_on(path) as fleet:
        turn = await fleet.submit()
        tap = await fleet.follow(turn)
        await tap.has(5)
        await fleet.kill(0)
        fleet.log.forget_all()
        await until(lambda: tap.gone)
        message = await fleet.stores[1].message(ANN, turn.reply_id)
        assert message.status == "failed"
        assert message.metadata["error"]["code"] == "log_lost"


async def test_after_an_outage_of_the_store_no_pod_declares_the_others_dead(path, monkeypatch):
    async with fleet_on(path) as fleet:
        fleet.provider.pause = 0.1
        turn = await fleet.submit()
        tap = await fleet.follow(turn)

        async def away(*_, **__):
            raise StoreUnavailable("away")

        for store in fleet.stores:
            for call in ("heartbeat", "bury", "claim"):
                monkeypatch.setattr(store, call, away)
        await asyncio.sleep(2 * LEASE)
        monkeypatch.undo()
        await tap.whole()
        assert [c.kind for c in tap.chunks if c.kind != "content"] == ["end"], "somebody took it over"


async def test_on_one_database_without_a_broker_it_is_the_same(path):
    executor = load(EXECUTORS, "sqlite")(path)
    async with fleet_on(path, log=SqliteLog(executor)) as fleet:
        turn = await fleet.submit()
        tap = await fleet.follow(turn)
        await tap.has(5)
        await fleet.kill(0)
        await tap.whole()
    await executor.close()


async def test_a_reply_that_is_over_before_it_is_asked_for_comes_at_once(path):
    async with fleet_on(path, bounds=Bounds(lease=60)) as fleet:  # nobody looks for itself in this test
        fleet.provider.pause = 0
        fleet.pods[0].worker._draining = True
        turn = await fleet.submit()
        assert turn.pod is None
        tap = await fleet.follow(turn, at=0)
        await tap.whole()


@pytest.mark.parametrize("at", [0, 1])
async def test_nobody_waits_for_a_reply_that_was_deleted_before_it_began(path, at):
    async with fleet_on(path) as fleet:
        for pod in fleet.pods:
            pod.worker._draining = True  # so that it stays queued
        turn = await fleet.submit()
        waiting = asyncio.create_task(fleet.pods[at].whole(turn))
        await asyncio.sleep(0.1)
        await fleet.pods[0].delete_session(ANN, "s")
        with pytest.raises(NotFound):
            await asyncio.wait_for(waiting, 10)
