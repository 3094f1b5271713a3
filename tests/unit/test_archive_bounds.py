"""The bounds on searches and imports, and the figures of replies."""

import asyncio
import contextlib
import shutil

import pytest

from antiphon.engine import archive as archive_module
from antiphon.engine import past as past_module
from antiphon.engine.archive import (
    MOST_HELD,
    MOST_IMPORTS,
    MOST_OWN_EXPORTS,
    MOST_OWN_HELD,
    MOST_OWN_IMPORTS,
    MOST_OWN_SEARCHES,
    MOST_OWN_UPLOADS,
    MOST_WAITING,
    Archive,
    Places,
    Uploads,
)
from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Bot, Catalogue
from antiphon.engine.deliver import Channel
from antiphon.engine.draft import Draft
from antiphon.engine.past import Conversation, PastMessage, Told, make_past
from antiphon.engine.submit import Ask
from antiphon.errors import BadRequest, Overloaded
from antiphon.model import Chunk, Principal, Session
from antiphon.providers.port import Finish
from antiphon.stores.archive_port import Found, SessionPlace
from antiphon.transports import archive as archive_routes
from antiphon.transports.asgi import Request
from antiphon.transports.graphql import pages
from antiphon.transports.graphql.context import Context
from engines import engine_on
from stored import running_turn

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
    places, others = Places("imports", MOST_IMPORTS, MOST_OWN_IMPORTS), [f"user:{n}" for n in range(9)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(places.one(ANN.id))
        with pytest.raises(Overloaded), places.one(ANN.id):
            pass
        for who in others[: MOST_IMPORTS - 1]:
            stack.enter_context(places.one(who))
        with pytest.raises(Overloaded), places.one(others[-1]):
            pass
    with places.one(ANN.id):
        pass


async def test_one_import_at_a_time():
    archive = Archive(None, None, Free(), Bounds())
    done = asyncio.Event()
    begun = []

    async def take_turn(who):
        async with archive.importing(who, 0, None):
            begun.append(who)
            await done.wait()

    tasks = [asyncio.create_task(take_turn(Principal(f"user:{n}"))) for n in range(MOST_IMPORTS)]
    await asyncio.sleep(0.01)
    assert len(begun) == 1
    done.set()
    await asyncio.gather(*tasks)
    assert len(begun) == MOST_IMPORTS


class Free:
    """Rates that are never reached."""

    async def check(self, **_):
        return


def test_what_comes_in_is_bounded_by_address_and_in_all():
    uploads = Uploads(10)
    with contextlib.ExitStack() as stack:
        several = [stack.enter_context(uploads.one("a")) for _ in range(MOST_OWN_UPLOADS)]
        with pytest.raises(Overloaded), uploads.one("a"):
            pass
        for came in several[:MOST_OWN_HELD]:
            came(10)
        with pytest.raises(Overloaded):
            several[-1](1)
        others = [stack.enter_context(uploads.one(f"b{n}")) for n in range(MOST_HELD)]
        for came in others[: MOST_HELD - MOST_OWN_HELD]:
            came(10)
        with pytest.raises(Overloaded):
            others[-1](1)
    for who in "abc":  # all was given back
        with uploads.one(who) as came:
            came(10)


async def test_an_import_that_comes_too_slowly_gives_its_place_back(migrated_database, tmp_path, monkeypatch):
    monkeypatch.setattr(archive_routes, "UPLOAD_S", 0.05)

    async def never():
        await asyncio.Event().wait()

    path = shutil.copy(migrated_database, tmp_path / "a.db")
    async with engine_on(path, Words()) as engine:
        scope = {"type": "http", "headers": [(b"content-type", b"application/json")]}
        for _ in range(MOST_OWN_UPLOADS + 1):
            request = Request(scope, never, never, 10)
            request.principal = ANN
            with pytest.raises(BadRequest):
                await archive_routes.Archive(engine).import_session(request)


async def test_an_export_that_nobody_takes_gives_its_place_back(migrated_database, tmp_path, monkeypatch):
    monkeypatch.setattr(archive_routes, "TAKEN_S", 0.05)
    started = asyncio.Event()

    async def send(message):
        if message["type"] == "http.response.start":
            started.set()
        else:
            await asyncio.Event().wait()

    path = shutil.copy(migrated_database, tmp_path / "a.db")
    async with engine_on(path, Words()) as engine:
        await engine.store.create_session(ANN, "s", "", {})
        for _ in range(MOST_OWN_EXPORTS + 1):
            request = Request({"type": "http", "headers": [], "query_string": b""}, started.wait, send, 10)
            request.principal, request.params = ANN, ("s",)
            request.receive = asyncio.Event().wait
            with pytest.raises(Overloaded, match="not taken"):
                await archive_routes.Archive(engine).export(request)


async def test_few_messages_are_in_memory_at_a_time():
    class Long:
        def __init__(self):
            self.asked = []

        async def past(self, principal, session_id, after, limit):
            self.asked.append(limit)
            return [type("Message", (), {"ordinal": n}) for n in range(after + 1, min(after + 1 + limit, 50))]

    store = Long()
    taken = [it.ordinal async for it in Archive(store, None, None, Bounds()).messages(ANN, "s")]
    assert taken == list(range(50))
    assert max(store.asked) <= 10


async def test_others_go_on_while_a_long_conversation_is_read(monkeypatch):
    monkeypatch.setattr(past_module, "STEP_S", 0.0)
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    catalogue = Catalogue({"b": Bot(name="b", model="p/m")}, {}, default_bot="b", cache=None)
    messages = [
        PastMessage(id=f"{n}", role="user", sender="", status="complete", content="x", parent_id=None,
                    usage=None, told=Told(), feedback=None, created_at=0)
        for n in range(50)
    ]  # fmt: skip
    given = Conversation(title="", context={}, created_at=0, message_count=50, messages=messages)
    other = asyncio.create_task(tick())
    made = await make_past(ANN, given, catalogue, Bounds(), "s")
    other.cancel()
    assert len(made.prompts) == len(made.turns) == 50
    assert ticks >= 2 * 50 - 5, "between any two messages, and any two replies made for them"


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
    turn = running_turn(epoch=2)
    desk = type(
        "Desk", (), {"busy": False, "pieces": 0, "assign_phase": lambda _: 0, "mark": lambda *_: None}
    )()
    channel = Channel(turn, [Chunk("content", "begun")], lambda _: None)
    draft = Draft(turn, channel, (10, 10, 10), desk, lambda _: None)
    draft.seam()
    draft.content("on")
    assert draft.first_token_ms is None
