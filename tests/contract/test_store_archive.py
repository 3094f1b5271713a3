"""Sessions put away, found, judged, taken out and brought in, for every back end."""

import asyncio

import msgspec
import pytest

from antiphon.errors import Invalid, NotFound
from antiphon.model import Chunk, Feedback
from antiphon.stores.archive_port import place_of
from antiphon.stores.sql import search
from archives import conversation
from stored import ANN, BOB, HOUR, ask, exchange, outcome

GOOD = Feedback(rating="up", comment="so it is \x00", created_at=5)


async def listed(store, **more):
    return [session.id for session in await store.sessions(ANN, None, 100, **more)]


async def found(store, text, *, archived=False):
    """Return the ids of all sessions that have the text, look after look."""
    ids, before = [], None
    while True:
        look = await store.search(ANN, text, before, archived=archived)
        ids += [session.id for session in look.sessions]
        before = look.before
        if before is None:
            return ids


async def apart(store, *texts):
    """Make a session of each text, used at times that differ."""
    for n, text in enumerate(texts):
        await exchange(store, text, "yes", session=f"s{n}")
        await asyncio.sleep(0.002)


async def test_archived_sessions_are_listed_apart(store):
    await apart(store, "a", "b", "c")
    assert (await store.update_session(ANN, "s1", None, None, archived=True)).archived
    assert (await listed(store), await listed(store, archived=True)) == (["s2", "s0"], ["s1"])
    assert not (await store.update_session(ANN, "s1", None, None, archived=False)).archived
    assert await listed(store) == ["s2", "s1", "s0"]


async def test_a_change_of_a_session_is_no_use_of_it(store):
    await apart(store, "a", "b")
    before = await store.session(ANN, "s0")
    await asyncio.sleep(0.005)
    changed = await store.update_session(ANN, "s0", "new", {"a": 1}, archived=True)
    assert changed.updated_at == before.updated_at
    changed = await store.update_session(ANN, "s0", None, None, archived=False)
    assert (changed.updated_at, changed.title) == (before.updated_at, "new")
    assert await listed(store) == ["s1", "s0"]


async def test_a_message_brings_an_archived_session_back(store):
    turn = await exchange(store, "x", "y")
    await store.update_session(ANN, "s", None, None, archived=True)
    with pytest.raises(NotFound):
        await store.submit(ANN, ask("no", parent_id="msg_none"))
    assert (await store.session(ANN, "s")).archived, "what is refused leaves it as it is"
    await store.submit(ANN, ask("z"))
    assert not (await store.session(ANN, "s")).archived
    await store.update_session(ANN, "s", None, None, archived=True)
    await store.submit(ANN, ask(None, prompt_id=turn.prompt_id))
    assert not (await store.session(ANN, "s")).archived


async def test_a_session_is_found_by_its_title_and_by_what_is_said_in_it(store):
    await exchange(store, "How wide is the Rhine?", "About 350 m.", session="rhine")
    await exchange(store, "And the Elbe?", "Less: 100% sure_ly.", session="elbe")
    await store.create_session(ANN, "empty", "Rivers [old]", {})
    for text, expected in {
        "rhine": {"rhine"},
        "350": {"rhine"},
        "THE": {"rhine", "elbe"},
        "rivers": {"empty"},
        "[old]": {"empty"},
        "0% s": {"elbe"},
        "%": {"elbe"},
        "e_l": {"elbe"},
        "r_l": set(),
        "*": set(),
        "[a-z]": set(),
        ".": {"rhine", "elbe"},
        "\\": set(),
        "x\0": set(),
    }.items():
        assert set(await found(store, text)) == expected, text


async def test_case_is_unicodes(store):
    for name, said in {"de": "Größe: ÜBER", "ru": "Привет", "el": "ΟΔΟΣ", "tr": "İstanbul"}.items():
        await exchange(store, said, "ok", session=name)
    for text, expected in {
        "grÖßE": ["de"],
        "über": ["de"],
        "ПРИВЕТ": ["ru"],
        "οδος": ["el"],
        "οδοσ": ["el"],
        "İSTANBUL": ["tr"],
    }.items():
        assert await found(store, text) == expected, text


async def test_a_search_knows_archived_from_others_and_principals_apart(store):
    await apart(store, "needle", "needle", "hay")
    await store.update_session(ANN, "s0", None, None, archived=True)
    assert (await found(store, "needle"), await found(store, "needle", archived=True)) == (["s1"], ["s0"])
    assert (await store.search(BOB, "needle", None, archived=False)).sessions == []


