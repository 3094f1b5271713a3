"""Contract F: what of a request reaches the provider, and what of its answer the client."""

import json

import pytest

from openai_schema import validate
from openai_schema.client import API, HI, chunks
from serving import ServerProcess, model_toml
from wire import END, OK, Script, delta, sse

EVENTS = OK + b"Content-Type: text/event-stream\r\nConnection: close\r\n\r\n"
PLAIN = EVENTS + sse(delta(content="fine"), *END)


@pytest.fixture
async def provider():
    async with Script() as script:
        yield script


@pytest.fixture
async def api(tmp_path, provider):
    async with ServerProcess(tmp_path, model_toml(provider.port)) as server, API(server.url) as made:
        yield made


def sent(script):
    """Return the last body that the provider got."""
    return json.loads(script.requests[-1].partition(b"\r\n\r\n")[2])


CALLS = [
    {"id": "call_a", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}},
    {"id": "call_b", "type": "function", "function": {"name": "mul", "arguments": '{"b": 2}'}},
]
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("add", "mul")
]
PARAMS = {
    "temperature": 0.5,
    "top_p": 0.9,
    "frequency_penalty": 1,
    "presence_penalty": -1,
    "max_tokens": 7,
    "max_completion_tokens": 8,
    "stop": ["a", "b"],
    "seed": 5,
    "logit_bias": {"50256": -100},
    "tools": TOOLS,
    "tool_choice": {"type": "function", "function": {"name": "add"}},
    "parallel_tool_calls": True,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "x", "strict": True, "schema": {"type": "object"}},
    },
    "reasoning_effort": "low",
    "service_tier": "flex",
    "user": "u",
    "metadata": {"a": "b"},
}
NEW = {"top_k": 40, "repetition_penalty": 1.1, "brand_new": {"deep": [1, None, "ü"]}}
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": "Truly."},
    {
        "role": "user",
        "name": "ann",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
        ],
    },
    {"role": "assistant", "content": None, "tool_calls": CALLS},
    {"role": "tool", "tool_call_id": "call_a", "content": "1"},
    {"role": "tool", "tool_call_id": "call_b", "content": [{"type": "text", "text": "2"}]},
]


@pytest.mark.parametrize("stream", [False, True])
async def test_all_of_a_request_reaches_the_provider(api, provider, stream):
    body = {"model": "test/acme/large-2", "messages": MESSAGES, **PARAMS}
    validate("CreateChatCompletionRequest", body)
    provider.answers = [[PLAIN, None]]
    if stream:
        await api.stream(**body, **NEW)
    else:
        await api.chat(**body, **NEW, top_logprobs=None, n=1, logprobs=False)
    got = sent(provider)
    assert got.pop("stream") is True
    assert got.pop("stream_options") == {"include_usage": True}
    assert got == {"model": "acme/large-2", "messages": MESSAGES, **PARAMS, **NEW}


# Two calls at once, their pieces mixed; the provider names the index of each.
PIECES = [
    delta(tool_calls=[{"index": 0, **CALLS[0], "function": {"name": "add", "arguments": ""}}]),
    delta(tool_calls=[{"index": 1, **CALLS[1], "function": {"name": "mul", "arguments": ""}}]),
    delta(tool_calls=[{"index": 0, "function": {"arguments": '{"a":'}}]),
    delta(tool_calls=[{"index": 1, "function": {"arguments": '{"b": 2}'}}]),
    delta(tool_calls=[{"index": 0, "function": {"arguments": " 1}"}}]),
    delta("tool_calls"),
    b"[DONE]",
]


def put_together(found):
    """Return the calls as clients do it."""
    calls = {}
    for event in found:
        for choice in event["choices"]:
            for piece in choice["delta"].get("tool_calls", ()):
                call = calls.setdefault(piece["index"], {"name": "", "arguments": ""})
                call["id"] = piece.get("id", call.get("id"))
                for key in ("name", "arguments"):
                    call[key] += piece["function"].get(key, "")
    return calls


ASSEMBLED = {
    0: {"id": "call_a", "name": "add", "arguments": '{"a": 1}'},
    1: {"id": "call_b", "name": "mul", "arguments": '{"b": 2}'},
}


