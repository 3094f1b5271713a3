"""Contract C with plain clients: sessions, the socket, many at once, what may not be."""

import pytest

from antiphon.testing.model_server import expected_text
from backends.services import need
from serving import Client, Reply, ServerProcess, model_toml
from session_chat import CUSTOMER, Chat, Told

MODEL = "test/test-30-10-0"


@pytest.fixture
async def chat(server):
    async with Chat(server.url) as made:
        yield made


def known(server, user):
    return Chat(server.url, **{"X-User-ID": user})


async def test_a_session_keeps_all_that_was_given(chat):
    given = CUSTOMER | {"flight_no": "LH 454", "date": None, "seats": {"window": [1, "ü"]}}
    made = await chat.call("POST", "/chat/session", json=given)
    assert made["status"] == "created"
    assert {k: made["context"][k] for k in given} == given
    assert made["context"]["message_count"] == 0
    found = await chat.call("GET", f"/chat/session/{made['session_id']}")
    assert found == {"session_id": made["session_id"], "context": made["context"]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"customer_name": "Ann"}, 422),
        ({"customer_name": " ", "customer_email": "a@b"}, 422),
        ({"customer_name": 1, "customer_email": "a@b"}, 422),
        (CUSTOMER | {"session_id": "with space"}, 422),
        (CUSTOMER | {"session_id": ""}, 422),
        (CUSTOMER | {"much": "x" * 20_000}, 413),
        ([1], 422),
    ],
)
async def test_what_is_no_session_is_refused_with_reasons(chat, body, status):
    told = await chat.call("POST", "/chat/session", status, json=body)
    assert told["error"] == told["detail"]
    assert told["code"]


async def test_a_session_that_exists_is_not_overwritten(chat):
    session = await chat.session(session_id="mine", flight_no="LH 1")
    again = await chat.call("POST", "/chat/session", json=CUSTOMER | {"session_id": "mine", "flight_no": "X"})
    assert (again["session_id"], again["status"]) == (session, "exists")
    assert again["context"]["flight_no"] == "LH 1"
    assert (await chat.context("mine"))["flight_no"] == "LH 1"


async def test_what_somebody_known_has_is_nobody_elses(chat, server):
    async with known(server, "ann") as ann, known(server, "bob") as bob:
        session = await ann.session(session_id="anns")
        for other in (bob, chat):
            await other.call("GET", f"/chat/session/{session}", 404)
            await other.call("POST", "/chat/session", 409, json=CUSTOMER | {"session_id": session})
            await other.call("POST", "/chat/message", 404, json={"session_id": session, "message": "x"})
            assert await other.refused(session) == 404
        assert await ann.refused(session) is None
        assert (await ann.context(session))["message_count"] == 0
        # One that nobody known made is open to who knows its id, and is not taken over by being asked for.
        shared = await chat.session()
        made = await bob.call("POST", "/chat/session", json=CUSTOMER | {"session_id": shared})
        assert made["status"] == "exists"
        assert await chat.refused(shared) is None
        assert len(shared) >= 32


async def test_a_session_of_the_native_api_is_out_of_reach(chat, server):
    async with Client(server.url) as ann:
        session = await ann.session()
    await chat.call("GET", f"/chat/session/{session}", 404)
    assert await chat.refused(session) == 404


async def test_what_does_not_exist_is_refused_before_the_socket_opens(chat):
    assert await chat.refused("nothing") == 404
    session = await chat.session()
    assert await chat.refused(session, "x" * 201) == 422
    assert await chat.refused(session, "a%00b") == 422
    assert await chat.refused(session, cursor="soon") == 400
    assert await chat.refused(session, cursor="99.1") == 410
    await chat.call("GET", "/chat/session/nothing", 404)
    await chat.call("POST", "/chat/message", 404, json={"session_id": "nothing", "message": "x"})
    await chat.idle()


async def test_chunks_add_up_and_messages_are_counted(chat):
    session = await chat.session()
    async with await chat.connect(session) as line:
        await line.send("first", model=MODEL)
        told = await line.replies(1)
        assert told.texts == [expected_text("first", 30)]
        (done,) = told.complete.values()
        assert done["session_id"] == session
        metadata = done["metadata"]
        assert (metadata["tokens_used"], metadata["sources"]) == (30, [])
        assert metadata["sentiment_analysis"] is None
        assert metadata["response_time_ms"] >= 290
        assert "from_cache" not in done
        before = await chat.context(session)
        await line.send("hello")
        assert (await line.replies(2)).texts[1]
    after = await chat.context(session)
    assert (before["message_count"], after["message_count"]) == (2, 4)
    assert after["last_activity"] > before["created_at"] == after["created_at"]


