"""The promise, on one machine: a reply, once begun, reaches its reader whole."""

import asyncio

import aiohttp
import pytest

from antiphon.testing.model_server import expected_text
from serving import Client, Reply, ServerProcess, events, model_toml

SLOW = "test/test-60-15-0"


async def test_a_reply_is_streamed_and_stored(client):
    session = await client.session()
    turn = await client.send(session, "hello", model="test/test-20-0-0")
    reply = await client.follow(turn["id"])
    assert reply.text == expected_text("hello", 20)
    assert reply.end["state"] == "complete"
    assert reply.message_ids == {turn["message_id"]}
    user, assistant = await client.messages(session)
    assert (user["content"], user["id"]) == ("hello", turn["prompt_id"])
    assert (assistant["content"], assistant["id"]) == (reply.text, turn["message_id"])
    assert assistant["usage"]["completion_tokens"] == 20


async def test_sending_can_stream_the_answer_at_once(client):
    session = await client.session()
    reply = Reply()
    async with client.http.post(
        f"{client.url}/api/sessions/{session}/messages",
        json={"text": "hi", "model": "test/test-20-1-0"},
        headers={"Accept": "text/event-stream"},
    ) as response:
        assert response.headers["X-Accel-Buffering"] == "no"
        assert response.headers["Cache-Control"] == "no-cache, no-transform"
        async for event in events(response):
            reply.take(event)
    assert reply.text == expected_text("hi", 20)


async def test_sizebot_answers_without_any_model(client):
    session = await client.session()
    turn = await client.send(session, "My foot is 26.5 cm, which running shoe size in EU?")
    reply = await client.follow(turn["id"])
    assert reply.end["state"] == "complete"
    assert "42" in reply.text


async def test_a_reader_that_hangs_up_again_and_again_misses_nothing(client):
    session = await client.session()
    turn = await client.send(session, "x", model=SLOW)
    reply = Reply()
    while reply.end is None:
        await client.follow(turn["id"], reply, most=7)
    assert reply.text == expected_text("x", 60)


async def test_many_readers_get_the_same_events(client):
    session = await client.session()
    turn = await client.send(session, "x", model=SLOW)
    replies = await asyncio.gather(*(client.follow(turn["id"]) for _ in range(10)))
    assert {r.text for r in replies} == {expected_text("x", 60)}
    late = await client.follow(turn["id"])
    assert (late.text, late.next) == (replies[0].text, replies[0].next)


