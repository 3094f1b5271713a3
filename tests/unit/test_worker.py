"""What happens to turns when something around them fails."""

import asyncio
import shutil

import pytest

from antiphon.engine.submit import Ask
from antiphon.errors import StoreUnavailable
from antiphon.model import Principal
from antiphon.providers.port import Finish
from antiphon.registry import EXECUTORS, STORES, load
from engines import engine_on
from patience import PATIENCE_S, until

ANN = Principal("user:ann")


class Gate:
    """A provider that says ``text`` and then waits until it is let go."""

    continuation = True

    def __init__(self, text="some words"):
        self.text = text
        self.open = asyncio.Event()

    async def stream(self, prompt, sink):
        sink.content(self.text[len(prompt.prefix) :] or "!")
        await self.open.wait()
        return Finish(reason="stop")

    async def close(self):
        """Nothing is held."""


class Tap:
    """A reader."""

    def __init__(self):
        self.chunks = []
        self.gone = False

    def feed(self, turn, first, chunks, memo):
        self.chunks += chunks

    def lost(self, turn):
        self.gone = True

    async def has(self, kind):
        await until(lambda: any(chunk.kind == kind for chunk in self.chunks))


@pytest.fixture
def path(migrated_database, tmp_path):
    return shutil.copy(migrated_database, tmp_path / "antiphon.db")


async def over(engine, turn):
    async def has_ended():
        return (await engine.store.turn(ANN, turn.id)).state.ended

    await until(has_ended)


async def begin(engine, session="s"):
    turn = (await engine.submit(ANN, Ask(session_id=session, text="hi", create_session=True))).turn
    tap = Tap()
    (await engine.channel(turn)).attach(tap, 0)
    await tap.has("content")
    return turn, tap


async def test_a_turn_stopped_while_nobody_ran_it_ends_when_it_is_claimed(path):
    async with engine_on(path, Gate()) as first:
        turn, _ = await begin(first)
    executor = load(EXECUTORS, "sqlite")(path)
    await load(STORES, "sqlite")(executor).request_stop(ANN, turn.id)
    await executor.close()
    async with engine_on(path, Gate()) as second:
        tap = Tap()
        (await second.channel(turn)).attach(tap, 0)
        await tap.has("end")
        assert (await second.store.turn(ANN, turn.id)).state == "stopped"
        assert second.worker.running == 0


async def test_with_the_log_in_memory_a_lost_reply_fails_and_says_so(path):
    async with engine_on(path, Gate(), log="memory") as first:
        turn, _ = await begin(first)
    async with engine_on(path, Gate(), log="memory") as second:
        tap = Tap()
        (await second.channel(turn)).attach(tap, 0)
        await tap.has("end")
        assert "log_lost" in tap.chunks[-1].text


async def test_every_takeover_leaves_its_seam(path):
    for _ in range(3):
        async with engine_on(path, Gate()) as engine:
            if engine.worker.running == 0 and not await engine.store.undelivered(ANN, "s", 0):
                turn, _tap = await begin(engine)
            else:
                await until(lambda: engine.worker.running)
                await asyncio.sleep(0.1)
    gate = Gate()
    gate.open.set()
    async with engine_on(path, gate) as last:
        tap = Tap()
        (await last.channel(turn)).attach(tap, 0)
        await tap.has("end")
        message = await last.store.message(ANN, turn.reply_id)
    assert [seam["epoch"] for seam in message.metadata["seams"]] == [2, 3, 4]


async def test_a_session_deleted_in_mid_reply_lets_go_of_everything(path):
    gate = Gate()
    async with engine_on(path, gate, retention=0.0) as engine:
        _, tap = await begin(engine)
        await engine.delete_session(ANN, "s")
        await tap.has("end")
        await until(lambda: not engine.worker.running)
        assert not engine.hub._channels
        await asyncio.sleep(0.05)
        assert await engine._log.expire(2**60) == 1


async def test_a_log_that_is_away_for_good_fails_the_reply_and_readers_get_it_from_the_store(path):
    gate = Gate()
    async with engine_on(path, gate, log_gives_up=0.3) as engine:
        turn, tap = await begin(engine)
        honest, engine._log.append = engine._log.append, away
        engine.worker._running[turn.id].draft.content("more")
        await over(engine, turn)
        engine._log.append = honest
        await until(lambda: tap.gone)
        again = Tap()
        ended = await engine.store.turn(ANN, turn.id)
        (await engine.channel(ended)).attach(again, len(tap.chunks))
        assert [c.kind for c in again.chunks] == ["content", "end"]
        assert engine.sound


async def away(batch):
    raise StoreUnavailable("away")


async def test_one_poisoned_append_costs_one_reply(path):
    gate = Gate()
    async with engine_on(path, gate) as engine:
        bad, _ = await begin(engine, "bad")
        good, good_tap = await begin(engine, "good")
        honest = engine._log.append

        async def poisoned(batch):
            if any(entry.turn == bad.id and entry.chunks[-1].kind == "content" for entry in batch):
                raise ValueError("poison")
            return await honest(batch)

        engine._log.append = poisoned
        for turn in (bad, good):
            engine.worker._running[turn.id].draft.content("more")
        await over(engine, bad)
        gate.open.set()
        await good_tap.has("end")
        assert (await engine.store.message(ANN, good.reply_id)).content == "some wordsmore"
        assert (await engine.store.message(ANN, bad.reply_id)).status == "failed"
        assert engine.sound


async def test_a_reader_that_raises_disturbs_nobody(path):
    class Broken(Tap):
        def feed(self, turn, first, chunks, memo):
            raise RuntimeError("broken reader")

    gate = Gate()
    async with engine_on(path, gate) as engine:
        turn, tap = await begin(engine)
        engine.hub._channels[turn.id].readers.insert(0, Broken())
        gate.open.set()
        await tap.has("end")
        assert engine.sound


async def test_who_attaches_to_a_channel_lost_meanwhile_is_sent_away(path):
    async with engine_on(path, Gate()) as engine:
        turn, _ = await begin(engine)
        channel = await engine.channel(turn)
        channel.lose()
        late = Tap()
        channel.attach(late, 0)
        assert late.gone
        assert late.chunks


class Flood:
    """A provider that says too much and ends without having waited."""

    continuation = False

    async def stream(self, prompt, sink):
        sink.content("x" * 100)
        return Finish(reason="stop")

    async def close(self):
        """Nothing is held."""


async def test_a_reply_that_exceeds_its_bound_with_its_last_words_fails(path):
    async with engine_on(path, Flood(), reply_chars=50) as engine:
        turn = (await engine.submit(ANN, Ask(session_id="s", text="hi", create_session=True))).turn
        async with asyncio.timeout(PATIENCE_S):
            reply = await engine.whole(turn)
        assert reply.end.error.code == "too_large"
        assert (await engine.store.turn(ANN, turn.id)).state == "failed"
