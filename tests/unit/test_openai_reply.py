import asyncio
import contextlib
import email.utils
import time
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import (
    ProviderError,
    ProviderGarbled,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnreachable,
)
from antiphon.model import Usage
from antiphon.providers.openai_reply import Reply, parse_retry_after
from antiphon.providers.port import Finish
from patience import PATIENCE_S
from wire import (
    END,
    KEY,
    Sink,
    answering,
    delta,
    prompt,
    sse,
)

# What is understood


@pytest.mark.parametrize(
    ("events", "put"),
    [
        ([delta(reasoning="r", content="c")], [("reasoning", "r"), ("content", "c")]),
        ([delta(reasoning_content="r"), delta(content=None)], [("reasoning", "r")]),
        ([delta(content="a"), delta(content="b")], [("content", "ab")]),
        (
            [delta(content="a"), delta(tool_calls=[{"x": "ü"}], content="b")],
            [("content", "ab"), ("tool", '[{"x":"ü"}]')],
        ),
        ([delta(tool_calls=None, content=""), delta(tool_calls=[])], []),
        (
            [
                delta(
                    content=[
                        {"type": "thinking", "thinking": [{"type": "text", "text": "r"}]},
                        {"type": "text", "text": "c"},
                    ]
                )
            ],
            [("reasoning", "r"), ("content", "c")],
        ),
        (
            [{"choices": [{"index": 1, "delta": {"content": "other"}}]}, delta(content="a")],
            [("content", "a")],
        ),
        ([{"object": "ping"}, {"choices": None, "usage": None}, delta(reasoning={"odd": 1})], []),
    ],
)
async def test_kinds_of_chunks(events, put):
    async with answering(sse(*events, *END)) as made:
        sink = Sink()
        assert await made.stream(prompt(), sink) == Finish(reason="stop")
        assert sink.put == put


@pytest.mark.parametrize(
    "body",
    [
        sse(delta(content="x"), b"[DONE]"),
        sse(delta("stop", content="x")),
        sse(delta("stop", content="x"))[:-2],
        sse(delta("stop", content="x")).replace(b"\n", b"\r\n"),
        b": hello\n\n" + sse(delta("stop", content="x"), {"choices": [], "usage": {"prompt_tokens": 1}}),
    ],
)
async def test_forms_of_an_end(body):
    async with answering(body) as made:
        sink = Sink()
        assert (await made.stream(prompt(), sink)).reason == "stop"
        assert sink.text() == "x"


@pytest.mark.parametrize("body", [b"", sse(delta(content="x")), sse({"a": 1}, b"[DONE]"), sse(b"[DONE]")])
async def test_no_end_is_a_cut(body):
    async with answering(body) as made:
        with pytest.raises(ProviderGarbled, match="cut"):
            await made.stream(prompt(), Sink())


@pytest.mark.parametrize(
    "end", [b"{", b"[]", b"null", b"\xff", b'{"choices":[{"delta":{"content":5}}]}', b"[" * 9999]
)
async def test_garbage_after_text(end):
    async with answering(sse(delta(content="x"), end)) as made:
        sink = Sink()
        with pytest.raises(ProviderGarbled):
            await made.stream(prompt(), sink)
        assert sink.text() == "x"


async def test_a_break_after_the_finish_reason_loses_nothing(monkeypatch):
    monkeypatch.setattr("antiphon.providers.openai_reply.END_SECONDS", 0.1)
    head = "Content-Type: text/event-stream\r\nContent-Length: 9999"
    async with answering(sse(delta("stop", content="x")), headers=head) as made:
        assert await made.stream(prompt(), Sink()) == Finish(reason="stop")


async def test_an_answer_that_is_not_streamed():
    message = {"content": "c", "reasoning": "r", "tool_calls": [{"id": "1"}]}
    answer = {"choices": [{"message": message}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    async with answering(msgspec.json.encode(answer), headers="Content-Type: application/json; a=b") as made:
        sink = Sink()
        finish = await made.stream(prompt(), sink)
        assert finish == Finish(reason="stop", usage=Usage(prompt_tokens=1, completion_tokens=2))
        assert sink.put == [("reasoning", "r"), ("content", "c"), ("tool", '[{"id":"1"}]')]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"{}"),
        ("application/json", b'{"choices": [{}]}'),
        ("application/json", b" " * ((8 << 20) + 1)),
        ("text/html", b"<html>Sign in</html>"),
    ],
)
async def test_other_answers(kind, body):
    async with answering(body, headers=f"Content-Type: {kind}") as made:
        with pytest.raises(ProviderGarbled):
            await made.stream(prompt(), Sink())


# Errors


