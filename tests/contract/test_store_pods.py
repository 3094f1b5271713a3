"""The contract of the Store port, for every back end: pods, leases, claims, followers."""

import asyncio

import pytest

from antiphon.errors import Overloaded
from antiphon.stores.port import Standing
from stored import ANN, FOREVER, HOUR, ask, exchange, outcome


async def test_an_older_epoch_cannot_end_a_turn(make_store, store):
    turn = (await store.submit(ANN, ask())).turn
    await store.heartbeat("other", HOUR, works=True)
    assert await store.bury("other", -FOREVER) == 1
    (taken,) = await make_store().claim("other", 10)
    assert (taken.id, taken.epoch, taken.reply_id) == (turn.id, 2, turn.reply_id)
    assert (await store.owns(turn), await store.owns(taken)) == (False, True)
    assert await store.finish(turn, outcome(turn, "zombie")) == "fenced"
    assert await store.finish(taken, outcome(taken, "whole")) == "done"
    assert await store.finish(turn, outcome(turn, "zombie")) == "fenced"
    assert not await store.owns(taken)
    assert [m.content for m in await store.messages(ANN, "s", None, 10)] == ["hello", "whole"]


async def test_a_queued_turn_cannot_be_ended(store):
    turn = (await store.submit(ANN, ask(claim_for=None))).turn
    assert await store.finish(turn, outcome(turn, "x")) == "fenced"
    assert not await store.owns(turn)


async def test_a_dead_pod_is_buried_and_a_living_one_is_not(store):
    await store.heartbeat("dead", 1, works=True)
    lost = [(await store.submit(ANN, ask(str(i), session=f"{i}", claim_for="dead"))).turn for i in range(3)]
    kept = (await store.submit(ANN, ask("kept"))).turn
    await asyncio.sleep(0.05)
    assert await store.bury("dead") == 0, "itself it keeps"
    assert await store.bury("pod", 60_000) == 0, "not silent for so long"
    assert await store.bury("pod") == 3
    assert await store.bury("pod") == 0
    claimed = await store.claim("pod", 2)
    assert [t.id for t in claimed] == [t.id for t in lost[:2]]
    assert [t.id for t in await store.claim("pod", 10)] == [lost[2].id]
    assert (await store.turn(ANN, kept.id)).epoch == 1
    assert not await store.heartbeat("dead", HOUR, works=True), "it must learn that it was buried"
    assert await store.heartbeat("dead", HOUR, works=True)


async def test_a_heartbeat_makes_a_lease_longer(store):
    await store.heartbeat("a", 1, works=True)
    await store.heartbeat("b", 1, works=False)
    await asyncio.sleep(0.05)
    assert await store.heartbeat("a", HOUR, works=True)
    assert await store.bury("pod") == 0
    assert await store.heartbeat("a", HOUR, works=True)
    assert not await store.heartbeat("b", HOUR, works=True)


async def test_a_buried_pod_gets_no_turn(store):
    await store.heartbeat("dead", 1, works=True)
    await asyncio.sleep(0.05)
    await store.bury("pod")
    submitted = await store.submit(ANN, ask(claim_for="dead"))
    turn = submitted.turn
    assert (turn.state, turn.pod, turn.epoch, submitted.history) == ("queued", None, 0, None)
    assert await store.claim("dead", 10) == []
    assert await store.claim("never heard of", 10) == []
    assert [t.id for t in await store.claim("pod", 10)] == [turn.id]


async def test_no_turn_is_left_to_a_pod_that_is_buried_meanwhile(make_store, store):
    stores = [store, make_store(), make_store()]

    async def orphan(n):
        pod, at = f"pod-{n}", stores[n % 3]
        await at.heartbeat(pod, 0, works=True)
        await at.submit(ANN, ask(session=f"{n}", claim_for=pod))
        await at.submit(ANN, ask(session=f"{n}", claim_for=None))
        await at.claim(pod, 1)

    async def bury(at):
        for _ in range(15):
            await at.bury("pod")
            await asyncio.sleep(0.002)

    await asyncio.gather(*(orphan(n) for n in range(20)), *(bury(at) for at in stores))
    await asyncio.sleep(0.01)
    await store.bury("pod")
    claimed = [turn.id for _ in range(9) for turn in await store.claim("pod", 10)]
    assert len(set(claimed)) == len(claimed) == 40


