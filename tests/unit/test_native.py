"""What the native contract says on every transport."""

import asyncio
import shutil

import pytest

from antiphon.engine.catalogue import Bot
from antiphon.engine.submit import Ask
from antiphon.model import Principal
from antiphon.providers.port import Finish
from antiphon.transports.native import once_more
from engines import engine_on
from patience import PATIENCE_S

ANN = Principal("user:ann")


class Hearing:
    """A provider that remembers what it was asked."""

    continuation = False

    def __init__(self):
        self.asked = []

    async def stream(self, prompt, sink):
        self.asked.append(prompt)
        sink.content("yes")
        return Finish(reason="stop")

    async def close(self):
        """Nothing is held."""


@pytest.fixture
def path(migrated_database, tmp_path):
    return shutil.copy(migrated_database, tmp_path / "antiphon.db")


async def test_a_reply_is_made_again_as_it_was_asked_for(path):
    model = Hearing()
    bot = Bot(name="b", model="p/m", prompt="Be kind.", told=["flight"])
    async with engine_on(path, model, bot=bot) as engine, asyncio.timeout(PATIENCE_S):
        await engine.store.create_session(ANN, "s", "", {"flight": "LH400"})
        asked = Ask(session_id="s", text="hi", instructions="In French.", params={"stop": "x"})
        first = (await engine.submit(ANN, asked)).turn
        await engine.whole(first)
        again = await once_more(engine, ANN, first.id, model=None, key=None, address=None)
        await engine.whole((await engine.submit(ANN, again)).turn)
    one, two = model.asked
    assert "LH400" in one.messages[0].content
    assert "In French." in one.messages[0].content
    assert one.messages == two.messages
    assert one.params == two.params == {"stop": "x"}
