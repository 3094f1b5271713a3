"""The AI SDK's contract with a plain client: what its requests may say, and where a stream is resumed."""

import asyncio
import base64
import json

import aiohttp
import pytest

from ai_sdk_client import MODEL, UiReply, body, post, refused, resume, said
from antiphon.testing.model_server import expected_text
from antiphon.testing.script import expected_reasoning
from serving import Client, Reply, ServerProcess, events, model_toml


async def test_a_reply_with_the_defaults(client):
    reply = await post(client, body(said("hello")))
    assert reply.text == expected_text("hello", 30)
    assert reply.done
    assert reply.finish["finishReason"] == "stop"
    assert reply.types[:2] == ["start", "start-step"]
    assert reply.types[-2:] == ["finish-step", "finish"]
    assert reply.message["metadata"]["usage"] == {"inputTokens": 1, "outputTokens": 30, "totalTokens": 31}
    user, assistant = await client.messages("c")
    assert (user["content"], assistant["content"]) == ("hello", reply.text)
    assert assistant["id"] == reply.id == reply.message["metadata"]["message"]
    assert await resume(client) is None


async def test_reasoning_and_tools_are_parts_of_their_own(client):
    reply = await post(client, body(said("x"), model="test/test-5-5-0-reason4-tool"))
    kinds = [part["type"] for part in reply.message["parts"]]
    assert kinds == ["step-start", "reasoning", "text", "tool-lookup"]
    assert reply.message["parts"][1]["text"] == expected_reasoning("x", 4)
    call = reply.message["parts"][3]
    assert (call["input"], json.loads(call["raw"])) == ({"key": "value"}, {"key": "value"})
    assert reply.finish["finishReason"] == "tool-calls"


async def test_the_same_request_is_answered_once(client):
    first = await post(client, body(said("hello")))
    again = await post(client, body(said("hello")))
    assert (again.id, again.text) == (first.id, first.text)
    assert len(await client.messages("c")) == 2
    edited = await post(client, body(said("other"), messageId="u1"))
    assert edited.id != first.id
    assert edited.text == expected_text("other", 30)


async def test_what_follows_and_what_branches(client):
    first = await post(client, body(said("one")))
    second = await post(client, body(said("one"), first.message, said("two", "u2")))
    edited = await post(client, body(said("one"), first.message, said("2nd", "u2"), messageId="u2"))
    begun = await post(client, body(said("1st"), messageId="u1"))
    latest = await post(client, {"id": "c", "message": said("last", "u9"), "model": MODEL})
    stored = {message["content"]: message["parent_id"] for message in await client.messages("c")}
    assert stored["one"] is None
    assert stored["two"] == stored["2nd"] == first.id
    assert stored["1st"] is None
    assert stored["last"] == begun.id
    assert len({each.id for each in (first, second, edited, begun, latest)}) == 5


async def test_an_assistant_message_of_elsewhere_is_no_parent(client):
    first = await post(client, body(said("one")))
    foreign = {"id": "msg_of_somebody", "role": "assistant", "parts": []}
    await post(client, body(said("one"), foreign, said("two", "u2")))
    stored = {message["content"]: message["parent_id"] for message in await client.messages("c")}
    assert stored["two"] == first.id


async def test_regenerate_answers_the_same_message_again(client):
    first = await post(client, body(said("one")))
    asked = body(said("one"), trigger="regenerate-message", messageId=first.id)
    second = await post(client, asked)
    third = await post(client, body(said("one"), trigger="regenerate-message"))
    assert len({first.id, second.id, third.id}) == 3
    assert {first.text, second.text, third.text} == {expected_text("one", 30)}
    contents = [message["role"] for message in await client.messages("c")]
    assert contents.count("user") == 1


async def test_regenerate_what_never_came_here_asks_it(client):
    reply = await post(client, body(said("one"), trigger="regenerate-message"))
    assert reply.text == expected_text("one", 30)


async def test_tools_of_the_client(client, model):
    request = body(said("x"), model="test/test-8-5-0-tool")
    first = await post(client, request)
    call = first.message["parts"][-1] | {"state": "output-available", "output": {"n": 7}}
    message = first.message | {"parts": [*first.message["parts"][:-1], call]}
    request["messages"].append(message)
    second = await post(client, request | {"messageId": first.id})
    assert second.id == first.id, "it goes on with the client's message"
    assert second.message["metadata"]["message"] != first.id
    assert second.text == expected_text("x", 8)
    _, _, told, answered = await client.messages("c")
    assert (told["sender"], told["parent_id"]) == ("tool", first.id)
    assert told["metadata"]["given"] == [
        {"role": "tool", "tool_call_id": call["toolCallId"], "content": '{"n":7}'}
    ]
    # The next question follows the last of the replies that make up the message.
    tip = {**message, "metadata": second.message["metadata"]}
    await post(client, body(*request["messages"][:1], tip, said("next", "u2")))
    assert (await client.messages("c"))[-2]["parent_id"] == answered["id"]


