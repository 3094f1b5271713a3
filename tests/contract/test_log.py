"""The contract of the Log port, for every back end."""

import asyncio

import pytest

from antiphon.errors import Fenced
from antiphon.ids import now_ms
from antiphon.logs.port import Append, Claim
from antiphon.model import Chunk
from backends import LOGS

END = Chunk("end", "{}")


@pytest.fixture(params=sorted(LOGS))
async def make(request, migrated_database, tmp_path):
    async with LOGS[request.param](migrated_database, tmp_path) as factory:
        yield factory


def text(*words):
    return [Chunk("content", word) for word in words]


def claims(*pairs):
    """Claims of turns that were submitted just now: after the log was made."""
    return [Claim(turn, epoch, now_ms() + 1_000) for turn, epoch in pairs]


async def read(log, turn, received=0):
    (found,) = await log.read([(turn, received)])
    return found


async def test_what_is_appended_is_read_back_in_order(make):
    log = make()
    assert await log.append([Append("a", 1, 0, text("one", "two"))]) == ["done"]
    batch = [Append("a", 1, 2, text("three")), Append("b", 1, 0, text("other"))]
    assert await log.append(batch) == ["done", "done"]
    assert await read(log, "a") == text("one", "two", "three")
    assert await read(log, "a", 1) == text("two", "three")
    assert await read(log, "a", 3) == await read(log, "a", 9) == []
    assert await log.read([("b", 0), ("unknown", 0), ("a", 2)]) == [text("other"), [], text("three")]


async def test_nothing_is_read_of_no_turn(make):
    assert await make().read([]) == []
    assert await make().append([]) == []
    assert await make().open([]) == []


async def test_a_gap_is_refused_and_the_rest_of_the_batch_is_not(make):
    log = make()
    assert await log.append([Append("a", 1, 1, text("x")), Append("b", 1, 0, text("y"))]) == [
        "behind",
        "done",
    ]
    assert await read(log, "a") == []
    assert await log.append([Append("a", 1, 0, text("x"))]) == ["done"]
    assert await log.append([Append("a", 1, 2, text("z"))]) == ["behind"]
    assert await read(log, "a") == text("x")


async def test_a_batch_sent_twice_is_stored_once(make):
    log = make()
    batch = [Append("a", 1, 0, text("one", "two")), Append("b", 1, 0, text("x"))]
    assert await log.append(batch) == ["done", "done"]
    assert await log.append(batch) == ["done", "done"]
    assert await log.append([Append("a", 1, 2, text("three"))]) == ["done"]
    assert await read(log, "a") == text("one", "two", "three")


async def test_all_of_a_turn_may_be_sent_again_and_what_is_missing_is_added(make):
    log = make()
    await log.append([Append("a", 1, 0, text("one", "two"))])
    assert await log.append([Append("a", 1, 1, text("two", "three", "four"))]) == ["done"]
    assert await make().read([("a", 0)]) == [text("one", "two", "three", "four")]
    assert await log.append([Append("a", 1, 0, [*text("one", "two", "three", "four"), END])]) == ["done"]
    assert await read(log, "a") == [*text("one", "two", "three", "four"), END]


async def test_opening_returns_what_was_accepted_and_fences_the_older_epoch(make):
    old, new = make(), make()
    await old.append([Append("a", 1, 0, text("one")), Append("b", 1, 0, text("x"))])
    assert await new.open(claims(("a", 2))) == [text("one")]
    assert await old.append([Append("a", 1, 1, text("zombie")), Append("b", 1, 1, text("y"))]) == [
        "fenced",
        "done",
    ]
    assert await new.append([Append("a", 2, 1, text("two"))]) == ["done"]
    assert await old.append([Append("a", 1, 2, text("zombie"))]) == ["fenced"]
    assert await old.append([Append("a", 1, 0, text("zombie"))]) == ["fenced"]
    assert await read(old, "a") == text("one", "two")