async def test_bad_frames_get_an_error_and_leak_nothing(chat):
    session = await chat.session()
    async with await chat.connect(session) as line:
        for bad in ("{", "", "[1]", '"x"', "null", "{}", '{"message": 1}', '{"type": 3}', '{"type": "x"}'):
            await line.socket.send_str(bad)
        for bad in (b"\xff\xfe", b"[" * 100_000):
            await line.socket.send_bytes(bad)
        await line.send("   ")
        await line.send("x" * 600_000)
        await line.send("x", model="nobody/nothing")
        await line.until(lambda told: len(told.errors) == 14)
        assert {error["code"] for error in line.told.errors} == {"bad_request", "invalid", "too_large"}
        assert all(error["message_id"] is None and error["content"] for error in line.told.errors)
        await line.socket.send_json({"type": "ping"})
        assert (await line.frame())["type"] == "pong"
        await line.send("still there?", model=MODEL)
        assert (await line.replies(1)).texts == [expected_text("still there?", 30)]
        assert (await chat.health())["active_connections"] == 1
    await chat.idle()
    assert (await chat.health())["active_sessions"] == 0


async def test_a_socket_that_breaks_the_protocol_leaks_nothing(chat):
    session = await chat.session()
    for _ in range(3):
        line = await chat.connect(session)
        await line.send("long", model="test/test-100-20-0")
        await line.frame()
        line.socket._writer.transport.write(b"\xff" * 64)  # no frame at all
        while await line.frame() is not None:
            pass
    async with await chat.connect(session, "other") as line:
        await line.socket.send_str("x" * 1_100_000)  # over the size of a frame
        assert await line.until(lambda _: False) is False
    await chat.idle()


async def test_replies_at_once_are_told_apart(chat):
    session = await chat.session()
    texts = [f"question {i}" for i in range(5)]
    async with await chat.connect(session) as line:
        for text in texts:
            await line.send(text, model="test/test-20-20-0")
        told = await line.replies(5)
        assert sorted(told.texts) == sorted(expected_text(text, 20) for text in texts)
        # They did run at once: chunks of one came between those of others.
        switches = sum(a != b for a, b in zip(told.order, told.order[1:], strict=False))
        assert switches > 10
    assert (await chat.context(session))["message_count"] == 10


async def test_messages_are_stored_in_the_order_in_which_they_were_sent(chat, server):
    async with known(server, "ann") as ann, Client(server.url) as native:
        session = await ann.session()
        texts = [f"m{i}" for i in range(6)]
        async with await ann.connect(session) as line:
            for text in texts:
                await line.send(text, model="test/test-1-0-0")
            await line.replies(6)
        stored = [m["content"] for m in await native.messages(session) if m["role"] == "user"]
        assert stored == texts


async def test_all_clients_of_a_session_see_its_replies(chat):
    session = await chat.session()
    async with await chat.connect(session, "a") as one, await chat.connect(session, "b") as other:
        await one.send("from a", model=MODEL)
        await chat.call("POST", "/chat/message", json={"session_id": session, "message": "r", "model": MODEL})
        expected = sorted(expected_text(text, 30) for text in ("from a", "r"))
        assert sorted((await one.replies(2)).texts) == sorted((await other.replies(2)).texts) == expected


async def test_client_ids_are_private_to_their_session(chat):
    sessions = [await chat.session() for _ in range(3)]
    lines = [await chat.connect(session, "same") for session in sessions]
    for number in (0, 1):
        await lines[number].send(f"to {number}", model=MODEL)
    for number in (0, 1):
        assert (await lines[number].replies(1)).texts == [expected_text(f"to {number}", 30)]
        (frame,) = lines[number].told.complete.values()
        assert frame["session_id"] == sessions[number]
    assert await lines[2].quiet()
    assert not lines[2].told.chunks
    for line in lines:
        await line.socket.close()
    # Nor do their places: what one has read, the other still gets.
    async with await chat.connect(sessions[2], "same") as line:
        assert await line.quiet()


