"""Contract F: what needs no server to be told."""

import asyncio

import msgspec
import pytest

from antiphon.dialects.openai.chat_events import ChatEvents, completion, usage
from antiphon.dialects.openai.chat_request import Chat
from antiphon.dialects.openai.errors import ModelNotFound, of_error, of_fault
from antiphon.dialects.openai.legacy import modernised, old_message
from antiphon.engine.catalogue import Catalogue
from antiphon.engine.embedding import AT_ONCE, WAITING, Embedding
from antiphon.engine.rates import Rates
from antiphon.engine.whole import Whole
from antiphon.errors import Conflict, LogLost, NotFound, Overloaded, RateLimited, StoreUnavailable, TooLarge
from antiphon.model import Chunk, End, Fault, Principal, Usage
from antiphon.providers.port import Embeddings, PromptMessage
from openai_schema import validate
from stored import running_turn

TURN = running_turn(id="turn_1", session_id="", reply_id="msg_1", created_at=1_700_000_000_123)


def chat(**changes):
    messages = [PromptMessage(role="user", content="x" * 40)]
    fields = {"model": 'a"b', "stream": True, "include_usage": False, "legacy": False, "params": {}}
    return Chat(messages=messages, **{**fields, **changes})


def ended(**changes):
    return End(
        **{"state": "complete", "finish_reason": "stop", "model": "m", "message_id": "msg_1", **changes}
    )


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (NotFound("x"), 404, "invalid_request_error", "not_found"),
        (ModelNotFound("x"), 404, "invalid_request_error", "model_not_found"),
        (Conflict("x"), 409, "invalid_request_error", "conflict"),
        (TooLarge("x"), 413, "invalid_request_error", "too_large"),
        (RateLimited("x", retry_after=2.4), 429, "rate_limit_error", "rate_limit_exceeded"),
        (Overloaded("x", retry_after=1), 503, "server_error", "overloaded"),
        (StoreUnavailable("x"), 503, "server_error", "store_unavailable"),
        (LogLost("x"), 500, "server_error", "log_lost"),
    ],
)
def test_an_error_has_openais_type_and_its_own_code(error, status, kind, code):
    told = of_error(error)
    validate("ErrorResponse", told.body())
    assert (told.status, told.type, told.code) == (status, kind, code)
    assert told.headers().get("retry-after") == (
        None if error.retry_after is None else str(round(error.retry_after))
    )


@pytest.mark.parametrize(
    ("provider_status", "status", "again"),
    [
        (400, 400, True),
        (404, 404, True),
        (422, 422, True),
        (401, 502, False),
        (403, 502, False),
        (None, 502, False),
    ],
)
def test_a_refusal_blames_whom_the_provider_blames(provider_status, status, again):
    told = of_fault(Fault(code="provider_refused", message="no", provider_status=provider_status))
    assert (told.status, "x-should-retry" not in told.headers()) == (status, again)


def test_a_code_that_is_not_known_is_the_servers_fault():
    told = of_fault(Fault(code="from_another_release", message="x"))
    assert (told.status, told.type) == (500, "server_error")


def test_every_kind_of_chunk_is_one_event_a_client_can_read():
    events = ChatEvents(TURN, chat(include_usage=True))
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    end = ended(usage=Usage(prompt_tokens=1, completion_tokens=2), tool_calls=calls)
    chunks = [
        Chunk("reasoning", "hm"),
        Chunk("content", 'line\nbreak "quoted" \u2028'),
        Chunk("tool", msgspec.json.encode(calls).decode()),
        Chunk("seam", "{}"),
        Chunk("end", msgspec.json.encode(end).decode()),
    ]
    raw = events.begin(TURN) + events.chunks(TURN, 0, chunks, "")
    *told, last, nothing = raw.split(b"\n\n")
    assert (last, nothing) == (b"data: [DONE]", b"")
    read = [msgspec.json.decode(each.removeprefix(b"data: ")) for each in told]
    for each in read:
        validate("CreateChatCompletionStreamResponse", each)
        assert (each["id"], each["created"], each["model"]) == ("chatcmpl-1", 1_700_000_000, 'a"b')
    assert [each["choices"][0]["delta"] for each in read[:-1]] == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "hm"},
        {"content": 'line\nbreak "quoted" \u2028'},
        {"tool_calls": [{**calls[0], "index": 0}]},
        {},
    ]
    assert read[-1]["usage"]["total_tokens"] == 3


def test_tokens_that_nobody_counted_are_estimated():
    counted = usage(Usage(prompt_tokens=0, completion_tokens=5, estimated=True), chat())
    assert counted == {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
    assert usage(Usage(prompt_tokens=0, completion_tokens=5), chat())["prompt_tokens"] == 0


def test_a_stopped_or_empty_reply_is_a_completion_too():
    reply = Whole([], "", ended(finish_reason="stopped", state="stopped"))
    made = validate("CreateChatCompletionResponse", completion(TURN, chat(), reply))
    assert made["choices"][0]["message"]["content"] == ""
    assert made["choices"][0]["finish_reason"] == "stop"


def test_a_second_call_has_no_room_in_the_old_form():
    calls = [{"index": 1, "function": {"arguments": "x"}}]
    assert old_message({"tool_calls": calls}) == {}


def test_what_names_no_function_is_left_as_it_is():
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [1]}
    assert modernised(body) == (body, False)


class Slow:
    """A provider that embeds when it is told to."""

    def __init__(self):
        self.go = asyncio.Event()
        self.running = 0

    async def embed(self, model, texts, params):
        self.running += 1
        await self.go.wait()
        return Embeddings(data=msgspec.Raw(b"[]"), prompt_tokens=0)


class Free:
    async def hit(self, kind, key):
        return None


async def test_embeddings_under_way_are_bounded():
    slow = Slow()
    embedding = Embedding(Catalogue({}, {"slow": slow}, default_bot="", cache=None), Rates(Free()))

    def ask():
        return embedding.embed(Principal("p"), "slow/m", "x", {}, address=None)

    waiting = [asyncio.create_task(ask()) for _ in range(AT_ONCE + WAITING)]
    await asyncio.sleep(0.01)
    assert slow.running == AT_ONCE
    with pytest.raises(Overloaded):
        await ask()
    waiting.pop().cancel()  # who hangs up leaves the queue
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(ask()))
    slow.go.set()
    assert [made.prompt_tokens for made in await asyncio.gather(*waiting)] == [0] * (AT_ONCE + WAITING)
