"""EventSource, Chromium's and the npm package's: cut in mid-reply, it comes back and has all of it."""

import asyncio
import contextlib
import secrets

import pytest

from antiphon.testing.model_server import expected_text
from ports import free_port
from serving import Client, Event, Reply
from sites import cutting

MODEL = "test/test-60-20-0"
ASKED = "Sing, please."
WHOLE = expected_text(ASKED, 60)
CUTS = 2
# In the midst of the text, whatever the heads of the responses are like.
CUT_AT = 2000
PAGES = f"http://pages.localhost:{free_port()}"


@pytest.fixture(params=["chromium", "node"])
def follow(request, run_node):
    """``await follow(url, …)`` with one kind of EventSource; the page of the browser's is at ``origin``."""
    browser = {"chromium": request.getfixturevalue("chromium")} if request.param == "chromium" else {}

    async def run(url, names=("message", "turn", "connected"), **more):
        return await run_node("eventsource", url=url, names=names, **browser, **more)

    return run


def put_together(found):
    """Return the reply in what an EventSource saw; Reply finds gaps and repeats."""
    reply = Reply()
    for event in found["events"]:
        reply.take(_AsRead(event))
    return reply


class _AsRead(Event):
    def __init__(self, event):
        super().__init__({"id": event["id"], "event": event["name"]})
        self._data = event["data"]

    @property
    def data(self):
        return self._data


async def begin(site, user):
    async with Client(site.url, user) as client:
        session = await client.session()
        return session, await client.send(session, ASKED, model=MODEL)


async def test_a_turn_that_is_cut_comes_whole_and_then_is_over(site, follow):
    _, turn = await begin(site, "es-turn")
    async with cutting(site.url, CUT_AT, CUTS) as way:
        found = await follow(f"{way.url}/api/turns/{turn['id']}/events?user_id=es-turn")
        assert way.cuts_left == 0
    reply = put_together(found)
    assert (reply.text, reply.end["state"]) == (WHOLE, "complete")
    # Two cuts and the end of the response; then 204, by which an EventSource learns that there is no more.
    assert (found["opens"], found["breaks"], found["closed"]) == (CUTS + 1, CUTS + 1, True)


@contextlib.asynccontextmanager
async def listening(way, following):
    """``following`` a session by ``way`` before its reply begins: who comes late may miss it."""
    async with asyncio.TaskGroup() as tasks:
        found = tasks.create_task(following)
        await way.opened.wait()
        yield found


async def test_a_session_that_is_cut_loses_nothing(site, follow):
    async with Client(site.url, "es-session") as client, cutting(site.url, CUT_AT) as way:
        session = await client.session()
        url = f"{way.url}/api/sessions/{session}/events?user_id=es-session"
        async with listening(way, follow(url, last=["message", "end"])) as following:
            await client.send(session, ASKED, model=MODEL)
            found = await following
        assert way.cuts_left == 0
    reply = put_together(found)
    assert (reply.text, reply.end["state"], found["breaks"]) == (WHOLE, "complete", 1)


async def test_contract_d_that_is_cut_loses_nothing(site, follow):
    session = f"es-d-{secrets.token_hex(4)}"
    body = {"session_id": session, "user_id": "es-d", "message": ASKED, "ai_provider": "test"}
    async with Client(site.url, "es-d") as client, cutting(site.url, 3 * CUT_AT) as way:
        await client.session(id=session)
        url = f"{way.url}/api/sse?session_id={session}&user_id=es-d"
        ending = ["message_complete", "message_complete"]
        names = ["connected", "chunk", ending[0]]
        async with listening(way, follow(url, names=names, last=ending)) as following:
            accepted = await client.call("POST", "/api/chat", 202, json={**body, "model": MODEL[5:]})
            found = await following
        assert way.cuts_left == 0
    chunks = [e["data"] for e in found["events"] if e["name"] == "chunk"]
    assert [c["chunk_id"] for c in chunks] == list(range(len(chunks)))
    assert {c["message_id"] for c in chunks} == {accepted["message_id"]}
    assert "".join(c["chunk"] for c in chunks if c["chunk_type"] == "content") == WHOLE
    assert (chunks[-1]["is_final"], found["breaks"]) == (True, 1)


@pytest.mark.parametrize("allowed", [PAGES, "*"], ids=["named", "any"])
async def test_a_page_of_an_allowed_origin_gets_a_cut_reply_whole(make_site, run_node, chromium, allowed):
    site = await make_site(ANTIPHON_ALLOWED_ORIGINS=allowed)
    _, turn = await begin(site, "es-page")
    async with cutting(site.url, CUT_AT) as way:
        found = await run_node(
            "eventsource",
            url=f"{way.url}/api/turns/{turn['id']}/events?user_id=es-page",
            names=["message", "turn"],
            chromium=chromium,
            origin=PAGES,
        )
        assert way.cuts_left == 0
    reply = put_together(found)
    assert (reply.text, found["closed"]) == (WHOLE, True)


@pytest.mark.parametrize(
    ("allowed", "credentials"),
    [("https://other.example", False), ("*", True), ("http://pages.localhost", False)],
)
async def test_a_page_of_another_origin_gets_nothing(make_site, run_node, chromium, allowed, credentials):
    site = await make_site(ANTIPHON_ALLOWED_ORIGINS=allowed)
    _, turn = await begin(site, "es-page")
    found = await run_node(
        "eventsource",
        url=f"{site.url}/api/turns/{turn['id']}/events?user_id=es-page",
        names=["message", "turn"],
        chromium=chromium,
        origin=PAGES,
        credentials=credentials,
    )
    assert (found["events"], found["opens"], found["closed"]) == ([], 0, True)
