"""Deleting single turns, for every back end."""

import asyncio

import pytest

from antiphon.errors import Conflict, NotFound
from stored import ANN, BOB, ask, exchange, outcome


async def texts(store, session="s"):
    return [message.content for message in await store.messages(ANN, session, None, 100)]


async def test_a_turn_goes_with_its_reply_and_its_message(store):
    first = await exchange(store, "one", "1")
    second = await exchange(store, "two", "2")
    await store.delete_turn(ANN, first.id)
    assert await texts(store) == ["two", "2"]
    for call in (store.turn(ANN, first.id), store.message(ANN, first.reply_id)):
        with pytest.raises(NotFound):
            await call
    assert await store.transcript(first.id) is None
    assert [turn.id for turn in await store.turns(ANN, "s", 0, 10)] == [second.id]
    with pytest.raises(NotFound):
        await store.delete_turn(ANN, first.id)


async def test_only_an_ended_turn_can_be_deleted(store):
    turn = (await store.submit(ANN, ask())).turn
    with pytest.raises(Conflict):
        await store.delete_turn(ANN, turn.id)
    assert await texts(store) == ["hello"]
    await store.finish(turn, outcome(turn, "hi"))
    await store.delete_turn(ANN, turn.id)


async def test_another_principals_turn_is_not_found(store):
    turn = await exchange(store, "mine", "yes")
    with pytest.raises(NotFound):
        await store.delete_turn(BOB, turn.id)
    with pytest.raises(NotFound):
        await store.delete_turn(ANN, "turn_none")
    assert await texts(store) == ["mine", "yes"]


async def test_a_session_goes_with_its_last_turn(store):
    first = await exchange(store, "one", "1")
    second = await exchange(store, "two", "2")
    other = await exchange(store, "other", "o", session="t")
    await store.delete_turn(ANN, second.id)
    assert (await store.session(ANN, "s")).id == "s"
    await store.delete_turn(ANN, first.id)
    with pytest.raises(NotFound):
        await store.session(ANN, "s")
    assert await texts(store, "t") == ["other", "o"]
    assert (await store.turn(ANN, other.id)).state == "complete"


async def test_a_message_that_has_another_reply_stays(store):
    first = await exchange(store, "one", "1")
    again = (await store.submit(ANN, ask(None, prompt_id=first.prompt_id))).turn
    await store.finish(again, outcome(again, "uno"))
    await store.delete_turn(ANN, first.id)
    assert await texts(store) == ["one", "uno"]
    await store.delete_turn(ANN, again.id)
    with pytest.raises(NotFound):
        await store.session(ANN, "s")


async def test_what_followed_a_deleted_turn_follows_what_came_before(store):
    turns = [await exchange(store, text, text.upper()) for text in ("a", "b", "c")]
    await store.delete_turn(ANN, turns[1].id)
    history = await store.history(turns[2].prompt_id, 10)
    assert [(e.before, e.text) for e in history] == [(None, "a"), ("A", "c")]
    await store.delete_turn(ANN, turns[0].id)
    history = await store.history(turns[2].prompt_id, 10)
    assert [(e.before, e.text) for e in history] == [(None, "c")]


async def test_the_next_message_follows_the_newest_that_is_left(store):
    await exchange(store, "a", "A")
    last = await exchange(store, "b", "B")
    await store.delete_turn(ANN, last.id)
    submitted = await store.submit(ANN, ask("c"))
    assert submitted.turn.number == 3, "numbers are not given out twice: cursors name them"
    assert [(e.before, e.text) for e in submitted.history] == [(None, "a"), ("A", "c")]


async def test_deleting_and_sending_at_once_leave_nothing_by_half(make_store):
    first, second = make_store(), make_store()
    await first.heartbeat("pod", 60_000, works=True)
    for i in range(15):
        turn = await exchange(first, "one", "1", session=f"s{i}")
        _, submitted = await asyncio.gather(
            first.delete_turn(ANN, turn.id), second.submit(ANN, ask("two", session=f"s{i}"))
        )
        assert (await second.session(ANN, f"s{i}")).turn_count in (1, 2)
        assert await texts(second, f"s{i}") == ["two"]
        assert (await second.history(submitted.turn.prompt_id, 10))[0].before is None


async def test_messages_are_counted(store):
    assert await store.message_count("s") == 0
    first = await exchange(store, "one", "1")
    await exchange(store, "other", "o", session="t")
    await store.submit(ANN, ask("two"))
    assert (await store.message_count("s"), await store.message_count("t")) == (3, 2)
    await store.delete_turn(ANN, first.id)
    assert await store.message_count("s") == 1


async def number_of_next(store, session="s"):
    return (await exchange(store, "x", "y", session=session)).number


async def test_a_session_made_again_numbers_its_turns_on(store):
    """A cursor names turns by number alone: one of the deleted session must not fit the next."""
    for _ in range(2):
        await exchange(store, "a", "A")
    await store.delete_session(ANN, "s")
    assert [await number_of_next(store) for _ in range(2)] == [3, 4]
    await store.delete_session(ANN, "s")
    made = await store.create_session(BOB, "s", "", {})
    assert made == await store.session(BOB, "s")
    assert made.turn_count == 4
    await store.delete_session(BOB, "s")
    last = await exchange(store, "only", "one", session="t")
    await store.delete_turn(ANN, last.id)
    assert (await number_of_next(store, "t"), await number_of_next(store, "s")) == (2, 5)
    await store.create_session(ANN, "u", "", {})
    await store.delete_session(ANN, "u")
    assert await number_of_next(store, "u") == 1
