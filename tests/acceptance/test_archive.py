"""Sessions put away and found, replies judged: over HTTP."""

import asyncio
from datetime import datetime

from archives import ids, say
from serving import Client, events


async def test_archiving_takes_a_session_from_the_list_and_a_message_brings_it_back(client):
    first, second = await client.session(title="first"), await client.session(title="second")
    await say(client, first, "x")
    changed = await client.call("PATCH", f"/api/sessions/{second}", json={"archived": True})
    assert changed["archived"]
    assert (await ids(client), await ids(client, "?archived=true")) == ([first], [second])
    assert (await client.call("GET", f"/api/sessions/{second}"))["archived"]
    await say(client, second, "hello")
    assert (await ids(client), await ids(client, "?archived=true")) == ([second, first], [])
    assert not (await client.call("GET", f"/api/sessions/{second}"))["archived"]


async def test_renaming_and_archiving_do_not_move_a_session(client):
    sessions = [await client.session(title=str(n)) for n in range(3)]
    before = await client.call("GET", f"/api/sessions/{sessions[0]}")
    await asyncio.sleep(0.01)
    for change in ({"title": "new"}, {"context": {"k": 1}}, {"archived": True}, {"archived": False}):
        changed = await client.call("PATCH", f"/api/sessions/{sessions[0]}", json=change)
        assert changed["updated_at"] == before["updated_at"]
    assert changed["title"] == "new"
    assert await ids(client) == sessions[::-1]


async def test_the_session_sockets_last_activity_is_the_last_message(client):
    made = await client.call(
        "POST", "/chat/session", json={"customer_name": "A", "customer_email": "a@example.org"}
    )
    session = made["session_id"]
    at_first = made["context"]["last_activity"]
    await asyncio.sleep(0.01)
    await client.call("PATCH", f"/api/sessions/{session}", json={"title": "named"})
    told = await client.call("GET", f"/chat/session/{session}")
    assert told["context"]["last_activity"] == at_first
    await say(client, session, "hello")
    told = await client.call("GET", f"/chat/session/{session}")
    assert told["context"]["last_activity"] > at_first


async def test_sessions_are_searched_page_by_page(client):
    sessions = [await client.session(title=f"Rivers {n}") for n in range(5)]
    other = await client.session(title="Lakes")
    await say(client, other, "GRÖSSE der Rivers?")
    await client.call("PATCH", f"/api/sessions/{sessions[0]}", json={"archived": True})
    found, query = [], ""
    while True:
        page = await client.call("GET", f"/api/sessions?q=rivers&limit=2{query}")
        assert len(page["sessions"]) <= 2
        found += [s["id"] for s in page["sessions"]]
        if page["next_before"] is None:
            break
        query = f"&before={page['next_before']}"
    assert found == [other, *sessions[:0:-1]]
    assert await ids(client, "?q=grösse") == [other]
    assert await ids(client, "?q=rivers&archived=true") == [sessions[0]]
    assert await ids(client, "?q=%25") == []
    async with Client(client.url, "mallory") as mallory:
        assert await ids(mallory, "?q=rivers") == []


async def test_a_list_goes_on_from_its_own_words_and_from_a_time(client):
    sessions = [await client.session() for _ in range(5)][::-1]
    page = await client.call("GET", "/api/sessions?limit=2")
    assert isinstance(page["next_before"], str)
    assert await ids(client, f"?before={page['next_before']}") == sessions[2:]
    time = datetime.fromisoformat(page["sessions"][1]["updated_at"])
    by_time = await ids(client, f"?before={round(time.timestamp() * 1000)}")
    assert set(by_time) <= set(sessions[2:])
    assert await ids(client, "?before=0") == await ids(client, "?before=0:x") == []
    for text in ("", "x", "-1", "1:a%00b", "1:" + "a" * 201, "9" * 30, "²", ":x"):
        told = await client.call("GET", f"/api/sessions?before={text}", 422)
        assert "next_before" in told["detail"]


async def test_a_list_tells_where_a_reply_is_under_way(client):
    quiet, busy = await client.session(), await client.session()
    turn = await client.send(busy, "x", model="test/test-200-50-0")
    for query in ("", "?q=x"):
        page = await client.call("GET", f"/api/sessions{query}")
        told = {item["id"]: item["running"] for item in page["sessions"]}
        assert told == {busy: True} | ({} if query else {quiet: False})
    await client.call("POST", f"/api/turns/{turn['id']}/cancel", 202)
    await client.follow(turn["id"])
    page = await client.call("GET", "/api/sessions")
    assert not any(item["running"] for item in page["sessions"])


async def test_a_reply_is_rated(client):
    session = await client.session()
    turn = await say(client, session, "x")
    path = f"/api/messages/{turn['message_id']}"
    assert (await client.call("GET", path))["feedback"] is None
    rated = await client.call("PUT", f"{path}/feedback", json={"rating": "down", "comment": "wrong"})
    feedback = rated["feedback"]
    assert (feedback["rating"], feedback["comment"]) == ("down", "wrong")
    assert datetime.fromisoformat(feedback["created_at"])
    assert (await client.messages(session))[1]["feedback"] == feedback
    assert (await client.call("PUT", f"{path}/feedback", json={"rating": "up"}))["feedback"]["comment"] == ""
    assert (await client.call("PUT", f"{path}/feedback", json={"rating": None}))["feedback"] is None
    async with Client(client.url, "mallory") as mallory:
        await mallory.call("PUT", f"{path}/feedback", 404, json={"rating": "up"})
    await client.call("PUT", f"/api/messages/{turn['prompt_id']}/feedback", 422, json={"rating": "up"})
    await client.call("DELETE", f"/api/sessions/{session}", 204)
    await client.call("PUT", f"{path}/feedback", 404, json={"rating": "up"})


async def test_a_reply_tells_who_made_it_and_how_long_it_took(client):
    session = await client.session()
    pod = (await client.call("GET", "/health"))["pod_id"]
    path = f"/api/sessions/{session}/messages"
    asked = {"text": "x", "model": "test/test-20-50-0"}
    headers = {"Accept": "text/event-stream"}
    told = []
    async with client.http.post(client.url + path, json=asked, headers=headers) as response:
        told = [event.data async for event in events(response)]
    turn, end = told[0], told[-1]["data"]
    assert (turn["type"], turn["pod"], end["pod"]) == ("turn", pod, pod)
    assert 0 <= end["first_token_ms"] < end["total_ms"]
    assert end["total_ms"] > 300, "20 tokens at 50 a second"
    reply = await client.call("GET", f"/api/messages/{turn['message_id']}")
    assert {name: reply["metadata"][name] for name in ("pod", "first_token_ms", "total_ms")} == {
        name: end[name] for name in ("pod", "first_token_ms", "total_ms")
    }
    assert (await client.call("GET", f"/api/turns/{turn['id']}"))["pod"] is None


async def test_a_running_turn_names_its_pod_and_a_reply_without_text_has_no_first_token(client):
    session = await client.session()
    turn = await client.send(session, "x", model="test/test-20-1-0-stall0")
    running = await client.call("GET", f"/api/turns/{turn['id']}")
    assert running["pod"] == (await client.call("GET", "/health"))["pod_id"]
    await client.call("POST", f"/api/turns/{turn['id']}/cancel", 202)
    end = (await client.follow(turn["id"])).end
    assert ("first_token_ms" in end, "total_ms" in end) == (False, True)
