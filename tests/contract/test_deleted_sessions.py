"""A session that is deleted while it is followed: its followers in every pod learn of it."""

import asyncio
import contextlib

import pytest

from antiphon.engine.cursor import parse_cursor
from antiphon.engine.submit import Ask
from antiphon.errors import CursorExpired, NotFound
from antiphon.model import Principal
from antiphon.providers.port import Finish
from backends import BUSES, LOGS, STORES
from engines import pods_on
from patience import until

ANN, BOB = Principal("user:ann"), Principal("user:bob")
ON = {
    "sqlite, memory": ("sqlite", "sqlite", "memory"),
    "sqlite, local": ("sqlite", "sqlite", "local"),
    "postgres": ("postgres", "postgres", "postgres"),
}


class Answer:
    """Answers in ten words, at once or, once told to wait, never."""

    continuation = True

    def __init__(self):
        self.go = asyncio.Event()
        self.go.set()

    async def stream(self, prompt, sink):
        for n in range(10):
            sink.content(f"{n} ")
            await asyncio.sleep(0)
        await self.go.wait()
        return Finish(reason="stop")

    async def close(self):
        """Nothing is held."""


class Follower:
    """A SessionReader that comes back as clients do when it is sent away."""

    def __init__(self, pod):
        self.pod = pod
        self.chunks = {}
        self.ended = []
        self.begins = []
        self.sent_away = []
        self.follow = None

    async def come(self, cursor=None):
        self.follow = await self.pod.follow_session(ANN, "s", self, parse_cursor(cursor))
        return self

    def leave(self):
        self.pod.unfollow_session(ANN, "s", self.follow)

    def ready(self, cursor):
        self.begins.append(cursor)

    def begin(self, turn):
        """The chunks tell."""

    def feed(self, turn, first, chunks, others, memo):
        seen = self.chunks.setdefault(turn.id, [])
        assert first == len(seen)
        seen += chunks
        if chunks[-1].kind == "end":
            self.ended.append(turn.id)
        return True

    def after_end(self, turn, received, end, others):
        """Nothing follows."""

    def lost(self, turn):
        self.sent_away.append("lost")

    def gone(self, cursor):
        self.sent_away.append(cursor)

    async def has(self, turn):
        await until(lambda: turn.id in self.ended)

    async def told(self):
        await until(lambda: self.sent_away)


async def send(pod, principal=ANN):
    ask = Ask(session_id="s", text="hi", create_session=True)
    return (await pod.submit(principal, ask)).turn


@pytest.fixture
def provider():
    return Answer()


@pytest.fixture(params=sorted(ON))
async def pods(request, provider, migrated_database, tmp_path):
    async with contextlib.AsyncExitStack() as held:
        makers = zip((STORES, LOGS, BUSES), ON[request.param], strict=True)
        made = [
            await held.enter_async_context(kinds[name](migrated_database, tmp_path)) for kinds, name in makers
        ]
        pods = await held.enter_async_context(pods_on(*made, provider))
        yield pods


async def test_followers_in_every_pod_are_told_and_follow_the_next_one_from_its_beginning(pods):
    followers = [await Follower(pod).come() for pod in pods]
    old = await send(pods[0])
    for each in followers:
        await each.has(old)
    await pods[0].delete_session(ANN, "s")
    for each in followers:
        await each.told()
        assert each.sent_away == ["1.0"]
    new = await send(pods[1])
    assert new.number == old.number + 1, "cursors of the deleted session name its numbers"
    for each in followers:
        each.leave()
        await each.come(each.sent_away[0])
        await each.has(new)
        assert each.ended == [old.id, new.id]
        assert each.sent_away == ["1.0"]


async def test_a_follower_of_a_running_reply_is_sent_away(pods, provider):
    provider.go.clear()
    followers = [await Follower(pod).come() for pod in pods]
    turn = await send(pods[0])
    for each in followers:
        await until(lambda each=each: each.chunks.get(turn.id))
    await pods[1].delete_session(ANN, "s")
    provider.go.set()
    for each in followers:
        await each.told()