async def test_a_search_finds_the_last_used_first_and_goes_on(store, monkeypatch):
    monkeypatch.setattr(search, "MOST_MESSAGES", 4)
    await apart(store, *["needle", "hay"] * 5)
    looks, before = [], None
    while True:
        look = await store.search(ANN, "Needle", before, archived=False)
        looks.append([session.id for session in look.sessions])
        before = look.before
        if before is None:
            break
    assert [each for look in looks for each in look] == ["s8", "s6", "s4", "s2", "s0"]
    assert len(looks) == 5, "two sessions of two messages are a look"


async def test_one_look_goes_through_so_many_sessions(store, monkeypatch):
    monkeypatch.setattr(search, "MOST_SESSIONS", 2)
    await apart(store, "needle", "hay", "hay", "hay")
    look = await store.search(ANN, "needle", None, archived=False)
    assert (look.sessions, look.before) == ([], place_of(await store.session(ANN, "s2")))
    assert await found(store, "needle") == ["s0"]


async def test_of_a_very_long_session_the_newest_messages_are_looked_through(store, monkeypatch):
    for text in ("first", "needle", "pin", "hay"):  # the first is the title, too
        await exchange(store, text, "yes")
    monkeypatch.setattr(search, "MOST_TURNS", 2)
    assert [await found(store, text) for text in ("needle", "pin", "hay")] == [[], ["s"], ["s"]]


async def test_a_reply_is_rated_and_the_rating_taken_back(store):
    turn = await exchange(store, "x", "y")
    rated = await store.rate(ANN, turn.reply_id, GOOD)
    assert rated.feedback == GOOD
    assert (await store.messages(ANN, "s", None, 10))[-1] == rated == await store.message(ANN, turn.reply_id)
    worse = Feedback(rating="down", comment="", created_at=6)
    assert (await store.rate(ANN, turn.reply_id, worse)).feedback == worse
    assert (await store.rate(ANN, turn.reply_id, None)).feedback is None
    with pytest.raises(Invalid):
        await store.rate(ANN, turn.prompt_id, GOOD)
    for who, message_id in ((BOB, turn.reply_id), (ANN, "msg_none")):
        with pytest.raises(NotFound):
            await store.rate(who, message_id, GOOD)


async def pages(store, session="s", limit=3):
    """Return all messages of a session, page by page."""
    messages, after = [], -1
    while page := await store.past(ANN, session, after, limit):
        assert len(page) <= limit
        messages += page
        after = page[-1].ordinal
    return messages


async def test_all_messages_are_taken_out_in_order(store):
    turns = [await exchange(store, f"q{n}", f"a{n}") for n in range(4)]
    again = (await store.submit(ANN, ask(None, prompt_id=turns[1].prompt_id))).turn
    await store.finish(again, outcome(again, "a1 again"))
    assert await pages(store) == await store.messages(ANN, "s", None, 100)
    with pytest.raises(NotFound):
        await store.past(BOB, "s", -1, 10)
    await store.create_session(ANN, "empty", "", {})
    assert await pages(store, "empty") == []


async def test_a_reply_under_way_is_taken_out_as_a_stopped_one(store):
    first = (await store.submit(ANN, ask("one"))).turn
    second = (await store.submit(ANN, ask("two"))).turn
    for limit in (1, 2, 3, 10):
        taken = await pages(store, limit=limit)
        ids = [first.prompt_id, first.reply_id, second.prompt_id, second.reply_id]
        assert [it.id for it in taken] == ids
        assert [it.ordinal for it in taken] == [2, 3, 4, 5]
        assert [(it.status, it.content) for it in taken if it.role == "assistant"] == [("stopped", "")] * 2
        assert taken[2].parent_id == first.reply_id
    await store.finish(first, outcome(first, "1"))
    assert [it.content for it in await pages(store)] == ["one", "1", "two", ""]


