"""The contract of the Store port, for every back end: sessions, messages, turns."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import Conflict, NotFound, RateLimited
from antiphon.ids import now_ms
from antiphon.model import Chunk, TurnState
from antiphon.stores.archive_port import SessionPlace, place_of
from antiphon.stores.sql import search
from antiphon.stores.sql import sessions as session_statements
from antiphon.stores.sql.rows import pack_transcript, unpack_transcript
from stored import ANN, BOB, ask, exchange, outcome


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


async def test_one_key_sent_many_times_at_once_is_stored_once(make_store, store):
    stores = [store, make_store(), make_store()]
    await store.create_session(ANN, "s", "", {})
    results = await asyncio.gather(
        *(stores[i % 3].submit(ANN, ask("hi", idempotency_key="k")) for i in range(30))
    )
    assert sum(result.fresh for result in results) == 1
    assert len({result.turn.id for result in results}) == 1
    assert len(await store.messages(ANN, "s", None, 10)) == 1


async def test_turns_of_a_session_are_numbered_without_gaps_by_all_pods(make_store, store):
    stores = [store, make_store()]
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
    assert [s.id for s in await store.sessions(ANN, place_of(page[-1]), 2)] == ["s2", "s1"]
    by_time = SessionPlace(page[-1].updated_at)
    assert [s.id for s in await store.sessions(ANN, by_time, 2)] == ["s2", "s1"]
    for i in range(3):
        await exchange(store, f"q{i}", f"a{i}")
    newest = await store.messages(ANN, "s", None, 2)
    assert [m.content for m in newest] == ["q2", "a2"]
    assert [m.content for m in await store.messages(ANN, "s", newest[0].ordinal, 3)] == ["a0", "q1", "a1"]


async def test_no_session_of_one_millisecond_is_skipped_between_pages(store, monkeypatch):
    monkeypatch.setattr(session_statements, "now_ms", lambda: 1_700_000_000_000)
    ids = ["B", "a", "b~", "c", "~", "10", "9"]
    for sid in ids:
        await store.create_session(ANN, sid, "needle", {})
    listed, place = [], None
    while page := await store.sessions(ANN, place, 2):
        listed += [s.id for s in page]
        place = place_of(page[-1])
    assert sorted(listed) == sorted(ids)
    monkeypatch.setattr(search, "MOST_SESSIONS", 2)
    found, place = [], None
    while True:
        look = await store.search(ANN, "needle", place, archived=False)
        found += [s.id for s in look.sessions]
        place = look.before
        if place is None:
            break
    assert found == listed


async def test_which_sessions_are_busy(store):
    await exchange(store, "over", "it is", session="done")
    await store.submit(ANN, ask("one", session="running's"))
    await store.submit(ANN, ask("two", session="running's"))
    await store.submit(ANN, ask("three", session="queued", claim_for=None))
    asked = ["done", "running's", "queued", "unknown"]
    assert sorted(await store.busy(asked)) == ["queued", "running's"]
    assert list(await store.busy(["done"])) == list(await store.busy([])) == []


async def test_sessions_are_changed_and_deleted_whole(store):
    turn = await exchange(store, "x", "y")
    changed = await store.update_session(ANN, "s", "new", {"a": 1})
    assert (changed.title, changed.context) == ("new", {"a": 1})
    assert (await store.update_session(ANN, "s", None, {})).title == "new"
    was = await store.session(ANN, "s")
    assert await store.delete_session(ANN, "s") == was
    for call in (store.session(ANN, "s"), store.turn(ANN, turn.id), store.message(ANN, turn.reply_id)):
        with pytest.raises(NotFound):
            await call
    assert await store.finish(turn, outcome(turn, "late")) == "gone"
    assert await store.turns(ANN, "s", 0, 10) == []


async def test_secrets_are_shared_and_last(make_store, store):
    made = await asyncio.gather(*(s.secret("cookie") for s in (store, make_store(), store, make_store())))
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


async def test_a_session_deleted_while_it_is_used(make_store, store):
    for n in range(10):
        turn = (await store.submit(ANN, ask(session=f"s{n}"))).turn
        ended, _, submitted = await asyncio.gather(
            store.finish(turn, outcome(turn, "x")),
            make_store().delete_session(ANN, f"s{n}"),
            make_store().submit(ANN, ask(session=f"s{n}", create_session=False)),
            return_exceptions=True,
        )
        assert ended in {"done", "gone"}
        assert isinstance(submitted, NotFound) or submitted.fresh
        with pytest.raises(NotFound):
            await store.session(ANN, f"s{n}")
        with pytest.raises(NotFound):
            await store.message(ANN, turn.reply_id)


async def test_a_session_created_by_many_at_once_is_one(make_store, store):
    stores = [store, make_store(), make_store()]
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
