import asyncio

import msgspec
import pytest
import uvloop

from antiphon.errors import (
    ProviderGarbled,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
)
from antiphon.model import Usage
from antiphon.providers.openai import OpenAIProvider
from antiphon.providers.port import Finish, Model
from antiphon.providers.presets import PRESETS, Preset
from antiphon.providers.stream_client import Endpoint
from antiphon.testing.model_server import expected_reasoning, expected_text
from wire import (
    END,
    KEY,
    Sink,
    answering,
    delta,
    model_server,
    prompt,
    provider,
    sse,
)

# Against the test model


@pytest.mark.parametrize("model", ["test-60-1-5", "test-3000-0-0", "test-0-0-0"])
async def test_a_reply_arrives_whole(model):
    tokens = int(model.split("-")[1])
    async with model_server() as made:
        sink = Sink()
        finish = await made.stream(prompt(model), sink)
        assert sink.text() == expected_text("hello", tokens)
        usage = Usage(prompt_tokens=1, completion_tokens=tokens)
        assert finish == Finish(reason="stop", usage=usage)


async def test_many_at_once_share_connections():
    async with model_server() as made:
        for _ in range(2):
            sinks = [Sink() for _ in range(50)]
            await asyncio.gather(
                *(made.stream(prompt("test-40-2-1", str(i)), sink) for i, sink in enumerate(sinks))
            )
            assert [sink.text() for sink in sinks] == [expected_text(str(i), 40) for i in range(50)]
        assert len(made.server.connections) == 50


async def test_reasoning_and_tools():
    async with model_server() as made:
        sink = Sink()
        finish = await made.stream(prompt("test-9-0-0-reason4-tool"), sink)
        assert finish.reason == "tool_calls"
        assert sink.text("reasoning") == expected_reasoning("hello", 4)
        assert sink.text() == expected_text("hello", 9)
        calls = [msgspec.json.decode(text)[0] for kind, text in sink.put if kind == "tool"]
        assert "".join(call["function"]["arguments"] for call in calls) == '{"key": "value"}'
        assert sink.put[0][0] == "reasoning"


async def test_no_usage_unless_asked():
    async with model_server(include_usage=False) as made:
        assert await made.stream(prompt("test-5-0-0", max_tokens=2), Sink()) == Finish(reason="length")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("cut0", ProviderUnreachable),
        ("cut7", ProviderGarbled),
        ("garbage7", ProviderGarbled),
        ("stall0", ProviderTimeout),
        ("stall7", ProviderTimeout),
        ("status500", ProviderUnreachable),
        ("status429", ProviderRateLimited),
    ],
)
async def test_after_a_fault_the_reply_is_continued(fault, error):
    async with model_server(first_token_timeout=0.6, idle_timeout=0.6) as made:
        sink = Sink()
        model = f"test-20-1-0-{fault}-once"
        with pytest.raises(error):
            await made.stream(prompt(model), sink)
        assert sink.text() == expected_text("hello", 7 if "7" in fault else 0)
        await made.stream(prompt(model, prefix=sink.text()), sink)
        assert sink.text() == expected_text("hello", 20)


async def test_a_provider_without_continuation_begins_again():
    async with model_server() as made:
        made.continuation = False
        sink = Sink()
        await made.stream(prompt("test-20-0-0", prefix="whatever"), sink)
        assert sink.text() == expected_text("hello", 20)


async def test_cancelling_ends_the_stream_at_the_server():
    async with model_server() as made:
        sink = Sink()
        task = asyncio.create_task(made.stream(prompt("test-9-1-0-stall5"), sink))
        while not sink.put:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while made.server.live:
            await asyncio.sleep(0.01)


async def test_a_full_sink_holds_the_provider_back():
    async with model_server(idle_timeout=0.4) as made:
        sink = Sink(room=1)
        task = asyncio.create_task(made.stream(prompt("test-100000-0-0"), sink))
        sent = -1
        while made.server.chunks != sent or not sent:  # until every buffer on the way is full
            sent = made.server.chunks
            await asyncio.sleep(0.3)
        assert sent < 100000
        assert len(sink.put) == 1
        assert len(sink.resumes) == 1
        sink.room = None
        sink.resumes[0]()
        await task
        assert sink.text() == expected_text("hello", 100000)


def test_on_uvloop():
    async def attempt():
        async with model_server() as made:
            sink = Sink(room=3)
            sink.on_drain = lambda resume: asyncio.get_running_loop().call_later(0.01, resume)
            await made.stream(prompt("test-3000-0-0"), sink)
            assert sink.text() == expected_text("hello", 3000)
            with pytest.raises(ProviderGarbled):
                await made.stream(prompt("test-50-1-0-cut5"), Sink())

    uvloop.run(attempt())


# What is sent