async def test_a_pod_that_leaves_gives_its_turns_back(store):
    turn = (await store.submit(ANN, ask())).turn
    assert await store.release("pod") == 1
    await store.heartbeat("next", HOUR, works=True)
    assert [(t.id, t.epoch) for t in await store.claim("next", 10)] == [(turn.id, 2)]
    assert not await store.heartbeat("pod", HOUR, works=True)


async def test_what_a_pod_holds_and_gives_back(store):
    turns = [(await store.submit(ANN, ask(session=str(i)))).turn for i in range(4)]
    await store.submit(ANN, ask(session="queued", claim_for=None))
    await store.finish(turns[0], outcome(turns[0], "x"))
    held = [(turn.id, 1) for turn in turns[1:]]
    assert sorted(await store.held("pod")) == sorted(held)
    assert await store.held("nobody") == []
    assert await store.requeue([held[0], (turns[2].id, 7), (turns[0].id, 1), ("turn_unknown", 1)]) == 1
    assert sorted(await store.held("pod")) == sorted(held[1:])
    assert await store.requeue([held[0]]) == await store.requeue([]) == 0
    assert (turns[1].id, 2) in [(t.id, t.epoch) for t in await store.claim("pod", 10)]


async def test_queued_turns_are_claimed_once(make_store, store):
    turns = [(await store.submit(ANN, ask(session=str(i), claim_for=None))).turn for i in range(20)]
    assert {t.state for t in turns} == {"queued"}
    stores = [store, make_store(), make_store()]
    for i in range(8):
        await store.heartbeat(f"pod{i}", HOUR, works=True)
    claims = await asyncio.gather(*(stores[i % 3].claim(f"pod{i}", 4) for i in range(8)))
    claimed = [t.id for claim in claims for t in claim]
    assert sorted(claimed) == sorted(t.id for t in turns)


async def test_pods_get_about_as_much_each(make_store, store):
    stores = {"pod": store, "b": make_store(), "c": make_store()}
    for pod in ("b", "c"):
        await store.heartbeat(pod, HOUR, works=True)
    await store.heartbeat("web", HOUR, works=False)
    for i in range(300):
        await store.submit(ANN, ask(session=f"{i % 10}", claim_for=None, max_active=99))
    claimed = dict.fromkeys(stores, 0)
    while sum(claimed.values()) < 300:
        for pod, at in stores.items():
            taken = await at.claim(pod, 1_000)
            assert len({turn.id for turn in taken}) == len(taken)
            claimed[pod] += len(taken)
    assert sum(claimed.values()) == 300
    assert min(claimed.values()) >= 60, claimed


async def test_a_few_waiting_turns_are_not_divided(store):
    await store.heartbeat("b", HOUR, works=True)
    for i in range(8):
        await store.submit(ANN, ask(session=f"{i}", claim_for=None))
    assert len(await store.claim("pod", 3)) == 3
    assert len(await store.claim("pod", 100)) == 5


async def test_turns_that_wait_have_a_bound(store):
    for i in range(3):
        await store.submit(ANN, ask(session=f"{i}", claim_for=None, max_queued=3))
    with pytest.raises(Overloaded):
        await store.submit(ANN, ask(session="more", claim_for=None, max_queued=3))
    assert len(await store.sessions(ANN, None, 10)) == 3
    assert (await store.submit(ANN, ask(session="more", max_queued=3))).turn.state == "running"


async def test_which_turns_have_ended(store):
    done = await exchange(store, "one", "ONE")
    running = (await store.submit(ANN, ask("two"))).turn
    queued = (await store.submit(ANN, ask("three", claim_for=None))).turn
    asked = [queued.id, done.id, "turn_'unknown", running.id]
    assert list(await store.ended(asked)) == [done.id, "turn_'unknown"]
    assert list(await store.ended([])) == []


async def test_how_sessions_stand(store):
    await store.create_session(ANN, "empty", "", {})
    for i in range(3):
        await exchange(store, str(i), "x", session="three \" \\ 'quoted'")
    asked = ["empty", "three \" \\ 'quoted'", "unknown"]
    made = {sid: (await store.session(ANN, sid)).created_at for sid in asked[:2]}
    known = await store.standings(asked)
    assert known == {sid: Standing(count, made[sid]) for sid, count in zip(asked, (0, 3), strict=False)}
    assert await store.standings([]) == {}
