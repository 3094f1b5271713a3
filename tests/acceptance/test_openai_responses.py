"""The Responses API with a plain client: objects and events as OpenAI describes them, kept and resumed."""

import asyncio
import json

import pytest

from antiphon.testing.model_server import expected_reasoning, expected_text, serve
from openai_schema import validate
from serving import Client, ServerProcess, events, model_toml

ANN = {"X-User-ID": "ann"}
LOOKUP = {
    "type": "function",
    "name": "lookup",
    "description": "Looks up.",
    "parameters": {"type": "object", "properties": {"key": {"type": "string"}}},
    "strict": False,
}


def ask(model="test-10-0-0", **more):
    return {"model": f"test/{model}", "input": "hello", **more}


async def create(client, status=200, headers=None, **body):
    answer = await client.call("POST", "/v1/responses", status, json=body, headers=headers or {})
    return validate("Response" if status == 200 else "ErrorResponse", answer)


async def get(client, response_id, status=200):
    answer = await client.call("GET", f"/v1/responses/{response_id}", status)
    return validate("Response" if status == 200 else "ErrorResponse", answer)


async def done(client, response_id):
    while True:
        response = await get(client, response_id)
        if response["status"] not in ("queued", "in_progress"):
            return response
        await asyncio.sleep(0.05)


async def read(response, found, most=None):
    """Add a response's events to what was found; check their names, order and form."""
    assert response.status == 200, await response.text()
    assert response.content_type == "text/event-stream"
    async for event in events(response):
        data = event.data
        assert event.name == data["type"]
        if found:
            assert data["sequence_number"] == found[-1]["sequence_number"] + 1
        validate("ResponseStreamEvent", data)
        found.append(data)
        if len(found) == most:
            return


async def stream(client, most=None, **body):
    found = []
    url = f"{client.url}/v1/responses"
    async with client.http.post(url, json={**body, "stream": True}) as response:
        await read(response, found, most)
    return found


async def follow(client, response_id, *, headers=None, most=None, found=None, **query):
    found = [] if found is None else found
    url = f"{client.url}/v1/responses/{response_id}"
    params = {"stream": "true", **{name: str(value) for name, value in query.items()}}
    async with client.http.get(url, params=params, headers=headers or {}) as response:
        await read(response, found, most)
    return found


def text_of(response):
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part["text"] for part in parts)


def deltas(found):
    return "".join(event["delta"] for event in found if event["type"] == "response.output_text.delta")


async def test_a_response_is_kept_with_all_that_it_was_asked_with(client):
    asked = ask(
        instructions="Be brief.",
        metadata={"a": "b"},
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=50,
        tools=[LOOKUP],
        tool_choice={"type": "function", "name": "lookup"},
        parallel_tool_calls=False,
        text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
        reasoning={"effort": "low", "summary": "auto"},
        truncation="disabled",
        user="u",
        safety_identifier="s",
        prompt_cache_key="k",
        service_tier="flex",
        max_tool_calls=3,
        include=["reasoning.encrypted_content"],
    )
    response = await create(client, **asked)
    for name in asked.keys() - {"input", "include"}:
        assert response[name] == asked[name], name
    assert (response["status"], text_of(response)) == ("completed", expected_text("hello", 10))
    assert response["usage"]["total_tokens"] == 13  # "Be brief." and "hello", and ten words back
    assert response["completed_at"] >= response["created_at"] > 1_700_000_000
    assert await get(client, response["id"]) == response


async def test_what_the_model_is_sent_of_a_request(client, model):
    """The test model says how many words of a prompt it got, and honours the limit."""
    response = await create(client, **ask(max_output_tokens=4))
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert text_of(response) == expected_text("hello", 4)
    parts = [{"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": "data:image/png,x"}]
    given = [
        {"role": "developer", "content": "one two"},
        {"type": "message", "role": "user", "content": parts},
    ]
    response = await create(client, **ask() | {"input": given})
    assert response["usage"]["input_tokens"] == 3
    assert text_of(response) == expected_text("look", 10)