async def test_the_request():
    async with answering(sse(delta(content="x"), *END), extra_headers={"X-Title": "y"}) as made:
        params = {"temperature": 0.5, "model": "other", "messages": [], "stream": False, "n": 3}
        await made.stream(msgspec.structs.replace(prompt(), params=params), Sink())
        head, body = made.asked[0]
    assert head.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
    assert f"Authorization: Bearer {KEY}\r\n" in head
    assert "X-Title: y\r\n" in head
    assert msgspec.json.decode(body) == {
        "temperature": 0.5,
        "model": "m",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert KEY not in repr(made)


async def test_a_parameter_by_the_servers_name():
    async with answering(sse(delta(content="x"), *END), renames={"max_tokens": "most"}) as made:
        await made.stream(prompt(max_tokens=5), Sink())
        await made.stream(prompt(max_tokens=5, most=6), Sink())
        await made.stream(prompt(), Sink())
    sent = [msgspec.json.decode(body) for _, body in made.asked]
    assert [(body.get("max_tokens"), body.get("most")) for body in sent] == [
        (None, 5),
        (None, 6),
        (None, None),
    ]


async def test_the_request_that_continues():
    options = {
        "continuation": True,
        "continuation_body": {"continue_final_message": True, "add_generation_prompt": False},
        "continuation_message": {"prefix": True},
        "continuation_path": "/beta/chat",
        "include_usage": False,
    }
    async with answering(sse(delta(content="x"), *END), **options) as made:
        await made.stream(prompt(prefix="so far"), Sink())
        await made.stream(prompt(), Sink())
    (head, body), (other_head, other_body) = made.asked
    assert head.startswith("POST /v1/beta/chat ")
    assert other_head.startswith("POST /v1/chat/completions ")
    assert msgspec.json.decode(body) == {
        "model": "m",
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "so far", "prefix": True},
        ],
        "stream": True,
        "continue_final_message": True,
        "add_generation_prompt": False,
    }
    assert b"so far" not in other_body
    assert b"add_generation_prompt" not in other_body


async def test_parameters_that_are_no_json():
    async with answering(b"") as made:
        with pytest.raises(ProviderRefused, match="JSON"):
            await made.stream(prompt(stop=object()), Sink())


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["so far", " so good"], " so good"),
        (["so", " ", "far so good"], " so good"),
        (["so far"], ""),
        ([" so good"], " so good"),
        (["so bad"], "so bad"),
        (["so", " it", " is"], "so it is"),
        (["so"], "so"),
    ],
)
async def test_an_echo_is_taken_away(pieces, text):
    events = sse(*(delta(content=piece) for piece in pieces), *END)
    async with answering(events, continuation=True, continuation_echo=True) as made:
        sink = Sink()
        await made.stream(prompt(prefix="so far"), sink)
        assert sink.text() == text


# Models


async def test_models_of_the_test_server():
    async with model_server() as made:
        assert {model.id for model in await made.models()} >= {"test-100-50-0"}


@pytest.mark.parametrize(
    ("body", "models"),
    [
        (b'{"data": [{"id": "a", "context_length": 5}, {"id": "b"}]}', {"a": 5, "b": None}),
        (b'[{"id": "a", "max_model_len": 5}, {"id": 7}, 3]', {"a": 5}),
        (b'{"data": null}', {}),
        (b'{"data": 3}', None),
        (b"{", None),
        (b"3", None),
    ],
)
async def test_lists_of_models(body, models):
    async with answering(body, headers="Content-Type: application/json\r\nConnection: close") as made:
        if models is None:
            with pytest.raises(ProviderGarbled, match="base URL"):
                await made.models()
        else:
            assert {model.id: model.context_tokens for model in await made.models()} == models
        assert made.asked[0][0].startswith("GET /v1/models ")


async def test_models_that_cannot_be_had():
    async with answering(b'{"error": "no"}', 401, "Connection: close") as made:
        for _ in range(2):  # a failure is not kept
            with pytest.raises(ProviderRefused, match="key variable"):
                await made.models()
        assert len(made.asked) == 2
    async with provider("http://127.0.0.1:1/v1") as made:
        with pytest.raises(ProviderUnreachable) as caught:
            await made.models()
        assert KEY not in str(caught.value)


async def test_given_models():
    async with provider("http://127.0.0.1:1/v1", models=[Model(id="a")]) as made:
        assert list(await made.models()) == [Model(id="a")]


@pytest.mark.parametrize("name", PRESETS)
async def test_presets_fit_the_provider(name):
    preset = PRESETS[name]
    fields = {field: getattr(preset, field) for field in Preset.__struct_fields__ if "variable" not in field}
    made = OpenAIProvider(name=name, **fields)
    assert made.continuation == preset.continuation
    local = Endpoint("GET", preset.base_url).origin.host == "127.0.0.1"
    assert local == (preset.key_variable is None)
    await made.close()
