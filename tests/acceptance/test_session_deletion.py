"""A session that is deleted and made again while it is followed, told in the words of each contract."""

import asyncio

import pytest

from antiphon.testing.model_server import expected_text
from graphql_client import SESSION, GraphQL, Reply
from native_socket import NativeClient
from patience import PATIENCE_S
from serving import events
from session_chat import CUSTOMER, Chat

SHORT = "test/test-20-5-0"


async def until_gone(client, session):
    """Delete a session in a moment, when somebody follows it."""
    await asyncio.sleep(0.2)
    await client.call("DELETE", f"/api/sessions/{session}", 204)


async def made_again(client, session, text):
    await client.session(id=session)
    return await client.send(session, text, model=SHORT)


@pytest.mark.parametrize(
    ("path", "last"),
    [("/api/sessions/s/events", "resume"), ("/api/sse?session_id=s&user_id=ann", "connected")],
)
async def test_event_streams_end_and_go_on_with_the_next_one(client, path, last):
    turn = await made_again(client, "s", "old")
    await client.follow(turn["id"])
    async with client.http.get(client.url + path) as response, asyncio.timeout(PATIENCE_S):
        deleting = asyncio.create_task(until_gone(client, "s"))
        seen = [event async for event in events(response)]
    await deleting
    connected = [event for event in seen if event.name == "connected"]
    assert [event.id for event in connected][-1] == "1.0", "it comes back to the beginning"
    assert last in {event.name for event in seen[-2:]}
    cursor = [event.id for event in seen if event.id][-1]
    turn = await made_again(client, "s", "new")
    text, headers = "", {"Last-Event-ID": cursor}
    async with client.http.get(client.url + path, headers=headers) as response, asyncio.timeout(PATIENCE_S):
        async for event in events(response):
            data = event.data
            if data.get("type") == "content" or data.get("chunk_type") == "content":
                text += data.get("text") or data.get("chunk") or ""
            if text == expected_text("new", 20):
                break
    assert turn["number"] == 2, "cursors of the deleted session name its numbers"


async def test_a_socket_is_told_to_follow_again(client, server):
    async with NativeClient(server.url) as socket:
        await socket.ask("follow", session_id="s")
        await socket.whole(await made_again(client, "s", "old"))
        await client.call("DELETE", "/api/sessions/s", 204)
        told = await socket.until(lambda frame: frame["type"] == "resume")
        assert (told["session_id"], told["cursor"]) == ("s", "1.0")
        turn = await made_again(client, "s", "new")
        socket.replies.clear()
        await socket.ask("follow", session_id="s", cursor=told["cursor"])
        assert await socket.whole(turn) == [expected_text("new", 20)]


async def test_a_subscription_goes_on_with_the_next_one(client, server):
    async with GraphQL(server.url) as ann:
        socket = await ann.socket()
        await socket.subscribe("1", SESSION, of="s")
        for text in ("old", "new"):
            begun = await socket.events("1", 1)
            assert (begun.types, begun.cursor) == (["CONNECTED"], "1.0")
            turn = await made_again(client, "s", text)
            reply = Reply()
            while turn["id"] not in reply.ends:
                await socket.events("1", 1, reply)
            assert reply.text == expected_text(text, 20)
            await client.call("DELETE", "/api/sessions/s", 204)
        await socket.close()


async def test_a_client_of_a_session_socket_is_sent_away_and_has_no_place_in_the_next(client, server):
    async with Chat(server.url, **{"X-User-ID": "ann"}) as chat:
        session = await chat.session()
        line = await chat.connect(session)
        await line.send("old", model=SHORT)
        await line.replies(1)
        await asyncio.sleep(0.5)  # its library has answered that all arrived: the client's place is behind it
        await client.call("DELETE", f"/api/sessions/{session}", 204)
        while await line.frame() is not None:
            pass
        assert line.socket.close_code == 1012
        assert await chat.refused(session) == 404
        await made_again(client, session, "new")
        async with await chat.connect(session) as line:
            assert (await line.replies(1)).texts == [expected_text("new", 20)]


async def test_in_contract_c_it_is_told_that_it_is_created(client):
    turn = await made_again(client, "s", "old")
    await client.follow(turn["id"])
    await client.call("DELETE", "/api/sessions/s", 204)
    async with Chat(client.url, **{"X-User-ID": "ann"}) as chat:
        for told in ("created", "exists"):
            made = await chat.call("POST", "/chat/session", json=CUSTOMER | {"session_id": "s"})
            assert made["status"] == told