@pytest.mark.parametrize(
    ("status", "error", "advice"),
    [
        (400, ProviderRefused, "parameters"),
        (401, ProviderRefused, "Check the key variable of provider acme"),
        (402, ProviderRefused, "payment"),
        (403, ProviderRefused, "key variable of provider acme"),
        (404, ProviderRefused, "model's name"),
        (422, ProviderRefused, "parameters"),
        (307, ProviderRefused, "base URL"),
        (429, ProviderRateLimited, "a little later"),
        (408, ProviderUnreachable, "a little later"),
        (500, ProviderUnreachable, "a little later"),
        (529, ProviderUnreachable, "a little later"),
    ],
)
async def test_statuses(status, error, advice):
    body = msgspec.json.encode({"error": {"message": f"No {KEY} {KEY[:9]}… sk-***ef\nbecause"}})
    async with answering(body, status, "Retry-After: 7") as made:
        with pytest.raises(error, match=advice) as caught:
            await made.stream(prompt(), Sink())
    assert type(caught.value) is error
    assert caught.value.message.endswith("It said: No *** *** *** because")
    assert caught.value.retry_after == (7 if error.retryable else None)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'[{"error": {"message": "gone"}}]', "gone"),
        (b'{"error": "gone"}', "gone"),
        (b'{"detail": "gone"}', "gone"),
        (b'{"message": "gone"}', "gone"),
        (b"gone", "gone"),
        (b"<html>gone</html>", None),
        (b'{"error": {"message": 5}}', None),
        (b"\xff" + b"x" * 70000, "x" * 200),
        (b"", None),
    ],
)
async def test_the_providers_own_message(body, said):
    async with answering(body, 400) as made:
        with pytest.raises(ProviderRefused) as caught:
            await made.stream(prompt(), Sink())
    assert ("It said" in caught.value.message) == bool(said)
    assert (said or "") in caught.value.message
    assert len(caught.value.message) < 600


@pytest.mark.parametrize(
    ("about", "error"),
    [
        ({"message": "x", "code": 429}, ProviderRateLimited),
        ({"message": "x", "code": "503"}, ProviderUnreachable),
        ({"message": "x", "code": "rate_limit_exceeded"}, ProviderRateLimited),
        ({"message": "x", "type": "invalid_request_error"}, ProviderRefused),
        ({"message": "x", "type": "server_error"}, ProviderUnreachable),
        ("x", ProviderUnreachable),
    ],
)
async def test_an_error_within_the_stream(about, error):
    body = sse(delta(content="x"), {"error": about})
    async with answering(body) as made:
        sink = Sink()
        with pytest.raises(error, match="It said: x"):
            await made.stream(prompt(), sink)
        assert sink.text() == "x"
    whole = msgspec.json.encode({"error": about})
    async with answering(whole, headers="Content-Type: application/json") as made:
        with pytest.raises(error):
            await made.stream(prompt(), Sink())


def test_retry_after():
    assert parse_retry_after("120") == 120
    assert parse_retry_after(" 1.5 ") == 1.5
    assert 50 < parse_retry_after(email.utils.formatdate(time.time() + 60, usegmt=True)) <= 60
    assert parse_retry_after(email.utils.formatdate(0)) == 0
    for nonsense in (None, "", "soon", "-1", "nan", "inf", "1e9", "Mon, 99 Jan 2026 00:00:00 GMT", "٣"):
        assert parse_retry_after(nonsense) is None


# Any split, any bytes

EVENTS = [
    delta(role="assistant", content=""),
    delta(reasoning_content="hm… "),
    *(delta(content=word) for word in ("naïve", " 日本語", ' "q"', " \\", " 🎶\n\n", " end")),
    delta(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}]),
    delta("stop"),
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 9}},
    b"[DONE]",
]


def replies(pieces):
    sink = Sink()
    reply = Reply("acme", sink)
    for piece in pieces:
        reply.feed(piece)
    joined = []
    for kind, text in sink.put:
        if joined and joined[-1][0] == kind != "tool":
            joined[-1] = (kind, joined[-1][1] + text)
        else:
            joined.append((kind, text))
    return joined, reply.end()


@given(st.lists(st.integers(0, 2000), max_size=40), st.booleans())
def test_any_split_gives_the_same_reply(cuts, carriage):
    stream = sse(*EVENTS)
    if carriage:
        stream = stream.replace(b"\n", b"\r\n")
    places = [0, *sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]
    assert replies(stream[a:b] for a, b in pairwise(places)) == replies([stream])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "content", "usage", "error", "tool_calls", "finish_reason", "code"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
PIECE = st.one_of(st.binary(max_size=50), JSON.map(sse), st.sampled_from([*map(sse, EVENTS)]))


@settings(deadline=None)
@given(st.lists(PIECE, max_size=6), st.booleans())
def test_any_bytes_give_a_reply_or_a_provider_error(pieces, last):
    with contextlib.suppress(ProviderError):
        replies([*pieces, b"\n\ndata: [DONE]\n\n"] if last else pieces)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(PIECE, max_size=4),
    st.sampled_from([200, 400, 429, 500, 301]),
    st.sampled_from(["text/event-stream", "application/json", "x"]),
)
def test_any_answer_ends(pieces, status, kind):
    async def attempt():
        async with (
            answering(b"".join(pieces), status, f"Content-Type: {kind}") as made,
            asyncio.timeout(PATIENCE_S),
        ):
            with contextlib.suppress(ProviderError):
                await made.stream(prompt(), Sink())

    asyncio.run(attempt())
