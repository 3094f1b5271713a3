"""Contract B with a plain client: the history in, the whole reply out, over HTTP and a WebSocket."""

import asyncio
import json
import time

import aiohttp
import pytest

from antiphon.testing.model_server import expected_text
from serving import Client, ServerProcess, model_toml

EMPTY = "Chat history cannot be empty"
ALTERNATE = "Messages must alternate between user and agent"
LAST = "Last message must be from user"
JSON = {"Content-Type": "application/json"}


def said(*texts):
    """Return a history that begins with the user."""
    return [{"sender": ("user", "agent")[i % 2], "text": text} for i, text in enumerate(texts)]


def agent(text):
    return {"sender": "agent", "text": text}


def user(text):
    return {"sender": "user", "text": text}


REFUSED = {
    "empty": ({"history": []}, EMPTY),
    "two users": ({"history": [user("a"), user("b")]}, ALTERNATE),
    "two agents": ({"history": [user("a"), agent("b"), agent("c"), user("d")]}, ALTERNATE),
    "two agents at the end": ({"history": [user("a"), agent("b"), agent("c")]}, ALTERNATE),
    "agent last": ({"history": said("a", "b")}, LAST),
    "agent only": ({"history": [agent("a")]}, LAST),
    "empty text": ({"history": [user(" ")]}, "empty"),
    "another sender": ({"history": [{"sender": "bot", "text": "x"}]}, "sender"),
    "no text": ({"history": [{"sender": "user"}]}, "text"),
    "no list": ({"history": "x"}, "history"),
    "no object in it": ({"history": ["x"]}, "history"),
    "null": ({"history": None}, "history"),
    "unknown bot": ({"history": [user("x")], "bot": "nobody"}, "sizebot"),
    "unknown model": ({"history": [user("x")], "model": "gpt-0"}, "gpt-0"),
    "bad session id": ({"history": [user("x")], "session_id": "a b"}, "session id"),
}
TOO_LARGE = {
    "many messages": (said(*["x"] * 1001), "1000"),
    "long history": (said(*["x" * 30_000] * 17), "500000"),
    "long message": (said("x" * 100_001), "100000"),
}


async def ask(client, status=200, **body):
    return await client.call("POST", "/api/chat", status, json=body)


def chat(client, **more):
    return client.http.ws_connect(client.url + "/api/ws/chat", **more)


async def test_the_whole_reply_comes_at_once(client):
    answer = await ask(client, history=said("x"), model="test/test-100-5-0")
    assert answer == {"message": expected_text("x", 100)}


async def test_sizebot_answers_unless_another_is_named(client):
    question = said("My foot is 26.5 cm long. Which EU shoe size do I need?")
    message = (await ask(client, history=question))["message"]
    assert message == (await ask(client, history=question, bot="sizebot"))["message"]
    assert "42" in message
    begun = time.monotonic()
    message = " ".join(["word"] * 1000)
    assert await ask(client, history=said(message), bot="echo") == {"message": message}
    assert time.monotonic() - begun < 10, "at a reading pace it takes 20 s, and nobody reads along"
    assert await ask(client, history=said("x"), bot="echo") == {"message": "x"}


async def test_sizebot_answers_whatever_the_default_bot_is(tmp_path):
    async with ServerProcess(tmp_path, ANTIPHON_DEFAULT_BOT="echo") as server, Client(server.url) as client:
        assert (await ask(client, history=said("hello")))["message"] != "hello"


async def test_nothing_is_stored_unless_a_session_is_named(client):
    await ask(client, history=said("a", "A", "b"), bot="echo")
    assert (await client.call("GET", "/api/sessions"))["sessions"] == []
    for text in ("a", "b"):
        answer = await ask(client, history=said(text), bot="echo", session_id="s")
        assert answer == {"message": text}
    assert [m["content"] for m in await client.messages("s")] == ["a", "a", "b", "b"]


