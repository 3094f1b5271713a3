"""Replies that are kept nowhere."""

import asyncio
import shutil

import pytest

from antiphon.engine import engine as engine_module
from antiphon.engine.passing import Question
from antiphon.engine.submit import Ask
from antiphon.engine.whole import whole
from antiphon.errors import Invalid, Overloaded, ProviderRefused, TooLarge
from antiphon.model import Principal, Usage
from antiphon.providers.port import Finish, PromptMessage
from antiphon.providers.port import Model as Offered
from engines import engine_on
from patience import PATIENCE_S, until

ANN = Principal("user:ann")
HI = [PromptMessage(role="user", content="hi")]


class Model:
    """A provider that says three words when it is let go, and knows what it was asked."""

    continuation = False

    def __init__(self, error=None):
        self.error = error
        self.go = asyncio.Event()
        self.prompts = []
        self.running = 0

    async def stream(self, prompt, sink):
        self.prompts.append(prompt)
        self.running += 1
        try:
            sink.content("one ")
            await self.go.wait()
            if self.error:
                raise self.error
            sink.content("two ")
            sink.content("three")
        finally:
            self.running -= 1
        return Finish(reason="length", usage=Usage(prompt_tokens=3, completion_tokens=9))

    async def close(self):
        """Nothing is held."""


class Tap:
    def __init__(self):
        self.chunks = []

    def feed(self, turn, first, chunks, memo):
        assert first == len(self.chunks)
        self.chunks += chunks

    def lost(self, turn):
        raise AssertionError("nobody takes it over")


@pytest.fixture
def path(migrated_database, tmp_path):
    return shutil.copy(migrated_database, tmp_path / "antiphon.db")


async def collected(channel):
    async def opened(received):
        return channel

    async with asyncio.timeout(PATIENCE_S):
        return await whole(opened)


async def test_it_is_answered_whole_and_nothing_is_stored(path):
    model = Model()
    model.go.set()
    async with engine_on(path, model) as engine:
        question = Question(messages=HI, params={"stop": ["x"]})
        reply = await collected(await engine.passing.begin(ANN, question))
        assert reply.text == "one two three"
        assert (reply.end.finish_reason, reply.end.usage.completion_tokens) == ("length", 9)
        assert model.prompts[0].params == {"stop": ["x"]}
        assert len(engine.passing) == 0
        assert list(await engine.store.sessions(ANN, None, 10)) == []
        turn = (await engine.passing.begin(ANN, Question(messages=HI))).turn
        assert await engine.store.transcript(turn.id) is None


async def test_it_stops_when_its_last_reader_leaves(path):
    model = Model()
    async with engine_on(path, model) as engine:
        channel = await engine.passing.begin(ANN, Question(messages=HI))
        first, second = Tap(), Tap()
        channel.attach(first, 0)
        channel.attach(second, 0)
        await until(lambda: first.chunks and second.chunks)
        channel.detach(first)
        await asyncio.sleep(0.05)
        assert model.running == 1
        channel.detach(second)
        await until(lambda: model.running == 0 and len(engine.passing) == 0)
        assert engine.figures.turns == {"stopped": 1}, "to hang up is no failure"


async def test_a_failure_is_told_behind_what_was_said(path):
    model = Model(error=ProviderRefused("no more"))
    model.go.set()
    async with engine_on(path, model) as engine:
        reply = await collected(await engine.passing.begin(ANN, Question(messages=HI)))
        assert (reply.text, reply.end.state) == ("one ", "failed")
        assert reply.end.error.code == "provider_refused"


async def test_a_reply_over_its_bound_ends_with_that(path):
    model = Model()
    model.go.set()
    async with engine_on(path, model, reply_chars=6) as engine:
        reply = await collected(await engine.passing.begin(ANN, Question(messages=HI)))
        assert reply.end.error.code == "too_large"