async def test_a_message_that_called_tools_is_resumed_from_its_beginning(client):
    request = body(said("x"), model="test/test-8-40-0-tool")
    first = await post(client, request)
    call = first.message["parts"][-1] | {"state": "output-available", "output": "seven"}
    request["messages"].append(first.message | {"parts": [*first.message["parts"][:-1], call]})
    await post(client, request, most=3)
    resumed = await resume(client)
    assert resumed.id == first.id
    kinds = [part["type"] for part in resumed.message["parts"]]
    assert kinds == ["step-start", "text", "tool-lookup", "step-start", "text"]
    assert resumed.message["parts"][2]["output"] == "seven"
    assert "tool-input-available" not in resumed.types, "the client would call the tool again"
    assert resumed.text == 2 * expected_text("x", 8)


async def test_files_reach_the_model(client, model):
    data = "data:image/png;base64," + base64.b64encode(b"png").decode()
    note = "data:text/plain;base64," + base64.b64encode("größer".encode()).decode()
    parts = [
        {"type": "file", "mediaType": "image/png", "url": data, "filename": "a.png"},
        {"type": "file", "mediaType": "text/plain", "url": note, "filename": "n.txt"},
        {"type": "text", "text": "what"},
        {"type": "data-place", "data": {}},
    ]
    await post(client, body({"id": "u1", "role": "user", "parts": parts}))
    user = (await client.messages("c"))[0]
    assert user["content"] == "what"
    (given,) = user["metadata"]["given"]
    assert given["content"] == [
        {"type": "image_url", "image_url": {"url": data}},
        {"type": "text", "text": "n.txt:\ngrößer"},
        {"type": "text", "text": "what"},
    ]
    only = {"id": "u2", "role": "user", "parts": parts[:1]}
    await post(client, body(only))
    assert "[a.png]" in [message["content"] for message in await client.messages("c")]


async def test_a_hang_up_ends_nothing_and_the_stream_is_resumed_exactly(client):
    reply = await post(client, body(said("hello"), model="test/test-60-15-0"), most=9)
    for _ in range(3):
        await resume(client, reply=reply, most=7)
    await resume(client, reply=reply)
    assert reply.text == expected_text("hello", 60)
    assert reply.types.count("start") == 1
    assert reply.done
    assert await resume(client, reply=reply) is None


async def test_what_use_chat_resumes_is_the_whole_reply(client):
    cut = await post(client, body(said("hello"), model="test/test-60-15-0"), most=9)
    whole = await resume(client)
    assert (whole.id, whole.text) == (cut.id, expected_text("hello", 60))
    assert await resume(client) is None


async def test_a_reply_that_ended_with_nobody_there_is_given_once(client):
    cut = await post(client, body(said("hello")), most=3)
    while (await client.call("GET", f"/api/turns/{cut.turn}"))["state"] != "complete":
        await asyncio.sleep(0.02)
    whole = await resume(client)
    assert (whole.id, whole.text) == (cut.id, expected_text("hello", 30))
    assert await resume(client) is None


async def test_an_older_reply_is_not_brought_up_again(client):
    cut = await post(client, body(said("one")), most=3)
    while (await client.call("GET", f"/api/turns/{cut.turn}"))["state"] != "complete":
        await asyncio.sleep(0.02)
    await post(client, body(said("two", "u2")))
    assert await resume(client) is None


async def test_begun_here_finished_natively_and_the_other_way_round(client):
    begun = await post(client, body(said("one"), model="test/test-40-15-0"), most=9)
    native = Reply()
    native.next, native.cursor = int(begun.cursor.partition(".")[2]), begun.cursor
    await client.follow(begun.turn, native)
    assert begun.text + native.text == expected_text("one", 40)
    turn = await client.send("c", "two", model="test/test-40-15-0")
    native = await client.follow(turn["id"], most=9)
    rest = await resume(client, cursor=native.cursor)
    assert rest.types[:3] == ["start", "start-step", "text-start"]
    assert native.text + rest.text == expected_text("two", 40)


async def test_begun_natively_resumed_here_from_the_beginning(client):
    session = await client.session()
    turn = await client.send(session, "two", model="test/test-40-15-0")
    reply = await resume(client, session)
    assert (reply.id, reply.text) == (turn["message_id"], expected_text("two", 40))