async def test_a_failed_reply_is_an_error_of_its_message(chat):
    session = await chat.session()
    async with await chat.connect(session) as line:
        await line.send("x", model="test/test-30-10-0-status400")
        await line.until(lambda told: told.errors)
        (error,) = line.told.errors
        assert error["code"] == "provider_refused"
        assert error["message_id"].startswith("msg_")
        await line.send("y", model="test/test-30-0-0-status429-retry60")
        await line.until(lambda told: len(told.errors) == 2)
        assert line.told.errors[1]["code"] == "provider_rate_limited"
        assert line.told.errors[1]["retry_after"] == 60


async def test_a_reply_can_be_stopped_and_sending_repeated(chat):
    session = await chat.session()
    async with await chat.connect(session) as line:
        for _ in range(2):
            await line.send("once", model="test/test-100-50-0", idempotency_key="k1")
        await line.until(lambda told: len(told.others) == 2 and told.chunks)
        accepted, again = line.told.others
        assert accepted["type"] == "accepted"
        assert accepted["message_id"] == again["message_id"]
        await line.socket.send_json({"type": "stop", "message_id": accepted["message_id"]})
        told = await line.replies(1)
        assert told.complete[accepted["message_id"]]["metadata"]["finish_reason"] == "stopped"
        assert expected_text("once", 100).startswith(told.texts[0])
        await line.socket.send_json({"type": "stop", "message_id": "msg_unknown"})
        await line.until(lambda told: told.errors)
        assert line.told.errors[0]["code"] == "not_found"
    assert (await chat.context(session))["message_count"] == 2


async def test_too_many_at_once_are_refused_one_by_one(chat):
    session = await chat.session()
    async with await chat.connect(session) as line:
        for i in range(300):
            await line.send(f"m{i}", model="test/test-5-20-0")
        told = await line.until(lambda told: len(told.errors) + len(told.complete) == 300)
        assert told.complete
        assert {error["code"] for error in told.errors} <= {"overloaded", "rate_limited"}
        assert all(error["retry_after"] >= 1 for error in told.errors)
    count = (await chat.context(session))["message_count"]
    assert count == 2 * len(told.complete)


async def test_reasoning_and_tool_calls_are_no_part_of_the_text(chat):
    session = await chat.session()
    async with await chat.connect(session) as line:
        await line.send("think", model="test/test-10-0-0-reason5")
        told = await line.replies(1)
        assert told.texts == [expected_text("think", 10)]
        assert {frame["type"] for frame in told.others} == {"reasoning"}
        await line.send("use a tool", model="test/test-3-0-0-tool")
        await line.replies(2)
        assert "tool" in {frame["type"] for frame in told.others}
        calls = list(told.complete.values())[1]["metadata"]["tool_calls"]
        assert calls[0]["function"]["name"]


async def test_over_http_the_reply_can_be_waited_for(chat):
    session = await chat.session()
    body = {"session_id": session, "message": "whole", "model": MODEL, "client_id": "r"}
    sent = await chat.call("POST", "/chat/message", json=body)
    assert sent["status"] == "message_sent"
    assert "response" not in sent
    async with await chat.connect(session) as line:
        told = await line.replies(1)
        assert told.complete[sent["message_id"]]["content"] == expected_text("whole", 30)
    waited = await chat.call("POST", "/chat/message?wait=true", json=body)
    assert waited["response"] == expected_text("whole", 30)
    assert waited["metadata"]["model"] == MODEL
    failed = body | {"model": "test/test-1-0-0-status400"}
    told = await chat.call("POST", "/chat/message?wait=true", 502, json=failed)
    assert told["code"] == "provider_refused"
    for bad in ({"session_id": session}, {"session_id": session, "message": ""}, body | {"client_id": ""}):
        await chat.call("POST", "/chat/message", 422, json=bad)


async def test_a_reply_begun_here_is_finished_by_another_contract(chat, server):
    async with known(server, "ann") as ann, Client(server.url) as native:
        session = await ann.session()
        async with await ann.connect(session) as line:
            await line.send("there and back", model="test/test-40-20-0")
            await line.until(lambda told: told.chunks and len(told.order) >= 10)
            cursor = line.told.cursor
            ((message, had),) = line.told.chunks.items()
        (running,) = (await native.call("GET", f"/api/sessions/{session}"))["running"]
        reply = Reply()
        reply.cursor, reply.text, reply.next = cursor, "".join(had), int(cursor.split(".")[1])
        await native.follow(running["id"], reply, most=10)
        # And back: the explicit cursor goes before what this client had before.
        told = Told()
        there = reply.text.removeprefix("".join(had))
        told.chunks[message] = [*had, there, *[""] * (reply.next - len(had) - 1)]
        async with await ann.connect(session, told=told, cursor=reply.cursor) as line:
            assert (await line.replies(1)).texts == [expected_text("there and back", 40)]


