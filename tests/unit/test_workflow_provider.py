"""Workflow services behind NATS, played by the test: well-behaved, disorderly and hostile ones."""

import asyncio
import json
import random
import secrets
import time

import nats
import pytest

from antiphon.connections.nats import NatsConnection
from antiphon.errors import ProviderError, ProviderGarbled, ProviderTimeout, ProviderUnreachable
from antiphon.model import Usage
from antiphon.providers.port import Prompt, PromptMessage
from antiphon.providers.workflow import WorkflowProvider
from antiphon.providers.workflow_reply import MAX_AHEAD, Patience, WorkflowChunk, WorkflowReply
from backends.services import need
from patience import PATIENCE_S


class Sink:
    def __init__(self, room=1 << 30):
        self.text, self.thoughts, self.room, self.resume = "", "", room, None

    def content(self, text):
        self.text += text
        return len(self.text) < self.room

    def reasoning(self, text):
        self.thoughts += text
        return True

    def on_drain(self, resume):
        self.resume = resume


class Service:
    """Collects requests of one session; ``chunk`` makes what spec 4 sends."""

    def __init__(self, client, session):
        self.client, self.session = client, session
        self.requests, self.cancelled = asyncio.Queue(), asyncio.Queue()

    async def serve(self):
        await self.client.subscribe(f"chat.workflow.execute.{self.session}", cb=self._asked(self.requests))
        await self.client.subscribe(f"chat.workflow.cancel.{self.session}", cb=self._asked(self.cancelled))
        await self.client.flush()

    def _asked(self, queue):
        async def put(message):
            queue.put_nowait(json.loads(message.data))

        return put

    @staticmethod
    def chunk(request, number, text="", **more):
        ids = {key: request[key] for key in ("session_id", "message_id", "correlation_id")}
        return {
            **ids,
            "chunk_id": number,
            "chunk": text,
            "chunk_type": "content",
            "is_final": False,
            "metadata": {},
            "timestamp": "2026-11-21T00:00:00Z",
            **more,
        }

    def reply(self, request, words):
        chunks = [self.chunk(request, n, word) for n, word in enumerate(words)]
        end = {"model": "m", "tokens_used": 7, "finish_reason": "length"}
        return [*chunks, self.chunk(request, len(words), is_final=True, metadata=end)]

    async def send(self, request, chunks, on=None):
        for chunk in chunks:
            data = chunk if isinstance(chunk, bytes) else json.dumps(chunk).encode()
            await self.client.publish(on or request["response_subject"], data)
        await self.client.flush()


@pytest.fixture
async def client():
    client = await nats.connect(need("NATS_URL"))
    yield client
    await client.close()


@pytest.fixture
async def make():
    connection = NatsConnection(need("NATS_URL"))
    made = []

    def build(**settings):
        made.append(WorkflowProvider(connection, f"pod-{secrets.token_hex(4)}", **settings))
        return made[-1]

    yield build
    for provider in made:
        await provider.close()
    await connection.close()


@pytest.fixture
async def service(client):
    service = Service(client, f"s-{secrets.token_hex(6)}")
    await service.serve()
    return service


def prompt(session, **more):
    messages = [
        PromptMessage(role="user", content="first"),
        PromptMessage(role="assistant", content="yes?"),
        PromptMessage(role="user", content="last"),
    ]
    ids = {"session_id": session, "turn_id": f"turn-{session}", "reply_id": f"msg-{session}"} | more
    return Prompt(model="workflow", messages=messages, params={"temperature": 0}, **ids)


async def started(provider, service, sink, **more):
    task = asyncio.create_task(provider.stream(prompt(service.session, **more), sink))
    async with asyncio.timeout(PATIENCE_S):
        return task, await service.requests.get()


WORDS = [f"{n} é🎼 " for n in range(40)]


async def test_a_request_says_all_and_chunks_in_order_make_the_reply(make, service):
    sink = Sink()
    task, request = await started(make(), service, sink)
    assert request["session_id"] == service.session
    assert request["correlation_id"] == f"turn-{service.session}"
    assert request["message_id"] == f"msg-{service.session}"
    assert (request["message"], request["model"], request["params"]) == (
        "last",
        "workflow",
        {"temperature": 0},
    )
    assert request["messages"][1] == {"role": "assistant", "content": "yes?"}
    assert request["response_subject"] == f"chat.pod.{request['pod_id']}.response"
    await service.send(request, service.reply(request, WORDS))
    finish = await task
    assert (finish.reason, finish.usage) == ("length", Usage(prompt_tokens=0, completion_tokens=7))
    assert sink.text == "".join(WORDS)


