"""A conversation brought in a few rows at a time, for every back end: seen whole or not at all."""

import asyncio
import contextlib

import msgspec
import pytest

from antiphon.errors import Invalid, NotFound, Overloaded, StoreUnavailable
from antiphon.ids import new_id
from antiphon.stores.sql import archive_import
from archives import conversation
from stored import ANN, BOB, HOUR, exchange

FOREVER_MS = 2**61
TURNS = 600


async def begun(store, session_id):
    """Wait until a first part of an import is stored."""
    while not await store.message_count(session_id):
        await asyncio.sleep(0)


async def stopped_halfway(store, past):
    """Leave behind what a process leaves that dies in the middle of an import."""
    task = asyncio.create_task(store.bring_in(past))
    await begun(store, past.session.id)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    left = await store.message_count(past.session.id)
    assert 0 < left < TURNS
    return left


async def test_nobody_sees_a_part_of_it(make_store):
    writes, reads = make_store(), make_store()
    await writes.heartbeat("pod", HOUR, works=True)
    past = conversation(turns=TURNS)
    sid, looks = past.session.id, 0
    task = asyncio.create_task(writes.bring_in(past))
    await begun(reads, sid)
    while True:
        found = [*(await reads.search(ANN, "q1", None, archived=False)).sessions]
        for one in (reads.message(ANN, past.prompts[0].id), reads.turn(ANN, past.turns[0].turn.id)):
            with contextlib.suppress(NotFound):
                found.append(await one)
        # What is seen once is seen from then on: before that, nothing of it is.
        if listed := await reads.sessions(ANN, None, 10):
            break
        assert found == []
        looks += 1
    assert listed == [past.session] == [await task]
    assert looks, "it was looked at before all of it was stored"
    assert await reads.message_count(sid) == 2 * TURNS - 1


async def test_writes_of_others_come_between(store):
    past, between = conversation(turns=TURNS), 0
    task = asyncio.create_task(store.bring_in(past))
    while not task.done():
        await store.heartbeat("pod", HOUR, works=True)
        between += 1
    await task
    assert between >= 5


async def test_the_same_import_at_two_pods_is_one(make_store):
    stores = [make_store(), make_store()]
    await stores[0].heartbeat("pod", HOUR, works=True)
    for _ in range(5):
        sid = new_id("ses")
        both = [conversation(turns=20, session_id=sid) for _ in stores]
        made = await asyncio.gather(*(store.bring_in(past) for store, past in zip(stores, both, strict=True)))
        assert made[0] == made[1] == await stores[0].session(ANN, sid)
        assert await stores[0].message_count(sid) == 39
        assert await stores[1].bring_in(conversation(session_id=sid)) == made[0]
    others = msgspec.structs.replace(both[0].session, owner=BOB.id)
    with pytest.raises(NotFound):
        await stores[0].bring_in(msgspec.structs.replace(both[0], session=others))


async def test_what_died_is_swept_and_not_before(store, monkeypatch):
    past = conversation(turns=TURNS)
    left = await stopped_halfway(store, past)
    await store.sweep(HOUR)
    assert await store.message_count(past.session.id) == left, "it may be going on elsewhere"
    monkeypatch.setattr(archive_import, "WAIT_S", 0.1)
    with pytest.raises(Overloaded):
        await store.bring_in(past)
    await store.sweep(-FOREVER_MS)
    assert await store.message_count(past.session.id) == 0
    assert await store.bring_in(past) == past.session


async def test_what_was_given_up_does_not_go_on(make_store):
    writes, sweeps = make_store(), make_store()
    await writes.heartbeat("pod", HOUR, works=True)
    kept = await exchange(writes, "kept", "yes")
    past = conversation(turns=TURNS)
    task = asyncio.create_task(writes.bring_in(past))
    await begun(sweeps, past.session.id)
    await sweeps.sweep(-FOREVER_MS)
    with pytest.raises(StoreUnavailable):
        await task
    assert await sweeps.message_count(past.session.id) == 0
    assert [session.id for session in await sweeps.sessions(ANN, None, 10)] == [kept.session_id]


async def test_a_title_has_no_nul_whatever_the_database(store):
    with pytest.raises(Invalid, match="NUL"):
        await store.create_session(ANN, "s", "a\0b", {})
    await store.create_session(ANN, "s", "", {"a\0": "\0"})
    with pytest.raises(Invalid, match="NUL"):
        await store.update_session(ANN, "s", "\0", None)
    assert (await store.session(ANN, "s")).context == {"a\0": "\0"}


async def test_a_session_whose_context_is_too_deep_is_listed(store):
    deep = {}
    for _ in range(900):
        deep = {"a": deep}
    turn = await exchange(store, "x", "y", metadata=deep)
    await store.update_session(ANN, turn.session_id, None, deep)
    assert [it.context for it in await store.sessions(ANN, None, 10)] == [{}]
    assert [it.metadata for it in (await store.messages(ANN, turn.session_id, None, 10))[:1]] == [{}]
