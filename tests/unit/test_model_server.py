import asyncio

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.testing.model_server import ModelServer, expected_reasoning, expected_text, serve
from antiphon.testing.script import WORDS, parse_model, place_of, seed_of, token


@pytest.fixture
async def server():
    server = await serve()
    yield server
    await server.close()


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


def body(model: str, user: str = "hello", prefix: str | None = None, **more: object) -> dict[str, object]:
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": user}]
    if prefix is not None:
        messages.append({"role": "assistant", "content": prefix})
    return {"model": model, "messages": messages, **more}


async def stream(http: aiohttp.ClientSession, server: ModelServer, request: dict[str, object]):
    async with http.post(f"{server.url}/chat/completions", json={**request, "stream": True}) as response:
        text = await response.text()
        assert response.status == 200, text
        payloads = [event.removeprefix("data: ") for event in text.split("\n\n") if event]
        assert payloads.pop() == "[DONE]"
        return [msgspec.json.decode(payload) for payload in payloads]


def joined(chunks, field="content"):
    return "".join(c["choices"][0]["delta"].get(field) or "" for c in chunks if c["choices"])


async def test_streams_the_expected_text(http, server):
    chunks = await stream(http, server, body("test-300-0-0", stream_options={"include_usage": True}))
    assert joined(chunks) == expected_text("hello", 300)
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "stop"
    assert chunks[-1]["usage"] == {"prompt_tokens": 3, "completion_tokens": 300, "total_tokens": 303}


async def test_one_chunk_a_token_at_a_pace(http, server):
    chunks = await stream(http, server, body("test-10-2-5"))
    assert [c["choices"][0]["delta"].get("content") for c in chunks[1:-1]] == [
        token(seed_of("hello"), k) for k in range(10)
    ]
    assert "usage" not in chunks[-1]


async def test_whole_answer(http, server):
    async with http.post(f"{server.url}/chat/completions", json=body("test-7-1-0-reason2-tool")) as response:
        answer = await response.json()
    message = answer["choices"][0]["message"]
    assert message["content"] == expected_text("hello", 7)
    assert message["reasoning_content"] == expected_reasoning("hello", 2)
    assert message["tool_calls"][0]["function"]["name"] == "lookup"
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert answer["usage"]["completion_tokens"] == 9


async def test_reasoning_and_tool_call(http, server):
    chunks = await stream(http, server, body("test-5-1-0-reason3-tool"))
    assert joined(chunks, "reasoning_content") == expected_reasoning("hello", 3)
    calls = [
        c["choices"][0]["delta"]["tool_calls"][0] for c in chunks if "tool_calls" in c["choices"][0]["delta"]
    ]
    assert "".join(call["function"]["arguments"] for call in calls) == '{"key": "value"}'
    request = body("test-5-1-0-tool")
    request["messages"] += [{"role": "tool", "content": "42"}]
    assert joined(await stream(http, server, request), "tool_calls") == ""


async def test_token_limit(http, server):
    chunks = await stream(http, server, body("test-50-0-0", max_tokens=8))
    assert joined(chunks) == expected_text("hello", 8)
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


async def test_every_prefix_is_continued(http, server):
    whole = expected_text("hello", 12)
    for at in range(len(whole) + 1):
        chunks = await stream(http, server, body("test-12-0-0", prefix=whole[:at]))
        assert joined(chunks) == whole[at:]


@pytest.mark.parametrize("prefix", ["nonsense", expected_text("hello", 13), expected_text("hello", 3) + "?"])
async def test_what_is_no_prefix_is_refused(http, server, prefix):
    request = body("test-12-0-0", prefix=prefix)
    async with http.post(f"{server.url}/chat/completions", json=request) as response:
        assert response.status == 400


@given(st.text(), st.integers(0, 40), st.data())
def test_place_of_any_prefix(user, tokens, data):
    whole = expected_text(user, tokens)
    at = data.draw(st.integers(0, len(whole)))
    k, rest = place_of(whole[:at], seed_of(user), tokens)
    assert whole[:at] + rest + "".join(token(seed_of(user), i) for i in range(k, tokens)) == whole


def test_vocabulary_is_worth_testing_with():
    text = "".join(WORDS)
    assert all(WORDS)
    assert "\0" not in text
    assert {len(c.encode()) for c in text} == {1, 2, 3, 4}
    assert set('"\\\n\t<&\u2028\u200d') <= set(text)
    assert set(WORDS) <= {token(seed_of(str(i)), k).strip(" ") for i in range(50) for k in range(50)}


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
async def test_status(http, server, status):
    request = body(f"test-5-0-0-status{status}-retry7")
    async with http.post(f"{server.url}/chat/completions", json=request) as response:
        assert response.status == status
        assert response.headers.get("Retry-After") == ("7" if status in (429, 500, 503) else None)
        assert (await response.json())["error"]["message"]


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/chat/completions", b"{", 400),
        ("/chat/completions", b"\xff", 400),
        ("/chat/completions", b'{"model": "gpt-4", "messages": []}', 404),
        ("/chat/completions", b'{"model": "test-1-1-1-nonsense", "messages": []}', 404),
        ("/nothing", b"", 404),
    ],
)
async def test_bad_requests(http, server, path, content, status):
    async with http.post(server.url + path, data=content) as response:
        assert response.status == status


async def test_models_and_stats(http, server):
    async with http.get(f"{server.url}/models") as response:
        models = [model["id"] for model in (await response.json())["data"]]
    assert all(parse_model(model) for model in models)
    await stream(http, server, body("test-5-0-0"))
    async with http.get(server.url.removesuffix("/v1") + "/stats") as response:
        assert await response.json() == {"requests": 3, "chunks": 5, "live": 0}


async def test_cut_once_then_whole(http, server):
    with pytest.raises(aiohttp.ClientError):
        await stream(http, server, body("test-9-1-0-cut4-once"))
    rest = await stream(http, server, body("test-9-1-0-cut4-once", prefix=expected_text("hello", 4)))
    assert expected_text("hello", 4) + joined(rest) == expected_text("hello", 9)
    with pytest.raises(aiohttp.ClientError):
        await stream(http, server, body("test-9-1-0-cut4-once", user="another"))


async def test_a_client_that_leaves_ends_its_stream(http, server):
    async with http.post(
        f"{server.url}/chat/completions", json=body("test-9-1-0-stall4", stream=True)
    ) as response:
        await response.content.readany()
        assert server.live == 1
        response.close()
    while server.live:
        await asyncio.sleep(0.01)


async def test_a_slow_client_is_waited_for(http, server):
    request = body("test-200000-0-0", stream=True)
    async with http.post(f"{server.url}/chat/completions", json=request) as response:
        await response.content.readany()
        before = -1
        while server.chunks != before:  # until the buffers are full
            before = server.chunks
            await asyncio.sleep(0.1)
        assert server.chunks < 200000
        response.close()


@pytest.mark.parametrize(
    "name", ["test-1-1", "test-1-1-1-", "test-1-1-1-cut", "test-1-1-1-once3", "test-1-1-1-status200", "x"]
)
def test_names_outside_the_grammar(name):
    assert parse_model(name) is None