async def test_events_of_a_stream_end_with_the_response_that_is_kept(client):
    found = await stream(client, **ask("test-12-5-0-reason3-tool", tools=[LOOKUP]))
    last = found[-1]
    assert last["type"] == "response.completed"
    kept = await get(client, last["response"]["id"])
    assert kept == last["response"] | {"completed_at": kept["completed_at"]}
    thought, message, call = kept["output"]
    assert thought["content"][0]["text"] == expected_reasoning("hello", 3)
    assert deltas(found) == message["content"][0]["text"] == expected_text("hello", 12)
    assert (call["name"], call["call_id"], json.loads(call["arguments"])) == (
        "lookup",
        "call_test",
        {"key": "value"},
    )
    assert kept["usage"]["output_tokens_details"]["reasoning_tokens"] > 0
    again = await follow(client, kept["id"])
    assert again == found, "the same events from the store as from the running reply"
    assert await follow(client, kept["id"], starting_after=len(found) - 2) == found[-1:]
    assert await follow(client, kept["id"], starting_after=len(found) - 1) == []


async def test_tools_go_round_by_the_previous_response(client):
    first = await create(client, **ask("test-5-0-0-tool", tools=[LOOKUP]))
    call = first["output"][-1]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "42"}
    second = await create(
        client,
        **ask("test-5-0-0-tool", tools=[LOOKUP], previous_response_id=first["id"]) | {"input": [output]},
    )
    assert [item["type"] for item in second["output"]] == ["message"]
    assert second["previous_response_id"] == first["id"]
    items = await client.call("GET", f"/v1/responses/{second['id']}/input_items?order=asc")
    validate("ResponseItemList", items)
    assert [item["type"] for item in items["data"]] == [
        "message",
        "message",
        "function_call",
        "function_call_output",
    ]
    assert items["data"][3]["output"] == "42"


async def test_tools_go_round_with_all_items_sent_again_and_nothing_kept(client):
    first = await create(client, **ask("test-5-0-0-tool", tools=[LOOKUP], store=False))
    assert first["store"] is False
    await get(client, first["id"], 404)
    output = {
        "type": "function_call_output",
        "call_id": "call_test",
        "output": [{"type": "input_text", "text": "4"}],
    }
    given = [{"role": "user", "content": "hello"}, *first["output"], output]
    second = await create(client, **ask("test-5-0-0-tool", store=False) | {"input": given})
    assert text_of(second) == expected_text("hello", 5)
    found = await stream(client, **ask("test-5-5-0", store=False))
    assert deltas(found) == expected_text("hello", 5)


async def test_what_is_not_kept_can_follow_what_is(client):
    first = await create(client, **ask("test-3-0-0"))
    one, other = [
        await create(
            client, **ask("test-3-0-0", store=keep, previous_response_id=first["id"], instructions="x")
        )
        for keep in (True, False)
    ]
    assert one["usage"]["input_tokens"] == other["usage"]["input_tokens"] >= 5
    assert one["instructions"] == other["instructions"] == "x"


async def test_input_items_come_in_pages(client):
    first = await create(client, **ask("test-1-0-0"))
    second = await create(client, **ask("test-1-0-0", previous_response_id=first["id"]) | {"input": "again"})
    path = f"/v1/responses/{second['id']}/input_items"
    newest = validate("ResponseItemList", await client.call("GET", f"{path}?limit=1"))
    assert newest["data"][0]["content"][0]["text"] == "again"
    assert newest["has_more"]
    rest = await client.call("GET", f"{path}?after={newest['last_id']}")
    assert [item["role"] for item in rest["data"]] == ["assistant", "user"]
    assert not rest["has_more"]
    for query in ("limit=0", "limit=101", "order=up", "after=msg_none"):
        error = await client.call("GET", f"{path}?{query}", 400)
        assert error["error"]["param"] == query.partition("=")[0]


async def test_a_conversation_is_a_session(client):
    session = await client.session()
    for text in ("one", "two"):
        response = await create(client, **ask(conversation={"id": session}) | {"input": text})
        assert response["conversation"] == {"id": session}
    assert [m["content"] for m in await client.messages(session) if m["role"] == "user"] == ["one", "two"]
    error = await create(client, 404, **ask(conversation="ses_none"))
    assert "ses_none" in error["error"]["message"]