async def test_a_reply_that_takes_too_long_is_ended(path):
    async with engine_on(path, Model(), turn_seconds=0.1) as engine:
        reply = await collected(await engine.passing.begin(ANN, Question(messages=HI)))
        assert (reply.text, reply.end.error.code) == ("one ", "provider_timeout")


async def test_bounds_are_told_before_anything_runs(path):
    model = Model()
    async with engine_on(path, model, message_chars=10, running_turns=1) as engine:
        with pytest.raises(Invalid):
            await engine.passing.begin(ANN, Question(messages=[]))
        with pytest.raises(TooLarge):
            await engine.passing.begin(ANN, Question(messages=[PromptMessage(role="user", content="x" * 11)]))
        await engine.passing.begin(ANN, Question(messages=HI))
        with pytest.raises(Overloaded):
            await engine.passing.begin(ANN, Question(messages=HI))


async def test_a_leaving_pod_ends_what_it_has_and_takes_no_more(path):
    model = Model()
    async with engine_on(path, model) as engine:
        channel = await engine.passing.begin(ANN, Question(messages=HI))
        tap = Tap()
        channel.attach(tap, 0)
        await until(lambda: tap.chunks)
        draining = asyncio.create_task(engine.drain())
        await asyncio.sleep(0.05)
        with pytest.raises(Overloaded):
            await engine.passing.begin(ANN, Question(messages=HI))
        model.go.set()
        await draining
        assert "".join(c.text for c in tap.chunks if c.kind == "content") == "one two three"
        assert tap.chunks[-1].kind == "end"


async def test_what_was_asked_before_a_pod_leaves_and_would_begin_after_is_refused(path):
    class Slow(Model):
        async def models(self):
            await self.go.wait()
            return [Offered(id="m")]

    model = Slow()
    async with engine_on(path, model) as engine:
        beginning = asyncio.create_task(engine.passing.begin(ANN, Question(messages=HI, model="m")))
        await asyncio.sleep(0.05)
        await engine.drain()
        model.go.set()
        with pytest.raises(Overloaded):
            await beginning
        assert model.prompts == []


async def test_a_leaving_pod_tells_those_it_does_not_wait_for(path, monkeypatch):
    class Clinging(Model):
        async def stream(self, prompt, sink):
            try:
                return await super().stream(prompt, sink)
            finally:
                await asyncio.sleep(0.2)

    monkeypatch.setattr(engine_module, "PASSING_DRAIN_S", 0.05)
    async with engine_on(path, Clinging()) as engine:
        channel = await engine.passing.begin(ANN, Question(messages=HI))
        reply = asyncio.create_task(collected(channel))
        await asyncio.sleep(0.05)
        await engine.drain()
        assert (await reply).end.error.code == "overloaded"


async def test_it_does_not_wait_for_a_log_that_is_away(path):
    model = Model()
    async with engine_on(path, model) as engine:
        away = asyncio.Event()

        async def append(batch):
            await away.wait()
            return ["done"] * len(batch)

        engine._log.append = append
        ask = Ask(session_id="s", text="hi", create_session=True)
        await engine.submit(ANN, ask)
        await until(lambda: engine._committer._log.append is append and model.running)
        model.go.set()
        reply = await collected(await engine.passing.begin(ANN, Question(messages=HI)))
        assert reply.text == "one two three"
        away.set()


class Broken:
    """A reader whose format does not know what comes."""

    gone = False

    def feed(self, turn, first, chunks, memo):
        raise KeyError("what is this?")

    def lost(self, turn):
        self.gone = True


async def test_a_reader_that_fails_is_sent_away_and_the_others_go_on(path):
    model = Model()
    async with engine_on(path, model) as engine:
        turn = (await engine.submit(ANN, Ask(session_id="s", text="hi", create_session=True))).turn
        broken, sound = Broken(), Tap()
        channel = await engine.channel(turn)
        channel.readers += [broken, sound]
        model.go.set()
        await until(lambda: sound.chunks and sound.chunks[-1].kind == "end")
        assert broken.gone
