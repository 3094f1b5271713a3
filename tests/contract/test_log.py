"""The contract of the Log port, for every back end."""

import asyncio

import pytest

from antiphon.errors import CursorExpired, Fenced
from antiphon.ids import now_ms
from antiphon.logs.port import Append
from antiphon.model import Chunk
from backends import LOGS

END = Chunk("end", "{}")


@pytest.fixture(params=sorted(LOGS))
async def make(request, migrated_database, tmp_path):
    async with LOGS[request.param](migrated_database, tmp_path) as factory:
        yield factory


def text(*words):
    return [Chunk("content", word) for word in words]


async def test_what_is_appended_is_read_back_in_order(make):
    log = make()
    assert await log.append([Append("a", 1, 0, text("one", "two"))]) == [True]
    assert (
        await log.append([Append("a", 1, 2, text("three")), Append("b", 1, 0, text("other"))]) == [True] * 2
    )
    assert await log.read("a", -1, 10) == text("one", "two", "three")
    assert await log.read("a", 0, 1) == text("two")
    assert await log.read("a", 2, 10) == []
    assert await log.read("b", -1, 10) == text("other")


async def test_nothing_is_there_before_the_first_chunk(make):
    assert await make().read("unknown", -1, 10) == []


async def test_a_cursor_on_what_is_not_kept_is_an_error(make):
    with pytest.raises(CursorExpired):
        await make().read("unknown", 3, 10)


async def test_a_gap_is_refused_and_the_rest_of_the_batch_is_not(make):
    log = make()
    assert await log.append([Append("a", 1, 1, text("x")), Append("b", 1, 0, text("y"))]) == [False, True]
    assert await log.read("a", -1, 10) == []
    assert await log.append([Append("a", 1, 0, text("x"))]) == [True]
    assert await log.append([Append("a", 1, 2, text("z"))]) == [False]


async def test_a_batch_sent_twice_is_stored_once(make):
    log = make()
    batch = [Append("a", 1, 0, text("one", "two")), Append("b", 1, 0, text("x"))]
    assert await log.append(batch) == [True, True]
    assert await log.append(batch) == [True, True]
    assert await log.append([Append("a", 1, 2, text("three"))]) == [True]
    assert await log.read("a", -1, 10) == text("one", "two", "three")


async def test_opening_returns_what_was_accepted_and_fences_the_older_epoch(make):
    old, new = make(), make()
    await old.append([Append("a", 1, 0, text("one")), Append("b", 1, 0, text("x"))])
    assert await new.open([("a", 2)]) == [text("one")]
    assert await old.append([Append("a", 1, 1, text("zombie")), Append("b", 1, 1, text("y"))]) == [
        False,
        True,
    ]
    assert await new.append([Append("a", 2, 1, text("two"))]) == [True]
    assert await old.append([Append("a", 1, 2, text("zombie"))]) == [False]
    assert await old.read("a", -1, 10) == text("one", "two")


async def test_an_older_epoch_cannot_open(make):
    log = make()
    await log.open([("a", 3)])
    with pytest.raises(Fenced):
        await make().open([("new", 1), ("a", 2)])
    assert await log.append([Append("a", 3, 0, text("one"))]) == [True]
    assert await log.append([Append("new", 1, 0, text("untouched"))]) == [True]


async def test_opening_a_fresh_turn_under_a_later_epoch_refuses_the_first(make):
    log = make()
    assert await log.open([("a", 2), ("b", 5)]) == [[], []]
    assert await make().append([Append("a", 1, 0, text("late first attempt"))]) == [False]
    assert await log.append([Append("a", 2, 0, text("x")), Append("b", 5, 0, text("y"))]) == [True, True]


async def test_an_unopened_turn_takes_epoch_one_only(make):
    assert await make().append([Append("a", 2, 0, text("x"))]) == [False]


async def test_nothing_follows_an_end(make):
    log = make()
    assert await log.append([Append("a", 1, 0, [*text("one"), END])]) == [True]
    assert await log.append([Append("a", 1, 2, text("more"))]) == [False]
    assert await log.append([Append("a", 1, 0, [*text("one"), END])]) == [True]
    assert await make().read("a", -1, 10) == [*text("one"), END]


async def test_ended_turns_expire_and_running_ones_stay(make):
    log = make()
    await log.append([Append("done", 1, 0, [*text("x"), END]), Append("running", 1, 0, text("y"))])
    assert await log.expire(now_ms() - 60_000) == 0
    assert await log.expire(now_ms() + 1) == 1
    with pytest.raises(CursorExpired):
        await log.read("done", 0, 10)
    assert await log.read("running", -1, 10) == text("y")
    assert await log.append([Append("running", 1, 1, text("z"))]) == [True]
    assert await log.read("running", -1, 10) == text("y", "z")


async def test_many_turns_are_opened_at_once(make):
    old = make()
    for seq in range(5):
        await old.append([Append(f"t{i}", 1, seq, text(f"{i}-{seq}")) for i in range(40)])
    found = await make().open([(f"t{i}", 2) for i in range(40)])
    assert found == [text(*(f"{i}-{seq}" for seq in range(5))) for i in range(40)]


async def test_appends_at_the_same_time_keep_their_order(make):
    log = make()
    batches = [[Append("a", 1, seq, text(str(seq)))] for seq in range(50)]
    results = await asyncio.gather(*(log.append(batch) for batch in batches))
    assert results == [[True]] * 50
    assert await log.read("a", -1, 100) == text(*(str(seq) for seq in range(50)))


async def test_any_text_survives(make):
    log = make()
    chunks = [
        Chunk("content", 'quote " slash \\ newline \n tab \t nul \x00 é 漢 🎼 \u2028'),
        Chunk("tool", '[{"a":1}]'),
    ]
    await log.append([Append("a", 1, 0, chunks)])
    assert await make().read("a", -1, 10) == chunks


async def test_an_append_whose_answer_is_lost_can_be_sent_again(make):
    log = make()
    await log.append([Append("a", 1, 0, text("one"))])
    batch = [Append("a", 1, 1, text("two")), Append("b", 1, 0, text("x"))]
    task = asyncio.ensure_future(log.append(batch))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await log.append(batch) == [True, True]
    assert await log.append([Append("a", 1, 2, text("three")), Append("b", 1, 1, text("y"))]) == [True, True]
    assert await log.read("a", -1, 10) == text("one", "two", "three")
    assert await log.read("b", -1, 10) == text("x", "y")
