"""Contract D with a plain client: submit, subscribe, resume."""

import asyncio
import json

import pytest

from antiphon.testing.model_server import expected_text
from serving import Client, ServerProcess, events, model_toml

ASK = {"session_id": "s", "user_id": "ann", "message": "x", "ai_provider": "test", "model": "test-30-10-0"}


async def submit(client, status=202, **changes):
    body = {k: v for k, v in (ASK | changes).items() if v is not None}
    return await client.call("POST", "/api/chat", status, json=body)


class Subscriber:
    """Puts replies together by ``message_id``, as the clients of this contract do."""

    def __init__(self, client, user="ann", session="s"):
        self.client = client
        self.where = {"session_id": session, "user_id": user}
        self.texts: dict[str, str] = {}
        self.next: dict[str, int] = {}
        self.complete: list[dict] = []
        self.finals: list[dict] = []
        self.connected = None
        self.cursor = None

    async def read(self, until, most=None):
        headers = {"Last-Event-ID": self.cursor} if self.cursor else {}
        taken = 0
        url = f"{self.client.url}/api/sse"
        async with self.client.http.get(url, params=self.where, headers=headers) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            async for event in events(response):
                assert event.id, "each event has an id"
                self.cursor = event.id
                self.take(event)
                taken += event.name == "chunk"
                if until(self) or taken == most:
                    break
        return self

    def take(self, event):
        data = event.data
        if event.name == "connected":
            self.connected = data
        elif event.name == "message_complete":
            assert data["type"] == "message_complete"
            self.complete.append(data)
        elif event.name == "chunk":
            message = data["message_id"]
            assert data["chunk_id"] == self.next.get(message, 0)
            self.next[message] = data["chunk_id"] + 1
            if data["chunk_type"] == "content":
                self.texts[message] = self.texts.get(message, "") + data["chunk"]
            if data["is_final"]:
                self.finals.append(data)


def completed(count):
    return lambda subscriber: len(subscriber.complete) == count


async def test_submit_then_subscribe(client):
    accepted = await submit(client)
    assert accepted["status"] == "accepted"
    assert set(accepted) == {"message_id", "session_id", "status", "timestamp", "correlation_id"}
    subscriber = await Subscriber(client).read(completed(1))
    assert set(subscriber.connected) == {"connection_id", "session_id"}
    assert subscriber.texts == {accepted["message_id"]: expected_text("x", 30)}
    (final,) = subscriber.finals
    assert final["metadata"] == {"model": "test/test-30-10-0", "tokens_used": 30, "finish_reason": "stop"}
    assert final["correlation_id"] == accepted["correlation_id"]
    assert subscriber.complete[0]["token_count"] == 30


async def test_subscribe_then_submit(client):
    subscriber = Subscriber(client)
    reading = asyncio.create_task(subscriber.read(completed(2)))
    while subscriber.connected is None:
        await asyncio.sleep(0.01)
    first = await submit(client, message="one")
    second = await submit(client, message="two")
    await asyncio.wait_for(reading, 30)
    assert subscriber.texts[first["message_id"]] == expected_text("one", 30)
    assert subscriber.texts[second["message_id"]] == expected_text("two", 30)


async def test_a_reply_that_ended_unheard_is_given_once(client):
    accepted = await submit(client, model="test-10-0-0")
    turn = accepted["correlation_id"]
    while (await client.call("GET", f"/api/turns/{turn}"))["state"] != "complete":
        await asyncio.sleep(0.02)
    heard = await Subscriber(client).read(completed(1))
    assert heard.texts[accepted["message_id"]] == expected_text("x", 10)
    again = await submit(client, message="next", model="test-10-0-0")
    later = await Subscriber(client).read(completed(1))
    assert list(later.texts) == [again["message_id"]]


async def test_a_subscriber_that_hangs_up_resumes_without_gap_or_repeat(client):
    messages = [await submit(client, message=f"m{i}") for i in range(3)]
    subscriber = Subscriber(client)
    while len(subscriber.complete) < 3:
        await subscriber.read(completed(3), most=8)
    for i, message in enumerate(messages):
        assert subscriber.texts[message["message_id"]] == expected_text(f"m{i}", 30)


async def test_the_query_carries_the_cursor_too(client):
    await submit(client)
    subscriber = Subscriber(client)
    await subscriber.read(completed(1), most=4)
    subscriber.where["last_event_id"], subscriber.cursor = subscriber.cursor, None
    await subscriber.read(completed(1))
    assert list(subscriber.texts.values()) == [expected_text("x", 30)]


async def test_a_reply_begun_here_is_finished_on_the_native_api_and_back(client):
    accepted = await submit(client)
    subscriber = Subscriber(client)
    await subscriber.read(completed(1), most=9)
    text = subscriber.texts[accepted["message_id"]]
    native = f"{client.url}/api/turns/{accepted['correlation_id']}/events"
    async with client.http.get(native, headers={"Last-Event-ID": subscriber.cursor}) as response:
        async for event in events(response):
            if event.data["type"] == "content":
                text += event.data["text"]
                subscriber.cursor = event.id
                subscriber.next[accepted["message_id"]] += 1
            if len(text) > 60:
                break
    subscriber.texts[accepted["message_id"]] = text
    await subscriber.read(completed(1))
    assert subscriber.texts[accepted["message_id"]] == expected_text("x", 30)


