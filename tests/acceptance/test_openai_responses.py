"""The Responses API with a plain client: objects and events as OpenAI describes them, kept and resumed."""

import json

from antiphon.testing.model_server import expected_reasoning, expected_text
from openai_responses_client import LOOKUP, ask, create, deltas, done, follow, get, stream, text_of
from openai_schema import validate
from serving import Client


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
    ahead = f"/v1/responses/{kept['id']}?stream=true&starting_after={len(found)}"
    assert (await client.call("GET", ahead, 410))["error"]["code"] == "cursor_expired"


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


async def test_more_tools_than_are_kept_go_through_unkept(client):
    tools = [LOOKUP | {"name": f"f{n}", "description": "x" * 7000} for n in range(20)]
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