async def test_limits_say_when_to_try_again(tmp_path, model):
    limits = {"ANTIPHON_RATE_LIMITS": "on", "ANTIPHON_RATE_SESSION": "2/minute"}
    async with ServerProcess(tmp_path, model_toml(model.port), **limits) as server, Chat(server.url) as chat:
        session, other = await chat.session(), await chat.session()
        async with await chat.connect(session) as line:
            for _ in range(3):
                await line.send("x", model="test/test-1-0-0")
            await line.until(lambda told: told.errors and len(told.complete) == 2)
            (error,) = line.told.errors
            assert error["code"] == "rate_limited"
            assert 1 <= error["retry_after"] <= 61
        body = {"session_id": session, "message": "x", "model": "test/test-1-0-0"}
        told = await chat.call("POST", "/chat/message", 429, json=body)
        assert told["retry_after"] >= 1
        await chat.call("POST", "/chat/message", json=body | {"session_id": other})


async def test_a_leaving_pod_sends_its_clients_to_another(tmp_path, model):
    async with ServerProcess(tmp_path, model_toml(model.port)) as server, Chat(server.url) as chat:
        session = await chat.session()
        line = await chat.connect(session)
        await line.send("x", model="test/test-200-50-0")
        await line.frame()
        server.process.terminate()
        assert await line.until(lambda _: False) is False
        assert line.socket.close_code == 1012
        assert await server.process.wait() == 0


CACHED = "test/test-8-0-0"


async def answer(chat, session, text, **more):
    body = {"session_id": session, "message": text, "model": CACHED, **more}
    return await chat.call("POST", "/chat/message?wait=true", json=body)


BOTS = """
[bots.pirate]
model = "test/test-8-0-0"
prompt = "You are a pirate."
[bots.warm]
model = "test/test-8-0-0"
params = {temperature = 0.9}
"""


async def test_an_equal_question_is_answered_from_the_cache_and_no_other(tmp_path, model):
    async with ServerProcess(tmp_path, model_toml(model.port) + BOTS) as server, Chat(server.url) as chat:
        session = await chat.session()
        first = await answer(chat, session, "again?")
        assert "from_cache" not in first
        async with await chat.connect(await chat.session()) as line:
            await line.send("again?", model=CACHED)
            (done,) = (await line.replies(1)).complete.values()
            assert done["from_cache"] is True
            assert done["content"] == first["response"]
        # Another history, another model, another prompt, other parameters: another question, though
        # the model's answer is the same.
        for more in ({}, {"model": "test/test-8-1-0"}, {"bot": "pirate"}, {"bot": "warm"}):
            told = await answer(chat, await chat.session() if more else session, "again?", **more)
            assert "from_cache" not in told, more
            assert told["response"] == first["response"]


async def test_the_cache_outlives_a_process_and_is_shared(tmp_path, model):
    redis = need("REDIS_URL")
    question = f"shared by {tmp_path} {id(model)}"
    settings = {"REDIS_URL": redis, "PYTHONHASHSEED": "random"}
    for turn in range(2):
        folder = tmp_path / str(turn)
        folder.mkdir()
        async with ServerProcess(folder, model_toml(model.port), **settings) as server:
            async with Chat(server.url) as chat:
                assert (await chat.health())["redis_status"] == "connected"
                told = await answer(chat, await chat.session(), question)
                assert told.get("from_cache", False) is bool(turn)
                assert told["response"] == expected_text(question, 8)


async def test_a_context_that_is_changed_is_seen_and_stays_in_the_store(tmp_path, model):
    async with ServerProcess(tmp_path, model_toml(model.port)) as server:
        async with known(server, "ann") as ann, Client(server.url) as native:
            session = await ann.session(flight_no="LH 9")
            changed = {"context": {"flight_no": "LH 10"}}
            await native.call("PATCH", f"/api/sessions/{session}", json=changed)
            assert (await ann.context(session))["flight_no"] == "LH 10"
    async with ServerProcess(tmp_path, model_toml(model.port)) as server, known(server, "ann") as ann:
        assert (await ann.context(session))["flight_no"] == "LH 10"