async def test_people_are_shown_what_the_user_said(client):
    session = await client.session()
    call = {"type": "function_call", "call_id": "c", "name": "lookup", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "42"}
    picture = {"type": "input_image", "image_url": "data:image/png,x"}
    for given in (
        [{"role": "user", "content": "first"}, {"role": "user", "content": "last"}, call, output],
        [output],
        [output | {"output": ""}],
        [{"role": "user", "content": [picture]}],
    ):
        await create(client, **ask("test-1-0-0", conversation=session) | {"input": given})
    shown = [m["content"] for m in await client.messages(session) if m["role"] == "user"]
    assert shown == ["last", "42", "[result]", "[image]"]


async def test_a_background_response_is_polled(client):
    response = await create(client, **ask("test-40-20-0", background=True))
    assert response["status"] in ("queued", "in_progress")
    assert "usage" not in response
    await asyncio.sleep(0.3)
    partial = await get(client, response["id"])
    assert (partial["status"], partial["output"][0]["status"]) == ("in_progress", "in_progress")
    assert expected_text("hello", 40).startswith(text_of(partial))
    assert text_of(partial)
    whole = await done(client, response["id"])
    assert (whole["status"], text_of(whole)) == ("completed", expected_text("hello", 40))


@pytest.mark.parametrize("background", [True, False])
async def test_a_broken_stream_goes_on_after_its_last_number(client, background):
    found = await stream(client, most=12, **ask("test-40-20-0", background=background))
    response_id = found[0]["response"]["id"]
    await follow(client, response_id, starting_after=found[-1]["sequence_number"], most=20, found=found)
    await follow(client, response_id, starting_after=found[-1]["sequence_number"], found=found)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    assert deltas(found) == text_of(found[-1]["response"]) == expected_text("hello", 40)
    assert await follow(client, response_id) == found


async def test_the_cursor_is_the_same_as_everywhere(client):
    """Begun here, gone on with natively and here again."""
    cursors, text, turn = [], "", ""
    async with client.http.post(
        f"{client.url}/v1/responses", json=ask("test-40-20-0", stream=True)
    ) as response:
        async for event in events(response):
            turn = f"turn_{event.data['response']['id'][5:]}" if "response" in event.data else turn
            text += event.data["delta"] if event.name == "response.output_text.delta" else ""
            cursors += [event.id] if event.id else []
            if len(cursors) == 5:
                break
    url = f"{client.url}/api/turns/{turn}/events"
    async with client.http.get(url, headers={"Last-Event-ID": cursors[-1]}) as response:
        async for event in events(response):
            text += event.data["text"] if event.data.get("type") == "content" else ""
            cursors += [event.id] if event.id else []
            if len(cursors) == 9:
                break
    rest = await follow(client, f"resp_{turn[5:]}", headers={"Last-Event-ID": cursors[-1]})
    assert text + deltas(rest) == expected_text("hello", 40)
    assert rest[0]["type"] == "response.output_text.delta"
    url = f"{client.url}/v1/responses/resp_{turn[5:]}?stream=true&cursor=1.999"
    async with client.http.get(url) as response:
        assert response.status == 410
        validate("ErrorResponse", await response.json())


async def test_a_stopped_response_is_cancelled_and_its_stream_ends_so(client):
    following = asyncio.create_task(stream(client, **ask("test-500-20-0", background=True)))
    while not (running := await client.call("GET", "/api/sessions"))["sessions"]:
        await asyncio.sleep(0.05)
    session = await client.call("GET", f"/api/sessions/{running['sessions'][0]['id']}")
    path = f"/v1/responses/resp_{session['running'][0]['id'][5:]}/cancel"
    cancelled = validate("Response", await client.call("POST", path))
    assert cancelled["status"] == "cancelled"
    assert expected_text("hello", 500).startswith(text_of(cancelled))
    assert await client.call("POST", path) == cancelled
    found = await following
    assert found[-1]["type"] == "response.incomplete"
    assert found[-1]["response"] == cancelled