async def test_a_killed_server_keeps_message_and_order(tmp_path, model):
    async with ServerProcess(tmp_path, model_toml(model.port)) as server, Client(server.url) as client:
        accepted = await submit(client, model="test-100-15-0")
        subscriber = Subscriber(client)
        await subscriber.read(completed(1), most=20)
        await server.kill()
        await server.start()
        while not subscriber.complete:
            await subscriber.read(completed(1), most=20)
        stored = await client.call("GET", f"/api/messages/{accepted['message_id']}")
    assert subscriber.texts == {accepted["message_id"]: expected_text("x", 100)}
    assert stored["content"] == expected_text("x", 100)


@pytest.mark.parametrize("field", ["session_id", "user_id", "message"])
@pytest.mark.parametrize("value", [None, "", "  "])
async def test_a_missing_or_empty_field_is_told(client, field, value):
    answer = await submit(client, 400, **{field: value})
    assert field in answer["error"]
    assert await client.call("GET", "/api/sessions") == {"sessions": [], "next_before": None}


@pytest.mark.parametrize("missing", ["session_id", "user_id"])
async def test_a_missing_parameter_is_told(client, missing):
    where = {"session_id": "s", "user_id": "ann"}
    del where[missing]
    answer = await client.call("GET", "/api/sse", 400, params=where)
    assert missing in answer["error"]


async def test_another_user_is_kept_out(client):
    await submit(client)
    await client.call("GET", "/api/sse", 404, params={"session_id": "s", "user_id": "bob"})
    await submit(client, 404, user_id="bob")
    async with Client(client.url, "bob") as bob:
        await bob.call("GET", "/api/sessions/s", 404)


async def test_a_failed_reply_is_told(client):
    accepted = await submit(client, model="test-30-1-0-status401")
    subscriber = await Subscriber(client).read(completed(1))
    (final,) = subscriber.finals
    assert (final["chunk_type"], final["is_final"]) == ("error", True)
    assert final["metadata"]["code"] == "provider_refused"
    assert final["message_id"] == accepted["message_id"]
    assert subscriber.complete[0]["status"] == "failed"


async def test_a_bot_may_be_named_as_provider(client):
    accepted = await submit(client, ai_provider="echo", model=None, context={"page": "shoes"})
    subscriber = await Subscriber(client).read(completed(1))
    assert subscriber.texts == {accepted["message_id"]: "x"}
    answer = await submit(client, 400, ai_provider="nobody")
    assert "nobody" in answer["error"]


async def test_health_tells_what_this_contract_asks(client):
    health = await client.call("GET", "/health")
    assert health["pod_id"]
    assert health["active_buffers"] == 0
    assert health["nats_connected"] is False
    assert json.dumps(health)


async def test_following_a_session_before_it_exists_shows_nothing_of_another_users(client):
    bob = Subscriber(client, user="bob", session="later")
    reading = asyncio.create_task(bob.read(completed(1)))
    while bob.connected is None:
        await asyncio.sleep(0.01)
    accepted = await submit(client, session_id="later")
    await Subscriber(client, session="later").read(completed(1))
    reading.cancel()
    assert accepted["message_id"] not in bob.texts
    assert bob.next == {}


async def test_the_cursor_of_a_long_session_stays_short(client):
    subscriber = Subscriber(client)
    reading = asyncio.create_task(subscriber.read(completed(70)))
    while subscriber.connected is None:
        await asyncio.sleep(0.01)
    for i in range(70):
        await submit(client, message=f"m{i}", model="test-2-0-0")
        while len(subscriber.complete) <= i:
            await asyncio.sleep(0.005)
    await asyncio.wait_for(reading, 30)
    assert subscriber.cursor.count(",") <= 1, subscriber.cursor
    accepted = await submit(client, message="once more")
    await subscriber.read(completed(71))
    assert subscriber.texts[accepted["message_id"]] == expected_text("once more", 30)


async def test_the_end_is_told_once_however_often_one_comes_back(client):
    await submit(client, model="test-5-0-0")
    subscriber = await Subscriber(client).read(completed(1))
    await submit(client, message="two", model="test-5-0-0")
    await subscriber.read(completed(2))
    assert [c["type"] for c in subscriber.complete] == ["message_complete"] * 2
    assert len({c["message_id"] for c in subscriber.complete}) == 2


async def test_a_cursor_of_elsewhere_is_expired(client):
    await submit(client, model="test-5-0-0")
    await Subscriber(client).read(completed(1))
    for cursor in ("9.3", "1.300"):
        where = {"session_id": "s", "user_id": "ann", "last_event_id": cursor}
        answer = await client.call("GET", "/api/sse", 410, params=where)
        assert answer["code"] == "cursor_expired"


async def test_a_subscriber_from_before_the_session_can_come_back(client):
    subscriber = Subscriber(client)
    reading = asyncio.create_task(subscriber.read(completed(1)))
    while subscriber.connected is None:
        await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    reading = asyncio.create_task(subscriber.read(completed(1)))
    await asyncio.sleep(0.1)
    await submit(client)
    await asyncio.wait_for(reading, 30)
    assert list(subscriber.texts.values()) == [expected_text("x", 30)]