@pytest.mark.parametrize("on", ["own", "pod", "broadcast"])
async def test_any_order_and_any_number_of_times(make, service, on):
    provider = make()
    sink = Sink()
    task, request = await started(provider, service, sink)
    subject = {
        "own": None,
        "pod": f"chat.pod.{provider._pod}.response",
        "broadcast": f"chat.session.{service.session}.broadcast",
    }[on]
    chunks = service.reply(request, WORDS) * 3
    random.Random(on).shuffle(chunks)
    await service.send(request, chunks, subject)
    assert (await task).reason == "length"
    assert sink.text == "".join(WORDS)


async def test_reasoning_is_told_apart_and_system_chunks_are_not_shown(make, service):
    sink = Sink()
    task, request = await started(make(), service, sink)
    await service.send(
        request,
        [
            service.chunk(request, 0, "starting", chunk_type="system"),
            service.chunk(request, 1, chunk_type="metadata", metadata={"reasoning": "hm "}),
            service.chunk(request, 2, "well", chunk_type="metadata", metadata={"reasoning": True}),
            service.chunk(request, 3, "x", chunk_type="metadata", metadata={"progress": 1}),
            service.chunk(request, 4, "text", is_final=True),
        ],
    )
    finish = await task
    assert (sink.text, sink.thoughts, finish.reason, finish.usage) == ("text", "hm well", "stop", None)


async def test_a_missing_chunk_fails_the_reply_by_name_and_is_not_tried_again(make, service):
    sink = Sink()
    task, request = await started(make(missing_chunk_timeout=0.3), service, sink)
    chunks = service.reply(request, WORDS)
    del chunks[5]
    began = time.monotonic()
    await service.send(request, chunks)
    with pytest.raises(ProviderTimeout, match=r"chunk 5 within 0\.3 s") as caught:
        await task
    assert 0.25 < time.monotonic() - began < 10
    assert not caught.value.retryable
    assert sink.text == "".join(WORDS[:5])
    async with asyncio.timeout(PATIENCE_S):
        assert (await service.cancelled.get())["execution_id"] == request["execution_id"]


async def test_a_chunk_that_comes_late_but_in_time_is_waited_for(make, service):
    sink = Sink()
    task, request = await started(make(missing_chunk_timeout=2), service, sink)
    first, *others = service.reply(request, WORDS)
    await service.send(request, others)
    await asyncio.sleep(0.3)
    assert sink.text == ""
    await service.send(request, [first])
    await task
    assert sink.text == "".join(WORDS)


async def test_silence_ends_in_a_timeout(make, service):
    task, request = await started(make(first_chunk_timeout=0.2, idle_timeout=0.4), service, Sink())
    with pytest.raises(ProviderTimeout, match="sent nothing"):
        await task
    task, request = await started(make(first_chunk_timeout=5, idle_timeout=0.2), service, Sink())
    await service.send(request, [service.chunk(request, 0, "x")])
    with pytest.raises(ProviderTimeout, match="no chunk after 0"):
        await task


async def test_an_error_chunk_fails_the_reply_with_its_words(make, service):
    task, request = await started(make(), service, Sink())
    await service.send(request, [service.chunk(request, 0, "the tool broke.", chunk_type="error")])
    with pytest.raises(ProviderError, match=r"failed: the tool broke\.$"):
        await task


async def test_garbage_changes_nothing(make, service):
    provider = make()
    sink = Sink()
    task, request = await started(provider, service, sink)
    good = service.reply(request, WORDS)
    odd = [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"chunk_id": 1e400}',
        service.chunk(request, "0", "evil"),
        service.chunk(request, None, "evil"),
        service.chunk(request, -1, "evil"),
        service.chunk(request, 1 << 80, "evil"),
        service.chunk(request, MAX_AHEAD, "evil"),
        service.chunk(request, 0, ["evil"]),
        service.chunk(request, 0, "evil", is_final="yes"),
        service.chunk(request, 0, "evil", metadata=[1]),
        service.chunk(request, 0, "evil", metadata={"execution_id": "another"}),
        {"stream": "a stream that listens too", "seq": 1},
    ]
    shared = [
        service.chunk(request, 0, "evil", message_id="another"),
        service.chunk(request, 0, "evil", correlation_id="another"),
        service.chunk(request, 0, "evil", message_id="", correlation_id=""),
    ]
    for subject in (None, f"chat.pod.{provider._pod}.response"):
        await service.send(request, odd, subject)
    await service.send(request, shared, f"chat.session.{service.session}.broadcast")
    await service.send(request, good)
    end = await task
    assert end.reason == "length"
    assert sink.text == "".join(WORDS)


