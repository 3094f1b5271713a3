"""Whole replies that answer equal questions; contexts kept near."""

import asyncio
import os
import shutil
import subprocess
import sys

import pytest

from antiphon.engine.catalogue import Bot
from antiphon.engine.submit import Ask
from antiphon.errors import NotFound, ProviderGarbled
from antiphon.model import Principal
from antiphon.providers.port import Finish
from engines import engine_on
from patience import PATIENCE_S

ANN, BOB = Principal("user:ann"), Principal("user:bob")
KEY = """
from antiphon.engine.reply_cache import _key
from antiphon.providers.port import Prompt, PromptMessage
messages = [PromptMessage(role="user", content="hi")]
prompt = Prompt(model="m", messages=messages, params={"b": 1, "a": {"z", "y"}})
print(_key("p/m", prompt))
"""


class Counting:
    """A provider that numbers its replies."""

    continuation = False

    def __init__(self, reason="stop"):
        self.reason = reason
        self.asked = []

    async def stream(self, prompt, sink):
        self.asked.append(prompt)
        sink.content(f"reply {len(self.asked)}")
        if self.reason == "cut":
            raise ProviderGarbled("cut")
        return Finish(reason=self.reason)

    async def close(self):
        """Nothing is held."""


@pytest.fixture
def path(migrated_database, tmp_path):
    return shutil.copy(migrated_database, tmp_path / "antiphon.db")


async def said(engine, session, text="hi", principal=ANN, **more):
    more.setdefault("cache", True)
    ask = Ask(session_id=session, text=text, create_session=True, **more)
    async with asyncio.timeout(PATIENCE_S):
        reply = await engine.whole((await engine.submit(principal, ask)).turn)
    return reply.text, reply.end.cached


async def test_an_equal_question_gets_the_reply_that_was_given(path):
    async with engine_on(path, Counting()) as engine:
        assert await said(engine, "s1") == ("reply 1", False)
        assert await said(engine, "s2") == ("reply 1", True)
        assert (engine.replies.hits, engine.replies.misses) == (1, 1)
        stored = await engine.store.messages(ANN, "s2", None, 10)
        assert stored[-1].content == "reply 1"


@pytest.mark.parametrize(
    "other",
    [{"text": "Hi"}, {"params": {"temperature": 1}}, {"instructions": "In French."}, {"cache": False}],
)
async def test_another_question_does_not(path, other):
    async with engine_on(path, Counting()) as engine:
        await said(engine, "s1")
        assert await said(engine, "s2", **other) == ("reply 2", False)


async def test_what_was_said_before_makes_it_another_question(path):
    async with engine_on(path, Counting()) as engine:
        await said(engine, "s1")
        assert await said(engine, "s1") == ("reply 2", False)


@pytest.mark.parametrize("reason", ["length", "content_filter", "cut"])
async def test_a_reply_that_is_not_whole_is_not_kept(path, reason):
    async with engine_on(path, Counting(reason), retries=0) as engine:
        await said(engine, "s1")
        assert await said(engine, "s2") == ("reply 2", False)


async def test_nothing_at_all_is_no_answer_to_give_again(path):
    class Silent(Counting):
        async def stream(self, prompt, sink):
            self.asked.append(prompt)
            return Finish(reason="stop")

    async with engine_on(path, Silent()) as engine:
        await said(engine, "s1")
        assert await said(engine, "s2") == ("", False)


async def test_with_no_seconds_nothing_is_kept(path):
    async with engine_on(path, Counting(), reply_cache_seconds=0.0) as engine:
        await said(engine, "s1")
        assert await said(engine, "s2") == ("reply 2", False)


def test_the_key_is_the_same_in_every_process():
    def in_a_process(seed):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", KEY], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert in_a_process("1") == in_a_process("2") != ""


async def test_a_bot_is_told_of_the_context_just_what_it_asks_for(path):
    model = Counting()
    bot = Bot(name="b", model="p/m", prompt="Be kind.", told=["flight"])
    async with engine_on(path, model, bot=bot) as engine:
        context = {"flight": "LH400", "email": "ann@example.org"}
        await engine.store.create_session(ANN, "s", "", context)
        await said(engine, "s")
        system = model.asked[0].messages[0].content
        assert "LH400" in system
        assert "ann@example.org" not in system
        await engine.update_session(ANN, "s", None, {"flight": "LH401"})
        await said(engine, "s")
        assert "LH401" in model.asked[1].messages[0].content


async def test_contexts_are_their_owners(path):
    async with engine_on(path, Counting()) as engine:
        await engine.store.create_session(ANN, "s", "", {"a": 1})
        assert await engine.contexts.get(ANN, "s") == {"a": 1}
        with pytest.raises(NotFound):
            await engine.contexts.get(BOB, "s")
        await engine.delete_session(ANN, "s")
        with pytest.raises(NotFound):
            await engine.contexts.get(ANN, "s")