async def test_who_waits_for_a_session_that_is_not_there_yet_stays(pods):
    waiting = await Follower(pods[1]).come()
    for pod in pods:
        await pod._sessions.look()
    # A session that came and went before anything was said in it takes nothing from who waits.
    await pods[0].store.create_session(ANN, "s", "", {})
    await pods[0].delete_session(ANN, "s")
    turn = await send(pods[0])
    await waiting.has(turn)
    await pods[1]._sessions.look()
    assert (waiting.begins, waiting.sent_away) == (["1.0"], [])


@pytest.mark.parametrize("then", ["nothing", "as many turns", "another's"])
async def test_what_nobody_told_is_found_by_looking(pods, then):
    follower = await Follower(pods[1]).come()
    turn = await send(pods[0])
    await follower.has(turn)
    await pods[1]._sessions.look()
    assert not follower.sent_away
    pods[1]._sessions._heard = lambda key, text: None
    await pods[0].delete_session(ANN, "s")
    if then != "nothing":
        await asyncio.sleep(0.002)  # no two sessions of one id are created in the same millisecond
        await send(pods[0], BOB if then == "another's" else ANN)
    await pods[1]._sessions.look()
    assert follower.sent_away == ["1.0"]
    follower.leave()
    if then == "another's":
        with pytest.raises(NotFound):
            await follower.come("1.0")


async def test_who_waits_for_what_became_anothers_keeps_nobody_from_being_given_turns(pods):
    taken = await Follower(pods[1]).come()
    others = await pods[0].submit(BOB, Ask(session_id="s", text="hi", create_session=True))
    waiting = Follower(pods[1])
    follow = await pods[1].follow_session(ANN, "t", waiting, None)
    pods[1]._sessions._heard = lambda key, text: None
    turn = (await pods[0].submit(ANN, Ask(session_id="t", text="hi", create_session=True))).turn
    await pods[1]._sessions.look()
    await waiting.has(turn)
    assert others.turn.id not in taken.chunks
    pods[1].unfollow_session(ANN, "t", follow)


async def test_late_word_of_an_older_session_sends_nobody_away(pods):
    await pods[0].store.create_session(ANN, "s", "", {})
    older = await pods[0].store.delete_session(ANN, "s")
    await asyncio.sleep(0.002)
    turn = await send(pods[0])
    follower = await Follower(pods[1]).come()
    await follower.has(turn)
    pods[0]._sessions.announce_deleted(older)
    second = await send(pods[0])
    await follower.has(second)
    assert follower.sent_away == []


async def test_word_that_comes_while_a_follow_begins_is_not_lost(pods, monkeypatch):
    turn = await send(pods[0])
    await (await Follower(pods[0]).come("1.0")).has(turn)
    undelivered = pods[1].store.undelivered

    async def deleted_meanwhile(*given):
        owed = await undelivered(*given)
        await pods[0].delete_session(ANN, "s")
        return owed

    follower = Follower(pods[1])
    with monkeypatch.context() as patched:
        patched.setattr(pods[1].store, "undelivered", deleted_meanwhile, raising=False)
        await follower.come()
        await follower.told()
    assert follower.sent_away == ["1.0"]


async def test_a_cursor_of_a_session_that_is_no_more_is_refused(pods):
    follower = await Follower(pods[0]).come()
    await follower.has(await send(pods[0]))
    await pods[0].delete_session(ANN, "s")
    with pytest.raises(CursorExpired):
        await Follower(pods[1]).come("1.5")


async def test_a_cursor_of_a_deleted_session_is_none_of_the_next_one_of_its_id(pods):
    follower = await Follower(pods[0]).come()
    old = await send(pods[0])
    await follower.has(old)
    follower.leave()
    await pods[0].delete_session(ANN, "s")
    new = await send(pods[1])
    for pod in pods:
        for cursor in (f"{old.number}.5", f"{new.number}.1,{old.number}.5"):
            with pytest.raises(CursorExpired):
                await Follower(pod).come(cursor)
    await (await Follower(pods[0]).come("1.0")).has(new)


async def test_a_cursor_that_names_a_deleted_reply_is_refused_and_a_later_one_is_not(pods):
    turns = []
    follower = await Follower(pods[0]).come()
    for _ in range(3):
        turns.append(await send(pods[0]))
        await follower.has(turns[-1])
    await pods[0].store.delete_turn(ANN, turns[1].id)
    with pytest.raises(CursorExpired):
        await Follower(pods[1]).come("2.5")
    back = await Follower(pods[1]).come("3.0")
    await back.has(turns[2])