async def test_the_same_epoch_may_be_opened_again(make):
    log = make()
    await log.open(claims(("a", 2)))
    await log.append([Append("a", 2, 0, text("one"))])
    assert await log.open(claims(("a", 2))) == [text("one")]
    assert await log.append([Append("a", 2, 1, text("two"))]) == ["done"]
    assert await make().open(claims(("a", 3))) == [text("one", "two")]


async def test_an_older_epoch_cannot_open(make):
    log = make()
    await log.open(claims(("a", 3)))
    with pytest.raises(Fenced):
        await make().open(claims(("new", 1), ("a", 2)))
    assert await log.append([Append("a", 3, 0, text("one"))]) == ["done"]
    assert await log.append([Append("new", 1, 0, text("untouched"))]) == ["done"]


async def test_opening_a_fresh_turn_under_a_later_epoch_refuses_the_first(make):
    log = make()
    assert await log.open(claims(("a", 2), ("b", 5))) == [[], []]
    assert await make().append([Append("a", 1, 0, text("late first attempt"))]) == ["fenced"]
    assert await log.append([Append("a", 2, 0, text("x")), Append("b", 5, 0, text("y"))]) == ["done", "done"]


async def test_an_unopened_turn_takes_epoch_one_only(make):
    assert await make().append([Append("a", 2, 0, text("x"))]) == ["behind"]


async def test_nothing_follows_an_end(make):
    log = make()
    assert await log.append([Append("a", 1, 0, [*text("one"), END])]) == ["done"]
    assert await log.append([Append("a", 1, 2, text("more"))]) == ["fenced"]
    assert await log.append([Append("a", 1, 0, [*text("one"), END])]) == ["done"]
    assert await make().read([("a", 0)]) == [[*text("one"), END]]


async def test_ended_turns_expire_and_running_ones_stay(make):
    log = make()
    await log.append([Append("done", 1, 0, [*text("x"), END]), Append("running", 1, 0, text("y"))])
    assert await log.expire(now_ms() - 60_000) == 0
    assert await log.expire(now_ms() + 1_000) == 1
    assert await read(log, "done", 1) == await read(log, "done") == []
    assert await read(log, "running") == text("y")
    assert await log.append([Append("running", 1, 1, text("z"))]) == ["done"]
    assert await read(log, "running") == text("y", "z")


async def test_many_turns_are_opened_at_once(make):
    old = make()
    for seq in range(5):
        await old.append([Append(f"t{i}", 1, seq, text(f"{i}-{seq}")) for i in range(40)])
    found = await make().open(claims(*((f"t{i}", 2) for i in range(40))))
    assert found == [text(*(f"{i}-{seq}" for seq in range(5))) for i in range(40)]


async def test_appends_at_the_same_time_keep_their_order(make):
    log = make()
    batches = [[Append("a", 1, seq, text(str(seq)))] for seq in range(50)]
    results = await asyncio.gather(*(log.append(batch) for batch in batches))
    assert results == [["done"]] * 50
    assert await read(log, "a") == text(*(str(seq) for seq in range(50)))


async def test_any_text_survives(make):
    log = make()
    chunks = [
        Chunk("content", 'quote " slash \\ newline \n tab \t nul \x00 é 漢 🎼 \u2028'),
        Chunk("tool", '[{"a":1}]'),
    ]
    await log.append([Append("a", 1, 0, chunks)])
    assert await make().read([("a", 0)]) == [chunks]


async def test_a_long_reply_survives(make):
    log = make()
    chunks = text(*(f"{i:05d} " + "x" * 200 for i in range(3_000)))
    for first in range(0, 3_000, 500):
        assert await log.append([Append("a", 1, first, chunks[first : first + 500])]) == ["done"]
    assert await make().read([("a", 0)]) == [chunks]
    assert await make().open(claims(("a", 2))) == [chunks]
