"""Contract F, chat completions: every answer and every event is held against OpenAI's own description."""

import asyncio
import io
import json
import time

import aiohttp
import pytest

import sites
from antiphon.testing.model_server import expected_reasoning, expected_text
from openai_schema import validate
from openai_schema.client import API, HI, PATH, chunks, joined
from patience import until
from serving import Client, ServerProcess, model_toml


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A server and its model, for all tests of this file that do not configure or stop it."""
    with sites.kept(sites.embedded(tmp_path_factory.mktemp("shop"))) as opened:
        yield opened


@pytest.fixture
def model(shop):
    return shop.model


@pytest.fixture
async def api(shop):
    async with API(shop.url) as made:
        yield made


async def test_a_whole_reply(api):
    body = {"model": "test/test-40-0-0-reason3", "messages": HI}
    validate("CreateChatCompletionRequest", body)
    answer = validate("CreateChatCompletionResponse", await api.chat(**body))
    (choice,) = answer["choices"]
    assert choice["message"]["content"] == expected_text("hi", 40)
    assert choice["message"]["reasoning_content"] == expected_reasoning("hi", 3)
    assert choice["finish_reason"] == "stop"
    assert answer["model"] == "test/test-40-0-0-reason3"
    assert abs(answer["created"] - time.time()) < 60
    assert answer["usage"] == {"prompt_tokens": 1, "completion_tokens": 43, "total_tokens": 44}


async def test_a_streamed_reply(api):
    found = chunks(await api.stream(model="test/test-40-2-0-reason3"))
    assert joined(found) == expected_text("hi", 40)
    assert joined(found, "reasoning_content") == expected_reasoning("hi", 3)
    assert [c["finish_reason"] for event in found for c in event["choices"] if c["finish_reason"]] == ["stop"]
    assert all("usage" not in event for event in found)


async def test_usage_in_the_stream_comes_last_and_only_on_request(api):
    found = chunks(await api.stream(model="test/test-5-0-0", stream_options={"include_usage": True}))
    assert [event["usage"] for event in found[:-1]] == [None] * (len(found) - 1)
    assert found[-1]["choices"] == []
    assert found[-1]["usage"] == {"prompt_tokens": 1, "completion_tokens": 5, "total_tokens": 6}


async def test_bots_and_models_by_their_names(api):
    for name in ("echo", "builtin/echo"):
        answer = await api.chat(model=name, messages=HI)
        assert "hi" in answer["choices"][0]["message"]["content"]
        assert answer["usage"]["prompt_tokens"] > 0
    alone = await api.chat(model="test-20-0-0", messages=HI)  # only one provider lists it
    assert alone["choices"][0]["message"]["content"] == expected_text("hi", 20)
    assert alone["model"] == "test-20-0-0"


@pytest.mark.parametrize("name", ["nope", "nobody/nope", "test/nope", "builtin/nope", "test/"])
@pytest.mark.parametrize("stream", [False, True])
async def test_an_unknown_model_is_not_found(api, name, stream):
    told = await api.refusal(404, model=name, messages=HI, stream=stream)
    assert told["code"] == "model_not_found"
    assert told["param"] == "model"
    assert told["type"] == "invalid_request_error"


SAID = {"model": "echo", "messages": HI}
TOOL = {"type": "function", "function": {"name": "f"}}
BAD = {
    "no model": ({"messages": HI}, "model", "missing_required_parameter"),
    "model is a number": ({**SAID, "model": 3}, "model", "invalid_type"),
    "model is long": ({**SAID, "model": "x" * 201}, "model", "string_above_max_length"),
    "no messages": ({"model": "echo"}, "messages", "missing_required_parameter"),
    "empty messages": ({**SAID, "messages": []}, "messages", "empty_array"),
    "messages is a text": ({**SAID, "messages": "hi"}, "messages", "invalid_type"),
    "no role": ({**SAID, "messages": [{"content": "x"}]}, "messages[0].role", "missing_required_parameter"),
    "odd role": (
        {**SAID, "messages": [*HI, {"role": "bot", "content": "x"}]},
        "messages[1].role",
        "invalid_value",
    ),
    "no content": (
        {**SAID, "messages": [{"role": "user"}]},
        "messages[0].content",
        "missing_required_parameter",
    ),
    "content is a number": (
        {**SAID, "messages": [{"role": "user", "content": 5}]},
        "messages[0].content",
        "invalid_type",
    ),
    "a part without its text": (
        {**SAID, "messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "messages[0].content[0].text",
        "missing_required_parameter",
    ),
    "an image without its url": (
        {**SAID, "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        "messages[0].content[0].image_url.url",
        "missing_required_parameter",
    ),
    "a result without its call": (
        {**SAID, "messages": [{"role": "tool", "content": "x"}]},
        "messages[0].tool_call_id",
        "missing_required_parameter",
    ),
    "hot": ({**SAID, "temperature": 3}, "temperature", "invalid_value"),
    "temperature is a text": ({**SAID, "temperature": "1"}, "temperature", "invalid_type"),
    "no tokens": ({**SAID, "max_tokens": 0}, "max_tokens", "invalid_value"),
    "stop is a number": ({**SAID, "stop": 1}, "stop", "invalid_type"),
    "a tool without its function": (
        {**SAID, "tools": [{"type": "function"}]},
        "tools[0].function",
        "missing_required_parameter",
    ),
    "a function without its name": (
        {**SAID, "tools": [TOOL, {"type": "function", "function": {}}]},
        "tools[1].function.name",
        "missing_required_parameter",
    ),
    "a schema that is not there": (
        {**SAID, "response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        "missing_required_parameter",
    ),
    "options of no stream": (
        {**SAID, "stream_options": {"include_usage": True}},
        "stream_options",
        "invalid_value",
    ),
    "two choices": ({**SAID, "n": 2}, "n", "unsupported_parameter"),
    "log probabilities": ({**SAID, "logprobs": True}, "logprobs", "unsupported_parameter"),
    "top log probabilities": ({**SAID, "top_logprobs": 2}, "top_logprobs", "unsupported_parameter"),
    "spoken": ({**SAID, "modalities": ["text", "audio"]}, "modalities", "unsupported_parameter"),
    "a voice": ({**SAID, "audio": {"voice": "x", "format": "wav"}}, "audio", "unsupported_parameter"),
    "an array": ([], None, "invalid"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_request_is_told_with_its_place(shop, case):
    body, param, code = BAD[case]
    async with aiohttp.ClientSession() as http, http.post(shop.url + PATH, json=body) as response:
        told = validate("ErrorResponse", await response.json())["error"]
        assert response.status == 400, told
        assert (told["param"], told["code"], told["type"]) == (param, code, "invalid_request_error")
        assert told["message"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"hi", "text/plain", 415),
        (b"x" * 1_048_577, "application/json", 413),
    ],
)
async def test_what_is_no_json_is_told_in_the_same_shape(shop, body, content_type, status):
    async with aiohttp.ClientSession() as http:
        headers = {"Content-Type": content_type}
        async with http.post(shop.url + PATH, data=io.BytesIO(body), headers=headers) as response:
            assert response.status == status
            validate("ErrorResponse", await response.json())


async def test_neutral_values_and_new_fields_are_no_mistakes(api):
    neutral = {
        "n": 1,
        "logprobs": False,
        "modalities": ["text"],
        "audio": None,
        "stop": None,
        "brand_new": {},
    }
    answer = await api.chat(model="test/test-3-0-0", messages=HI, **neutral)
    assert answer["choices"][0]["message"]["content"] == expected_text("hi", 3)


FAILURES = {
    "-status429-retry60": (429, "rate_limit_exceeded", "rate_limit_error", {"retry-after": "60"}),
    "-status500-retry60": (502, "provider_unreachable", "server_error", {"retry-after": "60"}),
    "-status400": (400, "provider_refused", "invalid_request_error", {}),
    "-status401": (502, "provider_refused", "server_error", {"x-should-retry": "false"}),
    "-stall0": (504, "provider_timeout", "server_error", {}),
}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_first_token_is_a_status(tmp_path, model, stream):
    settings = {"ANTIPHON_FIRST_TOKEN_TIMEOUT": "1", "ANTIPHON_PROVIDER_RETRIES": "0"}
    async with ServerProcess(tmp_path, model_toml(model.port), **settings) as server, API(server.url) as api:
        for fault, (status, code, kind, headers) in FAILURES.items():
            told = await api.refusal(status, model=f"test/test-5-0-0{fault}", messages=HI, stream=stream)
            assert (told["code"], told["type"]) == (code, kind), fault
            assert {name: api.headers.get(name) for name in headers} == headers, fault


async def test_a_failure_in_mid_stream_is_an_event_and_no_end(api):
    events = await api.stream(model="test/test-30-2-0-cut20")
    failure = validate("ErrorResponse", events[-1])["error"]
    assert failure["code"] == "provider_garbled"
    assert failure["type"] == "server_error"
    text = joined(events[:-1])
    assert text
    assert expected_text("hi", 30).startswith(text)


async def test_a_failure_in_the_middle_of_a_whole_reply_is_a_status(api):
    assert (await api.refusal(502, model="test/test-30-2-0-cut20", messages=HI))["code"] == "provider_garbled"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_is_stopped_when_its_reader_hangs_up(api, model, stream):
    # The first speaks; the second has not said a word, so that no answer has begun.
    for name in ("test/test-5000-5-0", "test/test-5-0-60000"):
        body = {"model": name, "messages": HI, "stream": stream}
        task = asyncio.create_task(api.http.post(api.url + PATH, json=body))
        await until(lambda: model.live == 1)
        if stream and name == "test/test-5000-5-0":
            response = await task
            await response.content.readline()
            response.close()
        else:
            task.cancel()
        await until(lambda: model.live == 0)


async def test_headers_come_before_a_model_that_thinks_long(api, model):
    started, said = time.monotonic(), model.chunks
    body = {"model": "test/test-20-0-14000", "messages": HI, "stream": True}
    async with api.http.post(api.url + PATH, json=body) as response:
        assert time.monotonic() - started > 9.5
        await response.content.readline()
        assert model.chunks == said
        rest = (await response.read()).decode()
    events = [json.loads(line[6:]) for line in rest.split("\n") if line.startswith("data: {")]
    assert joined(events) == expected_text("hi", 20)
    assert rest.endswith("data: [DONE]\n\n")


async def test_nothing_is_kept(api, shop):
    await api.chat(model="test/test-5-0-0", messages=HI)
    async with Client(shop.url) as client:
        client.http.headers.pop("X-User-ID")
        client.http.headers["Authorization"] = "Bearer sk-x"
        assert (await client.call("GET", "/api/sessions"))["sessions"] == []


async def test_who_asks_too_often_is_told_when_to_come_back(tmp_path):
    async with ServerProcess(tmp_path, ANTIPHON_RATE_LIMITS="on", ANTIPHON_RATE_USER="2/minute") as server:
        async with API(server.url) as api:
            for _ in range(2):
                await api.chat(**SAID)
            told = await api.refusal(429, **SAID)
            assert (told["type"], told["code"]) == ("rate_limit_error", "rate_limit_exceeded")
            assert 1 <= int(api.headers["retry-after"]) <= 61


async def test_a_leaving_pod_tells_those_whom_it_cannot_serve_to_the_end(tmp_path, model):
    async with ServerProcess(tmp_path, model_toml(model.port)) as server, API(server.url) as api:
        body = {"model": "test/test-1000-20-0", "messages": HI, "stream": True}
        async with api.http.post(server.url + PATH, json=body) as response:
            first = await response.content.readline()
            leaving = asyncio.create_task(server.stop())
            text = (first + await response.read()).decode()
        assert await leaving == 0
    events = [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]
    assert not text.endswith("data: [DONE]\n\n")
    failure = validate("ErrorResponse", events[-1])["error"]
    assert (failure["type"], failure["code"]) == ("server_error", "overloaded")
    assert expected_text("hi", 1000).startswith(joined(events[:-1]))