async def test_a_finished_reply_is_resumed_from_its_middle(client):
    session = await client.session()
    turn = await client.send(session, "x", model=SLOW)
    whole = await client.follow(turn["id"])
    half = Reply()
    await client.follow(turn["id"], half, most=whole.next // 2)
    await client.follow(turn["id"], half)
    assert half.text == whole.text
    async with client.http.get(
        f"{client.url}/api/turns/{turn['id']}/events?cursor={whole.cursor}"
    ) as response:
        assert response.status == 204


@pytest.mark.parametrize("continuation", [True, False])
async def test_a_killed_server_goes_on_with_the_same_message(tmp_path, model, continuation):
    async with ServerProcess(tmp_path, model_toml(model.port, continuation=continuation)) as server:
        async with Client(server.url) as client:
            session = await client.session()
            turn = await client.send(session, "x", model="test/test-100-15-0")
            reply = Reply()
            await client.follow(turn["id"], reply, most=20)
            await server.kill()
            await server.start()
            while reply.end is None:
                await client.follow(turn["id"], reply, most=20)
            _, stored = await client.messages(session)
    assert reply.text == expected_text("x", 100) == stored["content"]
    assert reply.message_ids == {turn["message_id"]} == {stored["id"]}
    assert reply.resets == (0 if continuation else 1)
    (seam,) = stored["metadata"]["seams"]
    assert (seam["how"], seam["epoch"]) == ("continued" if continuation else "restarted", 2)


async def test_a_server_that_is_asked_to_leave_hands_its_replies_on(tmp_path, model):
    async with ServerProcess(tmp_path, model_toml(model.port)) as server, Client(server.url) as client:
        session = await client.session()
        turn = await client.send(session, "x", model="test/test-100-15-0")
        reply, names = Reply(), []

        async def read():
            async with client.http.get(f"{client.url}/api/turns/{turn['id']}/events") as response:
                async for event in events(response):
                    names.append(event.name)
                    reply.take(event)

        reading = asyncio.create_task(read())
        while reply.next < 10:
            await asyncio.sleep(0.01)
        assert await server.stop() == 0
        await reading
        assert names[-1] == "resume"
        await server.start()
        await client.follow(turn["id"], reply)
        assert reply.text == expected_text("x", 100)


async def test_stop_keeps_what_there_is(client):
    session = await client.session()
    turn = await client.send(session, "x", model="test/test-500-20-0")
    reply = Reply()
    await client.follow(turn["id"], reply, most=5)
    await client.call("POST", f"/api/turns/{turn['id']}/cancel", 202)
    await client.follow(turn["id"], reply)
    assert reply.end["state"] == "stopped"
    _, stored = await client.messages(session)
    assert stored["content"] == reply.text
    assert stored["status"] == "stopped"
    assert reply.text
    assert expected_text("x", 500).startswith(reply.text)


async def test_regenerate_and_edit_make_branches(client):
    session = await client.session()
    first = await client.send(session, "one", bot="echo")
    await client.follow(first["id"])
    again = (await client.call("POST", f"/api/turns/{first['id']}/regenerate", 202))["turn"]
    assert again["prompt_id"] == first["prompt_id"]
    assert again["message_id"] != first["message_id"]
    await client.follow(again["id"])
    edited = await client.send(session, "one, edited", bot="echo", parent=None)
    await client.follow(edited["id"])
    messages = await client.messages(session)
    assert [(m["role"], m["content"]) for m in messages] == [
        ("user", "one"),
        ("assistant", "one"),
        ("assistant", "one"),
        ("user", "one, edited"),
        ("assistant", "one, edited"),
    ]
    assert messages[3]["parent_id"] is None
    assert messages[1]["parent_id"] == messages[2]["parent_id"] == messages[0]["id"]


async def test_the_same_key_sends_once(client):
    session = await client.session()
    turns = await asyncio.gather(
        *(client.send(session, "hi", model="test/test-20-1-0", idempotency_key="k") for _ in range(5))
    )
    assert len({turn["id"] for turn in turns}) == 1
    await client.follow(turns[0]["id"])
    assert len(await client.messages(session)) == 2


async def test_a_session_stream_carries_all_its_replies_and_resumes(client):
    session = await client.session()
    texts: dict[int, Reply] = {}
    cursor = None

    async def read(most):
        nonlocal cursor
        headers = {"Last-Event-ID": cursor} if cursor else {}
        async with client.http.get(
            f"{client.url}/api/sessions/{session}/events", headers=headers
        ) as response:
            taken = 0
            async for event in events(response):
                if event.data["type"] != "connected" and "seq" in event.data:
                    texts.setdefault(event.data["turn"], Reply()).take(event)
                    cursor = event.id
                    taken += 1
                if taken == most or (len(texts) == 3 and all(r.end for r in texts.values())):
                    return

    for i in range(3):
        await client.send(session, f"m{i}", model="test/test-40-10-0")
    while len(texts) < 3 or not all(reply.end for reply in texts.values()):
        await read(11)
    assert [texts[n].text for n in (1, 2, 3)] == [expected_text(f"m{i}", 40) for i in range(3)]


async def test_reasoning_is_kept_apart(client):
    session = await client.session()
    turn = await client.send(session, "x", model="test/test-10-1-0-reason5")
    async with client.http.get(f"{client.url}/api/turns/{turn['id']}/events") as response:
        kinds = [event.data["type"] async for event in events(response) if event.id]
    assert kinds[0] == "reasoning"
    _, stored = await client.messages(session)
    assert stored["content"] == expected_text("x", 10)


async def test_head_is_answered_as_get_without_a_body(server):
    async with aiohttp.ClientSession() as http:
        for path in ("/", "/health", "/api/models"):
            async with http.get(server.url + path) as whole, http.head(server.url + path) as head:
                assert head.status == whole.status == 200
                assert await head.read() == b""
                assert head.content_type == whole.content_type