class Listener:
    """A way to the model that keeps what is sent to it."""

    def __init__(self, model):
        self._model = model
        self._heard = b""
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def sent(self):
        """The messages of the only request for a reply, as (role, content)."""
        found = json.JSONDecoder().raw_decode(self._heard[self._heard.index(b'{"model"') :].decode())[0]
        return [(m["role"], m["content"]) for m in found["messages"]]

    async def _accept(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        beyond, onward = await asyncio.open_connection("127.0.0.1", self._model.port)
        back = asyncio.create_task(self._pass_on(beyond, writer))
        try:
            while data := await reader.read(65536):
                self._heard += data
                onward.write(data)
        finally:
            back.cancel()
            onward.transport.abort()
            writer.transport.abort()

    async def _pass_on(self, reader, writer):
        while data := await reader.read(65536):
            writer.write(data)


@pytest.fixture
async def heard(tmp_path, model):
    """A client of a server, and what that server sends to its model."""
    async with (
        Listener(model) as listener,
        ServerProcess(tmp_path, model_toml(listener.port)) as server,
        Client(server.url) as client,
    ):
        yield client, listener


async def test_the_model_is_sent_the_history(heard):
    client, listener = heard
    history = [agent("Hello!"), *said("a", "A", "b")]
    await ask(client, history=history, model="test/test-3-0-0")
    assert listener.sent == [("assistant", "Hello!"), ("user", "a"), ("assistant", "A"), ("user", "b")]


async def test_a_history_beyond_the_models_window_loses_its_beginning(heard):
    client, listener = heard
    history = said(*[f"{i} " + "x" * 3_000 for i in range(21)])
    await ask(client, history=history, model="test/test-3-0-0")
    sent = [content.split()[0] for _, content in listener.sent]
    assert sent == [str(i) for i in range(int(sent[0]), 21)]
    assert 4 < len(sent) < 21


async def test_another_users_session_is_not_found(server, client):
    await ask(client, history=said("a"), bot="echo", session_id="s")
    async with Client(server.url, "bob") as bob:
        answer = await ask(bob, 404, history=said("a"), bot="echo", session_id="s")
        assert "'s'" in answer["error"]


async def test_the_same_key_is_asked_once(client):
    headers = {"Idempotency-Key": "k"}
    body = {"history": said("a"), "bot": "echo", "session_id": "s"}
    for _ in range(2):
        await client.call("POST", "/api/chat", json=body, headers=headers)
    assert len(await client.messages("s")) == 2


async def test_bad_histories_are_told_over_http(client, subtests):
    for name, (body, told) in REFUSED.items():
        with subtests.test(name):
            answer = await ask(client, 422, **body)
            assert set(answer) == {"error"}
            assert answer["error"] == told if told in (EMPTY, ALTERNATE, LAST) else told in answer["error"]
    for name, (history, told) in TOO_LARGE.items():
        with subtests.test(name):
            assert told in (await ask(client, 413, history=history))["error"]
    assert (await client.call("GET", "/api/sessions"))["sessions"] == []


async def test_bad_frames_are_told_and_the_socket_stays_open(client, subtests):
    async with chat(client) as socket:
        for name, (body, told) in REFUSED.items():
            with subtests.test(name):
                await socket.send_json(body)
                answer = await socket.receive_json(timeout=10)
                assert set(answer) == {"error"}
                assert (
                    answer["error"] == told if told in (EMPTY, ALTERNATE, LAST) else told in answer["error"]
                )
        for frame, told in [
            ("nope", "JSON"),
            ("", "JSON"),
            ("[]", "object"),
            ("{}", EMPTY),
            ('"x"', "object"),
        ]:
            await socket.send_str(frame)
            assert told in (await socket.receive_json(timeout=10))["error"]
        for frame in (b"\xff\xfe\x00", b"\x00" * 1000):
            await socket.send_bytes(frame)
            assert "JSON" in (await socket.receive_json(timeout=10))["error"]
        await socket.send_json({"history": said("still here"), "bot": "echo"})
        assert await socket.receive_json(timeout=10) == {"message": "still here"}


async def test_messages_over_the_socket_in_sequence(client):
    async with chat(client) as socket:
        history = []
        for text in ("one", "two", "three"):
            history.append(user(text))
            await socket.send_json({"history": history, "model": "test/test-20-2-0"})
            answer = await socket.receive_json(timeout=10)
            assert answer == {"message": expected_text(text, 20)}
            history.append(agent(answer["message"]))
    assert (await client.call("GET", "/api/sessions"))["sessions"] == []


async def test_messages_sent_without_waiting_are_answered_in_order(client):
    """The first takes longest; a bad frame among them is told in its turn."""
    async with chat(client) as socket:
        await socket.send_json({"history": said("slow"), "model": "test/test-50-20-0"})
        await socket.send_str("nope")
        for i in range(20):
            await socket.send_json({"history": said(f"m{i}"), "model": "test/test-5-0-0"})
        answers = [await socket.receive_json(timeout=20) for _ in range(22)]
    assert answers[0] == {"message": expected_text("slow", 50)}
    assert "JSON" in answers[1]["error"]
    assert answers[2:] == [{"message": expected_text(f"m{i}", 5)} for i in range(20)]


async def test_more_messages_than_may_wait_are_refused_in_their_turn(client):
    async with chat(client) as socket:
        await socket.send_json({"history": said("slow"), "model": "test/test-20-50-0"})
        for i in range(60):
            await socket.send_json({"history": said(f"m{i}"), "bot": "echo"})
        answers = [await socket.receive_json(timeout=20) for _ in range(61)]
        assert answers[0] == {"message": expected_text("slow", 20)}
        taken = [answer["message"] for answer in answers[1:] if "message" in answer]
        assert taken == [f"m{i}" for i in range(31)]
        assert all("at most 32" in answer["error"] for answer in answers[32:])
        await socket.send_json({"history": said("again"), "bot": "echo"})
        assert await socket.receive_json(timeout=10) == {"message": "again"}


async def test_a_client_that_sends_on_and_on_is_sent_away(client):
    async with chat(client) as socket:
        await socket.send_json({"history": said("slow"), "model": "test/test-20-0-0-stall5"})
        for _ in range(1100):
            await socket.send_str("{}")
        message = await socket.receive(timeout=10)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1013)
    assert (await client.call("GET", "/health"))["status"] == "healthy"


