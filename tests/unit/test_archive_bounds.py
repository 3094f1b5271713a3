"""The bounds on searches and imports, and the figures of replies."""

import asyncio
import contextlib
import shutil

import pytest

from antiphon.engine import archive as archive_module
from antiphon.engine.archive import (
    MOST_IMPORTS,
    MOST_OWN_IMPORTS,
    MOST_OWN_SEARCHES,
    MOST_WAITING,
    Archive,
    Places,
)
from antiphon.engine.bounds import Bounds
from antiphon.engine.deliver import Channel
from antiphon.engine.draft import Draft
from antiphon.engine.submit import Ask
from antiphon.errors import BadRequest, Overloaded
from antiphon.model import Chunk, Principal, Session, Turn, TurnState
from antiphon.providers.port import Finish
from antiphon.stores.archive_port import Found, SessionPlace
from antiphon.stores.sql.dialects import patterns
from antiphon.transports import archive as archive_routes
from antiphon.transports.asgi import Request
from antiphon.transports.graphql import pages
from antiphon.transports.graphql.context import Context
from engines import engine_on

ANN = Principal("user:ann")


def session(time):
    return Session(
        id=f"s{time}", owner=ANN.id, title="", context={}, turn_count=0, created_at=0, updated_at=time
    )


class Stretches:
    """A store whose every look takes a while and finds two sessions, the second half of them nothing."""

    def __init__(self, looks, seconds=0.0):
        self.left = looks
        self.half = looks // 2
        self.seconds = seconds
        self.under_way = self.most_at_once = 0

    async def search(self, principal, text, before, *, archived):
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        await asyncio.sleep(self.seconds)
        self.under_way -= 1
        self.left -= 1
        found = [session(10 * self.left + n) for n in (1, 0)] if self.left >= self.half else []
        return Found(sessions=found, before=SessionPlace(10 * self.left) if self.left else None)


async def page_of(store, limit=50, before=None):
    return await Archive(store, None, None, Bounds()).search(ANN, "x", before, limit, archived=False)


async def test_a_page_is_put_together_from_several_looks():
    whole = await page_of(Stretches(6))
    assert ([s.updated_at for s in whole.sessions], whole.before) == ([51, 50, 41, 40, 31, 30], None)
    cut = await page_of(Stretches(6), limit=3)
    assert ([s.updated_at for s in cut.sessions], cut.before) == ([51, 50, 41], (41, "s41"))
    even = await page_of(Stretches(6), limit=4)
    assert ([s.updated_at for s in even.sessions], even.before) == ([51, 50, 41, 40], (40, ""))


async def test_a_search_ends_after_its_time_though_it_found_nothing(monkeypatch):
    monkeypatch.setattr(archive_module, "SEARCH_S", 0.05)
    store = Stretches(1_000, seconds=0.01)
    store.half = 1_000
    page = await page_of(store)
    assert page.sessions == []
    assert page.before is not None
    assert 900 < store.left < 1_000


async def test_pages_of_a_search_in_graphql_lead_on_from_empty_ones(monkeypatch):
    monkeypatch.setattr(archive_module, "SEARCH_S", -1.0)  # a look a page
    store = Stretches(6)
    store.half = 3
    engine = type("Engine", (), {"archive": Archive(store, None, None, Bounds())})
    context = Context(engine, ANN, None)
    found, after, pages_read = [], None, 0
    while True:
        page = await pages.found_sessions(context, "x", 5, after, archived=False)
        found += [edge.node.id for edge in page.edges]
        pages_read += 1
        if not page.page_info.has_next_page:
            break
        assert after != page.page_info.end_cursor
        after = page.page_info.end_cursor
    assert (found, pages_read) == (["s51", "s50", "s41", "s40", "s31", "s30"], 6)


async def test_one_search_at_a_time_and_few_that_wait():
    store = Stretches(10_000, seconds=0.001)
    store.half = 10_000
    archive = Archive(store, None, None, Bounds())

    async def search(who=ANN):
        return await archive.search(who, "x", None, 50, archived=False)

    own = [asyncio.create_task(search()) for _ in range(MOST_OWN_SEARCHES)]
    await asyncio.sleep(0.01)
    with pytest.raises(Overloaded):
        await search()
    others = [Principal(f"user:{n}") for n in range(MOST_WAITING - MOST_OWN_SEARCHES)]
    waiting = own + [asyncio.create_task(search(who)) for who in others]
    await asyncio.sleep(0.01)
    with pytest.raises(Overloaded):
        await search(Principal("user:late"))
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert store.most_at_once == 1
    store.left = 2
    await search()