async def test_a_stopped_reply_aborts(client):
    cut = await post(client, body(said("x"), model="test/test-500-20-0"), most=3)
    resumed = asyncio.create_task(resume(client))
    await asyncio.sleep(0.2)
    await client.call("POST", f"/api/turns/{cut.turn}/cancel", 202)
    reply = await asyncio.wait_for(resumed, 10)
    assert reply.finish["type"] == "abort"
    assert reply.done
    assert "finish" not in reply.types


async def test_a_failed_reply_is_an_error(client):
    reply = await post(client, body(said("x"), model="test/test-5-0-0-status401"))
    index = reply.types.index("error")
    assert reply.types[index:] == ["error", "finish-step", "finish"]
    assert reply.finish["finishReason"] == "error"


@pytest.mark.parametrize("late", [False, True])
async def test_a_reset_takes_back_what_came_before(tmp_path, model, late):
    toml = model_toml(model.port, continuation=False)
    async with ServerProcess(tmp_path, toml) as server, Client(server.url) as client:
        reply = await post(client, body(said("x"), model="test/test-60-15-0"), most=20)
        void = reply.text
        await server.kill()
        await server.start()
        if late:  # a reader that comes after it is not told what is void
            while not (await client.follow(reply.turn)).end:
                await asyncio.sleep(0.1)
            reply = await resume(client)
        else:
            await resume(client, reply=reply)
    assert reply.text == expected_text("x", 60) != void
    assert ("reset-step" in reply.types) is not late


async def test_a_leaving_server_cuts_and_does_not_pretend_that_the_reply_ended(tmp_path, model):
    async with ServerProcess(tmp_path, model_toml(model.port)) as server, Client(server.url) as client:
        request = body(said("x"), model="test/test-100-30-0")
        reply = UiReply()

        async def until_it_is_cut():
            async with client.http.post(f"{client.url}/api/chat", json=request) as response:
                async for event in events(response):
                    reply.take(event)
                    if len(reply.types) == 10:
                        server.process.terminate()

        with pytest.raises(aiohttp.ClientPayloadError):
            await until_it_is_cut()
        await server.process.wait()
        await server.start()
        await resume(client, reply=reply)
    assert reply.text == expected_text("x", 100)


@pytest.mark.parametrize(
    ("request_body", "status", "told"),
    [
        ({"id": "c"}, 422, "no message"),
        ({"id": "c", "messages": []}, 422, "no message"),
        (body(said("x"), chat=""), 422, "session id"),
        (body(said(" ")), 422, "empty"),
        (body(said("x"), trigger="other"), 422, "trigger"),
        (body({"id": "s", "role": "system", "parts": []}), 422, "system"),
        (body({"id": "a", "role": "assistant", "parts": []}), 422, "no output"),
        (body({"id": "u", "role": "user", "parts": [{"type": "text"}]}), 422, "'text'"),
        (body({"id": "u", "role": "robot", "parts": []}), 422, "robot"),
        (body(said("x"), model="nowhere/x"), 422, "nowhere"),
        (body(said("x" * 110_000)), 413, "characters"),
    ],
)
async def test_bad_requests_say_what_to_do(client, request_body, status, told):
    assert told in await refused(client, request_body, status)
    assert (await client.call("GET", "/api/sessions"))["sessions"] == []


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("application/pdf", "https://example.org/a.pdf"),
        ("image/png", "file:///etc/passwd"),
        ("text/plain", "data:text/plain;base64,$$$"),
        ("image/png", None),
    ],
)
async def test_files_that_cannot_be_sent_on_are_told(client, kind, url):
    parts = [{"type": "file", "mediaType": kind, "url": url}]
    await refused(client, body({"id": "u", "role": "user", "parts": parts}), 422)


async def test_a_call_without_output_is_told(client):
    first = await post(client, body(said("x"), model="test/test-5-0-0-tool"))
    answer = await refused(client, body(said("x"), first.message), 422)
    assert "call_test" in answer


async def test_another_user_is_kept_out(client):
    cut = await post(client, body(said("x"), model="test/test-200-20-0"), most=3)
    async with Client(client.url, "bob") as bob:
        assert await refused(bob, body(said("x")), 404)
        for headers in ({}, {"Last-Event-ID": cut.cursor}):
            async with bob.http.get(f"{bob.url}/api/chat/c/stream", headers=headers) as response:
                assert response.status == 404


async def test_cursors_of_elsewhere(client):
    await post(client, body(said("x")))
    for cursor, status in (("1.500", 410), ("9.1", 410), ("nonsense", 400)):
        headers = {"Last-Event-ID": cursor}
        async with client.http.get(f"{client.url}/api/chat/c/stream", headers=headers) as response:
            assert response.status == status, cursor
    assert await resume(client, "never-heard-of") is None