async def test_cancelling_what_has_ended_returns_it(client):
    response = await create(client, **ask())
    assert await client.call("POST", f"/v1/responses/{response['id']}/cancel") == response


async def test_a_deleted_response_is_gone_and_what_followed_it_stays(client):
    first = await create(client, **ask())
    second = await create(client, **ask(previous_response_id=first["id"]))
    path = f"/v1/responses/{first['id']}"
    told = await client.call("DELETE", path)
    assert told == {"id": first["id"], "object": "response", "deleted": True}
    await get(client, first["id"], 404)
    await client.call("DELETE", path, 404)
    assert await get(client, second["id"]) == second


async def test_a_running_response_is_stopped_to_be_deleted(client, model):
    response = await create(client, **ask("test-500-20-0", background=True))
    await client.call("DELETE", f"/v1/responses/{response['id']}")
    await get(client, response["id"], 404)
    assert (await client.call("GET", "/api/sessions"))["sessions"] == []


async def test_a_client_that_hangs_up_leaves_the_reply_running(client):
    url = f"{client.url}/v1/responses"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3), client.http.post(url, json=ask("test-30-20-0")):
            pass
    (session,) = (await client.call("GET", "/api/sessions"))["sessions"]
    while (await client.call("GET", f"/api/sessions/{session['id']}"))["running"]:
        await asyncio.sleep(0.05)
    assert (await client.messages(session["id"]))[1]["content"] == expected_text("hello", 30)


async def test_a_repeated_request_is_the_same_response(client):
    key = {"Idempotency-Key": "k-1"}
    first = await create(client, headers=key, **ask(metadata={"a": "1"}))
    assert await create(client, headers=key, **ask(metadata={"a": "2"})) == first
    error = await create(client, 409, headers=key, **ask() | {"input": "other"})
    assert error["error"]["code"] == "conflict"
    found = await follow(client, first["id"])
    async with client.http.post(f"{client.url}/v1/responses", json=ask(stream=True), headers=key) as response:
        again = []
        await read(response, again)
    assert again == found


async def test_a_failure_before_the_first_word_is_an_error_and_after_it_a_failed_response(client):
    error = await create(client, 400, **ask("test-10-0-0-status400"))
    assert error["error"]["type"] == "invalid_request_error"
    error = await create(client, 429, **ask("test-10-0-0-status429-retry60"))
    assert error["error"]["code"] == "rate_limit_exceeded"
    response = await create(client, **ask("test-10-0-0-cut3"))
    assert (response["status"], response["error"]["code"]) == ("failed", "server_error")
    assert text_of(response) == expected_text("hello", 3)
    found = await stream(client, **ask("test-10-0-0-status429-retry60"))
    assert [event["type"] for event in found] == [
        "response.created",
        "response.in_progress",
        "response.failed",
    ]
    assert found[-1]["response"]["error"]["code"] == "rate_limit_exceeded"


async def test_what_is_not_kept_ends_with_its_reader(client, model):
    found = await stream(client, most=8, **ask("test-2000-20-0", store=False))
    assert found[-1]["type"] == "response.output_text.delta"
    said = model.chunks
    async with asyncio.timeout(5):
        while True:
            before = model.chunks
            await asyncio.sleep(0.3)
            if model.chunks == before:
                break
    assert said <= model.chunks < 1000


async def test_more_tools_than_are_kept_go_through_unkept(client):
    tools = [LOOKUP | {"name": f"f{n}", "description": "x" * 1000} for n in range(20)]
    error = (await create(client, 413, **ask(tools=tools)))["error"]
    assert (error["code"], "store: false" in error["message"]) == ("too_large", True)
    assert (await create(client, **ask(tools=tools, store=False)))["status"] == "completed"


async def test_another_principal_finds_nothing(server, client):
    response = await create(client, **ask("test-100-20-0", background=True))
    path = f"/v1/responses/{response['id']}"
    async with Client(server.url, "bob") as bob:
        for method, where in (
            ("GET", path),
            ("GET", f"{path}?stream=true"),
            ("GET", f"{path}/input_items"),
            ("POST", f"{path}/cancel"),
            ("DELETE", path),
        ):
            error = await bob.call(method, where, 404)
            assert error["error"]["message"] == f"Response with id {response['id']!r} not found."
        error = await create(bob, 400, **ask(previous_response_id=response["id"]))
        assert error["error"]["code"] == "previous_response_not_found"
    assert (await get(client, response["id"]))["status"] == "in_progress"