async def test_where_nobody_serves_it_is_told_at_once(make):
    began = time.monotonic()
    with pytest.raises(ProviderUnreachable, match="nobody listens"):
        await make().stream(prompt(f"nobody-{secrets.token_hex(4)}"), Sink())
    assert time.monotonic() - began < 10


async def test_a_nats_that_is_away_is_unreachable():
    connection = NatsConnection("nats://user:secret@127.0.0.1:1")
    provider = WorkflowProvider(connection, "pod")
    with pytest.raises(ProviderUnreachable) as caught:
        await provider.stream(prompt("s"), Sink())
    assert caught.value.retryable
    assert "secret" not in caught.value.message
    await connection.close()


async def test_two_replies_of_a_session_do_not_mix(make, service):
    provider = make()
    sinks = Sink(), Sink()
    tasks, requests = [], []
    for n, sink in enumerate(sinks):
        task, request = await started(provider, service, sink, turn_id=f"t{n}", reply_id=f"m{n}")
        tasks.append(task)
        requests.append(request)
    both = [service.reply(request, [f"{n}:{word}" for word in WORDS]) for n, request in enumerate(requests)]
    mixed = [chunk for pair in zip(*both, strict=True) for chunk in pair]
    await service.send(requests[0], mixed, f"chat.session.{service.session}.broadcast")
    await asyncio.gather(*tasks)
    for n, sink in enumerate(sinks):
        assert sink.text == "".join(f"{n}:{word}" for word in WORDS)


@pytest.mark.parametrize("again", ["same process", "taken over"])
async def test_chunks_of_an_earlier_execution_stay_out(make, service, again):
    first = make()
    task, old = await started(first, service, Sink())
    await service.send(old, service.reply(old, ["old "] * 40)[:10])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    sink = Sink()
    if again == "same process":
        task, new = await started(first, service, sink)
    else:
        task, new = await started(make(), service, sink, epoch=2)
    assert new["message_id"] == old["message_id"]
    assert new["correlation_id"] != old["correlation_id"]
    late = service.reply(old, ["old "] * 40)[10:]
    await service.send(old, late)
    for on in (f"chat.session.{service.session}.broadcast", f"chat.pod.{first._pod}.response"):
        await service.send(old, late, on)
    await service.send(new, service.reply(new, WORDS))
    await task
    assert sink.text == "".join(WORDS)


async def test_a_stopped_reply_is_told_to_the_service(make, service):
    provider = make()
    task, request = await started(provider, service, Sink())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(PATIENCE_S):
        told = await service.cancelled.get()
    assert told["execution_id"] == request["execution_id"]
    assert not provider._running
    assert not provider._by_id


async def test_a_session_id_with_subject_characters_is_encoded(make, client):
    service = Service(client, "a%2Eb%2A%3E%25c")
    await service.serve()
    sink = Sink()
    task = asyncio.create_task(make().stream(prompt("a.b*>%c"), sink))
    async with asyncio.timeout(PATIENCE_S):
        request = await service.requests.get()
    assert request["session_id"] == "a.b*>%c"
    await service.send(request, service.reply(request, ["x"]))
    await task
    assert sink.text == "x"


async def test_a_stateless_call_needs_no_ids(make, client):
    service = Service(client, "*")
    await service.serve()
    task = asyncio.create_task(make().stream(Prompt(model="workflow", messages=[]), Sink()))
    async with asyncio.timeout(PATIENCE_S):
        while (request := await service.requests.get())["messages"]:
            pass  # of another test
    await service.send(request, service.reply(request, []))
    assert (await task).reason == "length"


async def test_a_reader_that_is_full_is_waited_for():
    sink = Sink(room=3)
    reply = WorkflowReply("flow", sink, Patience(1, 1, 1))
    for n in range(5):
        reply.take(WorkflowChunk(chunk_id=n, chunk="ab", is_final=n == 4), 2)
    assert sink.text == "abab"
    sink.room = 100
    sink.resume()
    assert sink.text == "ab" * 5
    assert (await reply.whole()).reason == "stop"


async def test_what_may_wait_for_a_missing_chunk_is_bounded():
    reply = WorkflowReply("flow", Sink(), Patience(9, 9, 9))
    for n in range(1, 100):
        reply.take(WorkflowChunk(chunk_id=n, chunk="x"), 100_000)
    with pytest.raises(ProviderGarbled, match="8 MiB while chunk 0 is missing"):
        await reply.whole()