async def test_large_messages_that_wait_are_bounded_by_their_bytes(client):
    large = {"history": said(*["x" * 25_000] * 12, "x"), "bot": "echo"}  # about 300 kB
    async with chat(client) as socket:
        await socket.send_json({"history": said("slow"), "model": "test/test-20-50-0"})
        for _ in range(5):
            await socket.send_json(large)
        answers = [await socket.receive_json(timeout=20) for _ in range(6)]
    assert ["message" in answer for answer in answers] == [True] * 4 + [False] * 2


async def gone(model, seconds=5):
    """Wait until nobody is left whom the model answers."""
    deadline = time.monotonic() + seconds
    while model.live and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return not model.live


async def begun(model):
    while not model.live:
        await asyncio.sleep(0.01)


LONG = "test/test-5000-20-0"


async def test_a_client_that_leaves_stops_what_is_not_stored(client, model):
    waiting = asyncio.create_task(ask(client, history=said("x"), model=LONG))
    await asyncio.wait_for(begun(model), 10)
    waiting.cancel()
    assert await gone(model)


async def test_a_socket_that_leaves_stops_what_is_not_stored(client, model):
    async with chat(client) as socket:
        for _ in range(3):
            await socket.send_json({"history": said("x"), "model": LONG})
        await asyncio.wait_for(begun(model), 10)
    assert await gone(model)
    await asyncio.sleep(0.2)
    assert not model.live, "what waited was not begun"


async def test_what_is_stored_goes_on_without_its_client(client, model):
    body = {"history": said("x"), "model": "test/test-50-20-0", "session_id": "s"}
    waiting = asyncio.create_task(ask(client, **body))
    await asyncio.wait_for(begun(model), 10)
    waiting.cancel()
    while len(await client.messages("s")) < 2:
        await asyncio.sleep(0.05)
    assert (await client.messages("s"))[1]["content"] == expected_text("x", 50)


FAULTS = {
    "test/test-20-0-0-status401": 502,
    "test/test-20-0-0-status429-retry3600": 429,
    "test/test-20-0-0-status500-retry0": 502,
    "test/test-20-0-0-cut5": 502,
    "test/test-20-0-0-stall5": 504,
}


@pytest.mark.parametrize("session", [None, "s"])
async def test_a_reply_that_fails_is_told(tmp_path, model, session, subtests):
    settings = {"ANTIPHON_IDLE_TIMEOUT": "0.6"}
    toml = model_toml(model.port)
    async with ServerProcess(tmp_path, toml, **settings) as server, Client(server.url) as client:
        for fault, status in FAULTS.items():
            with subtests.test(fault):
                named = {} if session is None else {"session_id": session}
                answer = await ask(client, status, history=said("x"), model=fault, **named)
                assert set(answer) == {"error"}
                assert len(answer["error"]) > 20
                async with chat(client) as socket:
                    await socket.send_json({"history": said("x"), "model": fault, **named})
                    assert (await socket.receive_json(timeout=20))["error"]
                    await socket.send_json({"history": said("y"), "bot": "echo"})
                    assert await socket.receive_json(timeout=20) == {"message": "y"}


async def test_what_a_pod_that_leaves_has_begun_is_answered(tmp_path, model):
    async with ServerProcess(tmp_path, model_toml(model.port)) as server, Client(server.url) as client:
        async with chat(client) as socket:
            body = {"history": said("x"), "model": "test/test-60-20-0"}
            await socket.send_json(body)
            waiting = asyncio.create_task(ask(client, **body))
            while model.live < 2:
                await asyncio.sleep(0.01)
            stopping = asyncio.create_task(server.stop())
            assert await waiting == {"message": expected_text("x", 60)}
            assert await socket.receive_json(timeout=10) == {"message": expected_text("x", 60)}
            message = await socket.receive(timeout=10)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1012)
        assert await stopping == 0


async def test_a_guest_comes_back_to_the_session_it_named(client):
    del client.http.headers["X-User-ID"]
    async with chat(client) as socket:
        await socket.send_json({"history": said("a"), "bot": "echo", "session_id": "s"})
        assert await socket.receive_json(timeout=10) == {"message": "a"}
    assert len(await client.messages("s")) == 2


async def test_a_body_that_is_not_valid_is_told(client):
    for body in (b'{"history": [', b'{"history": [{"sender": "user", "text": "\xff"}]}'):
        answer = await client.call("POST", "/api/chat", 400, data=body, headers=JSON)
        assert "JSON" in answer["error"]