async def test_parallel_calls_of_tools_in_a_stream(api, provider):
    provider.answers = [[EVENTS + sse(*PIECES), None]]
    found = chunks(await api.stream(model="test/m", tools=TOOLS))
    assert put_together(found) == ASSEMBLED
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_parallel_calls_of_tools_in_a_whole_reply(api, provider):
    provider.answers = [[EVENTS + sse(*PIECES), None]]
    answer = validate(
        "CreateChatCompletionResponse", await api.chat(model="test/m", messages=HI, tools=TOOLS)
    )
    (choice,) = answer["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == CALLS


async def test_calls_without_an_index_get_one(api, provider):
    provider.answers = [[EVENTS + sse(delta(tool_calls=CALLS), delta("stop"), b"[DONE]"), None]]
    assert put_together(chunks(await api.stream(model="test/m", tools=TOOLS))) == ASSEMBLED


async def test_calls_of_custom_tools(api, provider):
    call = {"id": "call_c", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    pieces = [
        delta(tool_calls=[{"index": 0, **call, "custom": {"name": "sql", "input": "SELECT"}}]),
        delta(tool_calls=[{"index": 0, "custom": {"input": " 1"}}]),
        delta("tool_calls"),
    ]
    provider.answers = [[EVENTS + sse(*pieces), None]]
    tools = [{"type": "custom", "custom": {"name": "sql"}}]
    answer = validate(
        "CreateChatCompletionResponse", await api.chat(model="test/m", messages=HI, tools=tools)
    )
    assert answer["choices"][0]["message"]["tool_calls"] == [call]
    assert sent(provider)["tools"] == tools


@pytest.mark.parametrize("stream", [False, True])
async def test_functions_are_asked_for_as_tools_and_answered_as_functions(api, provider, stream):
    functions = [{"name": "add", "parameters": {"type": "object"}}]
    messages = [
        *HI,
        {"role": "assistant", "content": None, "function_call": {"name": "add", "arguments": "{}"}},
        {"role": "function", "name": "add", "content": "0"},
    ]
    body = {"model": "test/m", "messages": messages, "functions": functions, "function_call": {"name": "add"}}
    validate("CreateChatCompletionRequest", body)
    one = [PIECES[0], PIECES[2], PIECES[4], *PIECES[5:]]
    provider.answers = [[EVENTS + sse(*one), None]]
    if stream:
        found = chunks(await api.stream(**body))
        assert not put_together(found)
        called = [c["delta"]["function_call"] for e in found for c in e["choices"] if len(c["delta"]) == 1]
        assert "".join(each.get("arguments", "") for each in called) == '{"a": 1}'
        assert "".join(each.get("name", "") for each in called) == "add"
        choice = found[-1]["choices"][0]
    else:
        answer = validate("CreateChatCompletionResponse", await api.chat(**body))
        (choice,) = answer["choices"]
        assert choice["message"]["function_call"] == {"name": "add", "arguments": '{"a": 1}'}
        assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"
    got = sent(provider)
    assert "functions" not in got
    assert got["tools"] == [{"type": "function", "function": functions[0]}]
    assert got["tool_choice"] == {"type": "function", "function": {"name": "add"}}
    (call,) = got["messages"][1]["tool_calls"]
    assert call["function"] == {"name": "add", "arguments": "{}"}
    assert got["messages"][2] == {"role": "tool", "tool_call_id": call["id"], "content": "0"}


async def test_a_providers_own_word_for_the_end_is_said_in_openais(api, provider):
    for word, reason in (("length", "length"), ("MAX_TOKENS", "length"), ("eos", "stop")):
        provider.answers = [[EVENTS + sse(delta(content="x"), delta(word), b"[DONE]"), None]]
        answer = validate("CreateChatCompletionResponse", await api.chat(model="test/m", messages=HI))
        assert answer["choices"][0]["finish_reason"] == reason


async def test_a_conversation_too_long_for_the_model_is_told_by_its_code(api, provider):
    refusal = b'{"error": {"message": "This model\'s maximum context length is 8192 tokens."}}'
    head = b"HTTP/1.1 400 -\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    provider.answers = [[head % len(refusal) + refusal]]
    told = await api.refusal(400, model="test/m", messages=HI)
    assert told["code"] == "context_length_exceeded"
