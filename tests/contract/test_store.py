"""The contract of the Store port, for every back end."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import Conflict, NotFound, Overloaded, RateLimited
from antiphon.ids import now_ms
from antiphon.model import Chunk, End, Principal, TurnState, Usage
from antiphon.stores.port import NewTurn, Outcome
from antiphon.stores.sql.rows import pack_transcript, unpack_transcript
from backends import STORES

ANN, BOB = Principal("user:ann"), Principal("user:bob")
HOUR = 3_600_000
FOREVER = 2**50


@pytest.fixture(params=sorted(STORES))
async def make(request, migrated_database, tmp_path):
    async with STORES[request.param](migrated_database, tmp_path) as factory:
        yield factory


@pytest.fixture
async def store(make):
    made = make()
    await made.heartbeat("pod", HOUR, works=True)
    return made


def ask(text="hello", session="s", **more):
    defaults = {"bot": "echo", "model": "builtin/echo", "create_session": True, "claim_for": "pod"}
    return NewTurn(session_id=session, text=text, **(defaults | more))


def outcome(turn, *words, state=TurnState.COMPLETE):
    content = "".join(words)
    end = End(
        state=state,
        finish_reason="stop",
        model=turn.model,
        message_id=turn.reply_id,
        usage=Usage(prompt_tokens=1, completion_tokens=len(words)),
    )
    chunks = [*(Chunk("content", w) for w in words), Chunk("end", msgspec.json.encode(end).decode())]
    return Outcome(state=state, content=content, end=end, chunks=chunks)


async def exchange(store, text, reply, **more):
    turn = (await store.submit(ANN, ask(text, **more))).turn
    assert await store.finish(turn, outcome(turn, reply)) == "done"
    return turn


async def test_message_and_turn_are_stored_together(store):
    submitted = await store.submit(ANN, ask("hi", sender="ann", metadata={"k": 1}))
    turn = submitted.turn
    assert submitted.fresh
    assert (turn.number, turn.state, turn.pod, turn.epoch) == (1, "running", "pod", 1)
    (message,) = await store.messages(ANN, "s", None, 10)
    assert (message.id, message.content, message.role) == (turn.prompt_id, "hi", "user")
    assert (message.sender, message.metadata, message.turn_id) == ("ann", {"k": 1}, turn.id)
    assert await store.turn(ANN, turn.id) == turn


async def test_another_principal_finds_nothing(store):
    turn = (await store.submit(ANN, ask())).turn
    calls = [
        store.session(BOB, "s"),
        store.create_session(BOB, "s", "", {}),
        store.update_session(BOB, "s", "mine", None),
        store.delete_session(BOB, "s"),
        store.messages(BOB, "s", None, 10),
        store.message(BOB, turn.prompt_id),
        store.turn(BOB, turn.id),
        store.turns(BOB, "s", 0, 10),
        store.undelivered(BOB, "s", 0),
        store.request_stop(BOB, turn.id),
        store.submit(BOB, ask("intruder")),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            await call
    assert await store.sessions(BOB, None, 10) == []
    assert len(await store.messages(ANN, "s", None, 10)) == 1
    assert (await store.session(ANN, "s")).title == "hello"


async def test_an_unknown_session_is_created_only_when_asked(store):
    with pytest.raises(NotFound):
        await store.submit(ANN, ask(create_session=False))
    assert await store.sessions(ANN, None, 10) == []
    assert await store.undelivered(ANN, "s", 0) == []


async def test_the_same_key_is_the_same_turn(store):
    first = await store.submit(ANN, ask("hi", idempotency_key="k"))
    again = await store.submit(ANN, ask("hi", idempotency_key="k"))
    assert (again.fresh, again.turn.id) == (False, first.turn.id)
    with pytest.raises(Conflict):
        await store.submit(ANN, ask("something else", idempotency_key="k"))
    other = await store.submit(ANN, ask("hi", idempotency_key="k", session="t"))
    assert other.fresh
    assert len(await store.messages(ANN, "s", None, 10)) == 1


async def test_one_key_sent_many_times_at_once_is_stored_once(make, store):
    stores = [store, make(), make()]
    await store.create_session(ANN, "s", "", {})
    results = await asyncio.gather(
        *(stores[i % 3].submit(ANN, ask("hi", idempotency_key="k")) for i in range(30))
    )
    assert sum(result.fresh for result in results) == 1
    assert len({result.turn.id for result in results}) == 1
    assert len(await store.messages(ANN, "s", None, 10)) == 1


async def test_turns_of_a_session_are_numbered_without_gaps_by_all_pods(make, store):
    stores = [store, make()]
    await store.create_session(ANN, "s", "", {})
    results = await asyncio.gather(
        *(stores[i % 2].submit(ANN, ask(str(i), max_active=100)) for i in range(40))
    )
    assert sorted(r.turn.number for r in results) == list(range(1, 41))
    assert (await store.session(ANN, "s")).turn_count == 40


async def test_a_session_has_a_bound_on_turns_under_way(store):
    first = (await store.submit(ANN, ask("1", max_active=2))).turn
    await store.submit(ANN, ask("2", max_active=2))
    with pytest.raises(RateLimited):
        await store.submit(ANN, ask("3", max_active=2))
    assert len(await store.messages(ANN, "s", None, 10)) == 2
    await store.finish(first, outcome(first, "x"))
    assert (await store.submit(ANN, ask("3", max_active=2))).turn.number == 3


async def test_a_refused_call_does_not_disturb_others_of_the_same_commit(store):
    calls = [store.submit(ANN, ask(str(i), session=f"s{i}", create_session=i % 2 == 0)) for i in range(20)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(r, NotFound) for r in results] == [i % 2 == 1 for i in range(20)]
    assert len(await store.sessions(ANN, None, 100)) == 10


async def test_the_end_stores_one_message_equal_to_its_chunks(store):
    turn = (await store.submit(ANN, ask())).turn
    assert await store.transcript(turn.id) is None
    done = outcome(turn, "one ", "twö ", "🎼")
    assert await store.finish(turn, done) == "done"
    assert await store.finish(turn, done) == "done", "whoever did not get the answer asks again"
    _, reply = await store.messages(ANN, "s", None, 10)
    assert (reply.id, reply.content, reply.status) == (turn.reply_id, "one twö 🎼", "complete")
    assert (reply.parent_id, reply.ordinal, reply.role) == (turn.prompt_id, 3, "assistant")
    assert reply.usage == {"prompt_tokens": 1, "completion_tokens": 3, "estimated": False}
    assert await store.transcript(turn.id) == done.chunks
    assert (await store.turn(ANN, turn.id)).state == "complete"


async def test_an_older_epoch_cannot_end_a_turn(make, store):
    turn = (await store.submit(ANN, ask())).turn
    await store.heartbeat("other", HOUR, works=True)
    assert await store.bury("other", -FOREVER) == 1
    (taken,) = await make().claim("other", 10)
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


async def test_no_turn_is_left_to_a_pod_that_is_buried_meanwhile(make, store):
    stores = [store, make(), make()]

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


async def test_queued_turns_are_claimed_once(make, store):
    turns = [(await store.submit(ANN, ask(session=str(i), claim_for=None))).turn for i in range(20)]
    assert {t.state for t in turns} == {"queued"}
    stores = [store, make(), make()]
    for i in range(8):
        await store.heartbeat(f"pod{i}", HOUR, works=True)
    claims = await asyncio.gather(*(stores[i % 3].claim(f"pod{i}", 4) for i in range(8)))
    claimed = [t.id for claim in claims for t in claim]
    assert sorted(claimed) == sorted(t.id for t in turns)


async def test_pods_get_about_as_much_each(make, store):
    stores = {"pod": store, "b": make(), "c": make()}
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


async def test_counts_of_turns_by_session(store):
    await store.create_session(ANN, "empty", "", {})
    for i in range(3):
        await exchange(store, str(i), "x", session="three \" \\ 'quoted'")
    asked = ["empty", "three \" \\ 'quoted'", "unknown"]
    assert await store.turn_counts(asked) == {"empty": 0, "three \" \\ 'quoted'": 3}
    assert await store.turn_counts([]) == {}


async def test_history_follows_the_branch(store):
    first = await exchange(store, "one", "ONE")
    second = await exchange(store, "two", "TWO")
    third = (await store.submit(ANN, ask("three"))).turn
    history = await store.history(third.prompt_id, 10)
    assert [(e.before, e.text) for e in history] == [(None, "one"), ("ONE", "two"), ("TWO", "three")]
    assert [e.text for e in await store.history(third.prompt_id, 2)] == ["two", "three"]
    edited = (await store.submit(ANN, ask("two again", parent_id=first.reply_id))).turn
    history = await store.history(edited.prompt_id, 10)
    assert [(e.before, e.text) for e in history] == [(None, "one"), ("ONE", "two again")]
    root = (await store.submit(ANN, ask("new beginning", parent_id=None))).turn
    assert [e.text for e in await store.history(root.prompt_id, 10)] == ["new beginning"]
    again = (await store.submit(ANN, ask(None, prompt_id=second.prompt_id, max_active=9))).turn
    assert again.prompt_id == second.prompt_id
    assert [e.text for e in await store.history(again.prompt_id, 10)] == ["one", "two"]


async def test_history_while_earlier_replies_are_under_way(store):
    await store.submit(ANN, ask("one"))
    second = (await store.submit(ANN, ask("two"))).turn
    history = await store.history(second.prompt_id, 10)
    assert [(e.before, e.text) for e in history] == [(None, "one"), (None, "two")]


async def test_a_parent_or_prompt_of_elsewhere_is_not_found(store):
    other = await exchange(store, "x", "y", session="other")
    await store.create_session(ANN, "s", "", {})
    for wrong in (
        ask(parent_id=other.reply_id),
        ask(parent_id="msg_nowhere"),
        ask(None, prompt_id=other.prompt_id),
    ):
        with pytest.raises(NotFound):
            await store.submit(ANN, wrong)
    assert await store.messages(ANN, "s", None, 10) == []
    assert (await store.session(ANN, "s")).turn_count == 0


async def test_undelivered_turns(store):
    done = await exchange(store, "one", "ONE")
    running = (await store.submit(ANN, ask("two"))).turn
    owed = await store.undelivered(ANN, "s", now_ms() - 60_000)
    assert [t.id for t in owed] == [done.id, running.id]
    assert [t.id for t in await store.undelivered(ANN, "s", now_ms() + 1)] == [running.id]
    await store.mark_delivered([done.id])
    assert [t.id for t in await store.undelivered(ANN, "s", 0)] == [running.id]
    assert [t.number for t in await store.turns(ANN, "s", 1, 10)] == [2]


async def test_stop_is_asked_once_and_not_of_the_ended(store):
    turn = (await store.submit(ANN, ask())).turn
    assert (await store.request_stop(ANN, turn.id)).stop_requested
    assert list(await store.stops("pod")) == [turn.id]
    assert (await store.request_stop(ANN, turn.id)).stop_requested
    done = await exchange(store, "x", "y", session="t")
    assert not (await store.request_stop(ANN, done.id)).stop_requested
    queued = (await store.submit(ANN, ask(claim_for=None))).turn
    assert (await store.request_stop(ANN, queued.id)).stop_requested
    assert list(await store.stops("pod")) == [turn.id]
    assert list(await store.stops("other")) == []
    await store.finish(turn, outcome(turn, "x", state=TurnState.STOPPED))
    assert list(await store.stops("pod")) == []


async def test_pages_of_sessions_and_messages(store):
    for i in range(5):
        await store.create_session(ANN, f"s{i}", f"title {i}", {"i": i})
        await asyncio.sleep(0.002)
    page = await store.sessions(ANN, None, 2)
    assert [s.id for s in page] == ["s4", "s3"]
    assert [s.id for s in await store.sessions(ANN, page[-1].updated_at, 2)] == ["s2", "s1"]
    for i in range(3):
        await exchange(store, f"q{i}", f"a{i}")
    newest = await store.messages(ANN, "s", None, 2)
    assert [m.content for m in newest] == ["q2", "a2"]
    assert [m.content for m in await store.messages(ANN, "s", newest[0].ordinal, 3)] == ["a0", "q1", "a1"]


async def test_sessions_are_changed_and_deleted_whole(store):
    turn = await exchange(store, "x", "y")
    changed = await store.update_session(ANN, "s", "new", {"a": 1})
    assert (changed.title, changed.context) == ("new", {"a": 1})
    assert (await store.update_session(ANN, "s", None, {})).title == "new"
    await store.delete_session(ANN, "s")
    for call in (store.session(ANN, "s"), store.turn(ANN, turn.id), store.message(ANN, turn.reply_id)):
        with pytest.raises(NotFound):
            await call
    assert await store.finish(turn, outcome(turn, "late")) == "gone"
    assert await store.turns(ANN, "s", 0, 10) == []


async def test_secrets_are_shared_and_last(make, store):
    made = await asyncio.gather(*(s.secret("cookie") for s in (store, make(), store, make())))
    assert len(set(made)) == 1
    assert len(made[0]) >= 32
    assert await store.secret("other") != made[0]


async def test_any_reply_is_stored_whole(store):
    words = ["nul \x00", "\U0010ffff", "\U0010ffff0\U0010ffff1", " 漢 🎼 \u2028 ' \" \\ \n"]
    turn = (await store.submit(ANN, ask("x"))).turn
    done = outcome(turn, *words)
    assert await store.finish(turn, done) == "done"
    assert (await store.messages(ANN, "s", None, 10))[-1].content == "".join(words)
    assert (await store.message(ANN, turn.reply_id)).content == "".join(words)
    assert await store.transcript(turn.id) == done.chunks
    following = (await store.submit(ANN, ask("y"))).turn
    assert (await store.history(following.prompt_id, 10))[-1].before == "".join(words)


async def test_a_session_deleted_while_it_is_used(make, store):
    for n in range(10):
        turn = (await store.submit(ANN, ask(session=f"s{n}"))).turn
        ended, _, submitted = await asyncio.gather(
            store.finish(turn, outcome(turn, "x")),
            make().delete_session(ANN, f"s{n}"),
            make().submit(ANN, ask(session=f"s{n}", create_session=False)),
            return_exceptions=True,
        )
        assert ended in {"done", "gone"}
        assert isinstance(submitted, NotFound) or submitted.fresh
        with pytest.raises(NotFound):
            await store.session(ANN, f"s{n}")
        with pytest.raises(NotFound):
            await store.message(ANN, turn.reply_id)


async def test_a_session_created_by_many_at_once_is_one(make, store):
    stores = [store, make(), make()]
    results = await asyncio.gather(
        *(stores[i % 3].submit(ANN, ask(str(i), max_active=99)) for i in range(20))
    )
    assert sorted(r.turn.number for r in results) == list(range(1, 21))
    made = await asyncio.gather(*(stores[i % 3].create_session(ANN, "t", str(i), {}) for i in range(9)))
    assert len({session.title for session in made}) == 1


texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=8)
pieces = st.builds(Chunk, st.sampled_from(["content", "reasoning", "tool", "reset"]), texts)


@given(st.lists(pieces, max_size=12))
def test_a_transcript_is_packed_without_loss(chunks):
    chunks = [*chunks, Chunk("end", "{}")]
    start = max((i for i, c in enumerate(chunks) if c.kind == "reset"), default=-1) + 1
    content = "".join(c.text for c in chunks[start:] if c.kind == "content")
    assert unpack_transcript(pack_transcript(chunks), content) == chunks