def test_few_imports_at_once_and_fewer_of_one_principal():
    places, others = Places(MOST_IMPORTS, MOST_OWN_IMPORTS), [Principal(f"user:{n}") for n in range(9)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(places.one(ANN, "imports"))
        with pytest.raises(Overloaded), places.one(ANN, "imports"):
            pass
        for who in others[: MOST_IMPORTS - 1]:
            stack.enter_context(places.one(who, "imports"))
        with pytest.raises(Overloaded), places.one(others[-1], "imports"):
            pass
    with places.one(ANN, "imports"):
        pass


async def test_an_import_that_comes_too_slowly_gives_its_place_back(migrated_database, tmp_path, monkeypatch):
    monkeypatch.setattr(archive_routes, "UPLOAD_S", 0.05)

    async def never():
        await asyncio.Event().wait()

    path = shutil.copy(migrated_database, tmp_path / "a.db")
    async with engine_on(path, Words()) as engine:
        scope = {"type": "http", "headers": [(b"content-type", b"application/json")]}
        for _ in range(MOST_IMPORTS + 1):
            request = Request(scope, never, never, 10)
            request.principal = ANN
            with pytest.raises(BadRequest):
                await archive_routes.Archive(engine).import_session(request)


def test_patterns_leave_nothing_to_the_database():
    made = patterns(r"a%_\*?[b-c].^$(ö")
    assert made["like"] == r"%a\%\_\\*?[b-c].^$(_%"
    assert made["glob"] == r"*[Aa]%_\[*][?][[][Bb]-[Cc]].^$([öÖ]*"
    assert made["regex"] == r"[Aa]\%\_\\\*\?\[[Bb]\-[Cc]\]\.\^\$\([öÖ]"


class Words:
    """A provider that says nothing for a while, and then two words."""

    continuation = False

    def __init__(self, seconds=0.0, kinds=("content", "content")):
        self.seconds = seconds
        self.kinds = kinds

    async def stream(self, prompt, sink):
        for kind in self.kinds:
            await asyncio.sleep(self.seconds)
            getattr(sink, kind)("word" if kind != "tool" else "[]")
        return Finish(reason="stop", usage=None)

    async def close(self):
        """Nothing is held."""


@pytest.mark.parametrize(
    ("kinds", "seen"),
    [
        (("content", "content"), True),
        (("reasoning", "content"), True),
        (("tool", "content"), False),
        ((), False),
    ],
)
async def test_the_first_token_is_the_first_text(migrated_database, tmp_path, kinds, seen):
    path = shutil.copy(migrated_database, tmp_path / "a.db")
    async with engine_on(path, Words(0.05, kinds)) as engine:
        ask = Ask(session_id="s", text="x", create_session=True)
        turn = (await engine.submit(ANN, ask)).turn
        end = (await engine.whole(turn)).end
        assert (end.first_token_ms is not None, end.pod) == (seen, engine.pod)
        if seen:
            assert 50 <= end.first_token_ms < end.total_ms
        assert end.total_ms >= 50 * len(kinds)
        (_, reply) = await engine.store.messages(ANN, "s", None, 9)
        figures = ("pod", "first_token_ms", "total_ms")
        assert {name: reply.metadata.get(name) for name in figures} == {
            name: getattr(end, name) for name in figures
        }


def test_who_took_a_reply_over_did_not_see_its_first_token():
    turn = Turn(
        id="t", session_id="s", number=1, state=TurnState.RUNNING, pod="p", epoch=2, prompt_id="q",
        reply_id="r", bot="b", model="m", params={}, stop_requested=False, created_at=0, ended_at=None,
    )  # fmt: skip
    desk = type(
        "Desk", (), {"busy": False, "pieces": 0, "assign_phase": lambda _: 0, "mark": lambda *_: None}
    )()
    channel = Channel(turn, [Chunk("content", "begun")], lambda _: None)
    draft = Draft(turn, channel, (10, 10, 10), desk, lambda _: None)
    draft.seam()
    draft.content("on")
    assert draft.first_token_ms is None