BAD = [
    ({"model": None}, "model"),
    ({"input": []}, "input"),
    ({"input": " "}, "input"),
    ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
    ({"input": [{"type": "computer_call"}]}, "input[0].type"),
    ({"input": [{"type": ["message"]}]}, "input[0].type"),
    ({"input": [{"role": "user", "content": [{"type": {}}]}]}, "input[0].content[0].type"),
    ({"input": [{"role": "king", "content": "x"}]}, "input[0].role"),
    ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input[0].content[0].type"),
    ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
    (
        {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
        "input[0].content[0].image_url",
    ),
    ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
    ({"temperature": 3}, "temperature"),
    ({"top_p": -1}, "top_p"),
    ({"max_output_tokens": 0}, "max_output_tokens"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ({"tool_choice": {"type": "web_search_preview"}}, "tool_choice"),
    ({"text": {"format": {"type": "json_schema"}}}, "text.format.name"),
    ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
    ({"metadata": {"k": "x" * 513}}, "metadata[...]"),
    ({"include": ["message.output_text.logprobs"]}, "include[0]"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"prompt": {"id": "p"}}, "prompt"),
    ({"store": False, "background": True}, "background"),
    ({"conversation": "c", "previous_response_id": "resp_1"}, "conversation"),
    ({"previous_response_id": "resp_none"}, "previous_response_id"),
    ({"stream_options": {}}, "stream_options"),
    ({"colour": "red"}, "colour"),
]


async def test_a_request_that_cannot_be_met_is_told_with_the_place(client):
    for changes, param in BAD:
        body = {k: v for k, v in (ask() | changes).items() if v is not None}
        error = (await create(client, 400, **body))["error"]
        assert error["type"] == "invalid_request_error"
        assert error["message"], changes
        assert error["param"] == param, (changes, error)
    assert (await client.call("GET", "/api/sessions"))["sessions"] == []


async def test_a_bad_query_is_told(client):
    response = await create(client, **ask())
    for query, param in (
        ("stream=maybe", "stream"),
        ("stream=true&starting_after=x", "starting_after"),
        ("starting_after=3", "starting_after"),
    ):
        error = await client.call("GET", f"/v1/responses/{response['id']}?{query}", 400)
        assert validate("ErrorResponse", error)["error"]["param"] == param


async def test_a_response_begun_in_another_contract_is_found_by_its_turn(client):
    turn = await client.send(await client.session(), "hello", model="test/test-5-0-0")
    response = await done(client, f"resp_{turn['id'][5:]}")
    assert text_of(response) == expected_text("hello", 5)


@pytest.mark.parametrize("continuation", [True, False])
async def test_a_killed_server_goes_on_with_the_response(tmp_path, continuation):
    """Where the model goes on with a text, the item does; else it is void and the next one is whole."""
    model = await serve("127.0.0.1", 0)
    server = ServerProcess(tmp_path, model_toml(model.port, continuation=continuation))
    try:
        async with server, Client(server.url) as client:
            found = await stream(client, most=25, **ask("test-60-20-0", background=True))
            response_id = found[0]["response"]["id"]
            await server.kill()
            await server.start()
            await follow(client, response_id, starting_after=found[-1]["sequence_number"], found=found)
            assert [event["sequence_number"] for event in found] == list(range(len(found)))
            assert text_of(found[-1]["response"]) == expected_text("hello", 60)
            added = [event["output_index"] for event in found if event["type"].endswith("output_item.added")]
            assert added == ([0] if continuation else [0, 1])
            (message,) = found[-1]["response"]["output"]
            pieces = [e["delta"] for e in found if e.get("item_id") == message["id"] and "delta" in e]
            assert "".join(pieces) == expected_text("hello", 60)
            assert await follow(client, response_id) == found
    finally:
        await model.close()