async def test_a_branch_is_what_leads_to_a_message(store):
    one = await exchange(store, "one", "1")
    two = await exchange(store, "two", "2")
    other = await exchange(store, "other", "o", parent_id=one.reply_id)
    running = (await store.submit(ANN, ask("three", parent_id=two.reply_id))).turn
    root, trunk = [one.prompt_id, one.reply_id], [two.prompt_id, two.reply_id]
    assert await store.branch(ANN, "s", other.reply_id) == [*root, other.prompt_id, other.reply_id]
    assert await store.branch(ANN, "s", two.prompt_id) == [*root, two.prompt_id]
    assert await store.branch(ANN, "s", None) == [*root, *trunk, running.prompt_id]
    whole = [*root, *trunk, running.prompt_id, running.reply_id]
    assert await store.branch(ANN, "s", running.reply_id) == whole
    following = (await store.submit(ANN, ask("four", parent_id=running.reply_id))).turn
    assert await store.branch(ANN, "s", following.prompt_id) == [*whole, following.prompt_id]
    await exchange(store, "elsewhere", "e", session="t")
    for who, session, leaf in ((BOB, "s", None), (ANN, "s", "msg_none"), (ANN, "t", one.reply_id)):
        with pytest.raises(NotFound):
            await store.branch(who, session, leaf)
    await store.create_session(ANN, "empty", "", {})
    assert await store.branch(ANN, "empty", None) == []


async def test_messages_are_had_by_their_names(store):
    one = await exchange(store, "one", "1")
    other = await exchange(store, "other", "o", session="t")
    asked = [one.reply_id, "msg_none", one.prompt_id, other.reply_id]
    assert [it.content for it in await store.named(ANN, "s", asked)] == ["one", "1"]
    with pytest.raises(NotFound):
        await store.named(BOB, "s", asked)


async def test_a_conversation_is_brought_in_whole(store):
    past = conversation()
    await store.bring_in(past)
    sid = past.session.id
    assert await store.session(ANN, sid) == past.session
    stored = [*past.prompts, *(it.reply for it in past.turns)]
    assert await store.messages(ANN, sid, None, 100) == sorted(stored, key=lambda it: it.ordinal)
    for it in past.turns:
        assert await store.turn(ANN, it.turn.id) == it.turn
        assert await store.transcript(it.turn.id) == it.chunks
    assert await store.undelivered(ANN, sid, 0) == [], "nobody is owed what was never sent here"
    with pytest.raises(NotFound):
        await store.session(BOB, sid)


async def test_a_conversation_that_was_brought_in_goes_on(store):
    past = conversation()
    await store.bring_in(past)
    sid = past.session.id
    submitted = await store.submit(ANN, ask("and?", session=sid))
    assert submitted.turn.number == 4
    assert [(it.before, it.text) for it in submitted.history] == [
        (None, "q1 \x00"),
        ("a3 \U0010ffff", "and?"),
    ]
    await store.finish(submitted.turn, outcome(submitted.turn, "so"))
    again = await store.submit(ANN, ask(None, session=sid, prompt_id=past.prompts[1].id))
    assert (again.turn.number, again.history[-1].text) == (5, "q2 \x00")
    await store.delete_turn(ANN, past.turns[1].turn.id)
    await store.delete_session(ANN, sid)


async def test_a_conversation_is_brought_in_whole_or_not_at_all(store):
    past = conversation(turns=600)  # more than one batch
    twice = msgspec.structs.replace(past.turns[-1].turn, id=past.turns[0].turn.id)
    broken = [*past.turns[:-1], msgspec.structs.replace(past.turns[-1], turn=twice)]
    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.bring_in(msgspec.structs.replace(past, turns=broken))
    with pytest.raises(NotFound):
        await store.session(ANN, past.session.id)
    assert await store.message_count(past.session.id) == 0
    await store.bring_in(past)
    assert await store.message_count(past.session.id) == 1199


async def test_an_empty_reply_that_was_brought_in_replays_its_end(store):
    past = conversation(turns=1 + 1)
    end = [Chunk("end", past.turns[0].chunks[-1].text)]
    reply = msgspec.structs.replace(past.turns[0].reply, content="", status="stopped")
    first = msgspec.structs.replace(past.turns[0], reply=reply, chunks=end)
    await store.bring_in(msgspec.structs.replace(past, turns=[first, *past.turns[1:]]))
    assert await store.transcript(first.turn.id) == end


async def test_what_was_brought_in_is_found(make_store):
    first, second = make_store(), make_store()
    await first.heartbeat("pod", HOUR, works=True)
    await first.bring_in(conversation())
    assert len((await second.search(ANN, "Q2", None, archived=False)).sessions) == 1
