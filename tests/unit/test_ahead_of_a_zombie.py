"""A reader that has more of a reply than the pod it comes to, because that pod was taken over from."""

import asyncio

import msgspec
import pytest

from antiphon.engine import deliver
from antiphon.engine.deliver import Hub
from antiphon.errors import CursorExpired, Overloaded
from antiphon.logs.memory import MemoryLog
from antiphon.logs.port import Append
from antiphon.model import Chunk
from patience import PATIENCE_S
from stored import running_turn

TURN = running_turn(pod="pod-0")


class Store:
    """Knows which epoch is the valid one."""

    epoch = 1

    async def owns(self, turn):
        return turn.epoch == self.epoch

    async def ended(self, turn_ids):
        return []


def hub(store):
    made = Hub(store, MemoryLog())
    made.feed(TURN, [Chunk("content", "a"), Chunk("content", "b")])
    return made


async def test_it_is_sent_on_and_not_told_that_its_chunks_are_gone():
    store = Store()
    store.epoch = 2
    with pytest.raises(Overloaded) as told:
        await hub(store).channel(TURN, 5)
    assert told.value.retry_after
    assert (await hub(store).channel(TURN, 2)).fed


async def test_where_the_chunks_are_gone_it_is_told_so(monkeypatch):
    monkeypatch.setattr(deliver, "REBUILT_WITHIN_S", 0.3)
    async with asyncio.timeout(PATIENCE_S):
        channel = await hub(Store()).channel(TURN, 5)
    with pytest.raises(CursorExpired):
        channel.check(5)


async def test_a_writer_whose_log_has_not_answered_yet_is_waited_for():
    made = hub(Store())
    asked = asyncio.create_task(made.channel(TURN, 3))
    await asyncio.sleep(0.1)
    made.fed("t").publish([Chunk("content", "c")])  # another pod had read it from the log before
    (await asked).check(3)


async def test_it_is_sent_on_when_the_writer_gives_up_meanwhile():
    made = hub(Store())
    asked = asyncio.create_task(made.channel(TURN, 3))
    await asyncio.sleep(0.1)
    made.fed("t").lose()
    with pytest.raises(Overloaded):
        await asked


async def test_a_channel_knows_the_attempt_that_feeds_it():
    made = Hub(Store(), MemoryLog())
    await made.channel(TURN)
    second = msgspec.structs.replace(TURN, epoch=2)
    assert made.feed(second, []).turn.epoch == 2


async def test_a_channel_that_is_waited_for_is_not_dropped():
    log = MemoryLog()
    made = Hub(Store(), log)
    await log.append([Append("t", 1, 0, [Chunk("content", "a")])])
    asked = asyncio.create_task(made.channel(TURN, 2))
    for _ in range(4):
        await asyncio.sleep(0.3)
        await made.refresh()
    await log.append([Append("t", 1, 1, [Chunk("content", "b")])])
    assert made.unfed("t") is await asked
