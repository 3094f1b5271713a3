"""An outside workflow service of contract D, plugged in as a provider."""

import asyncio
import json
import random

import nats
import pytest

from backends.services import need
from patience import PATIENCE_S
from serving import Client, ServerProcess

TOML = """
[providers.flow]
kind = "workflow"
missing_chunk_timeout = 1.0

[bots.flow]
model = "flow/workflow"
"""
WORDS = [f"word{n} " for n in range(30)]


class Workflow:
    """A service as that contract knows them: answers on the subject of the session, disordered, repeating."""

    def __init__(self, client, *, forget=None):
        self.client = client
        self.forget = forget
        self.requests = []

    async def serve(self):
        await self.client.subscribe("chat.workflow.execute.*", cb=self.execute)
        await self.client.flush()

    async def execute(self, message):
        request = json.loads(message.data)
        self.requests.append(request)
        chunks = [self.chunk(request, n, word) for n, word in enumerate(WORDS)]
        chunks.append(self.chunk(request, len(WORDS), "", is_final=True))
        chunks = [c for c in chunks if c["chunk_id"] != self.forget]
        dice = random.Random(5)
        sent = chunks + dice.sample(chunks, 10)
        dice.shuffle(sent)
        for chunk in sent:
            subject = f"chat.session.{request['session_id']}.broadcast"
            await self.client.publish(subject, json.dumps(chunk).encode())

    @staticmethod
    def chunk(request, n, text, is_final=False):
        return {
            "session_id": request["session_id"],
            "message_id": request["message_id"],
            "correlation_id": request["correlation_id"],
            "chunk_id": n,
            "chunk": text,
            "chunk_type": "content",
            "is_final": is_final,
            "metadata": {"finish_reason": "stop", "tokens_used": n} if is_final else {},
        }


@pytest.fixture
async def server(tmp_path):
    async with ServerProcess(tmp_path, TOML, NATS_URL=need("NATS_URL"), ANTIPHON_CHUNK_LOG="sqlite") as made:
        yield made


@pytest.fixture
async def broker():
    client = await nats.connect(need("NATS_URL"))
    yield client
    await client.close()


async def ask(client):
    turn = await client.send(await client.session(), "Do something", bot="flow")
    async with asyncio.timeout(PATIENCE_S):
        return await client.follow(turn["id"])


async def test_chunks_out_of_order_and_repeated_make_one_whole_reply(server, broker):
    workflow = Workflow(broker)
    await workflow.serve()
    async with Client(server.url) as client:
        reply = await ask(client)
    assert reply.text == "".join(WORDS)
    assert (reply.end["state"], reply.end["usage"]["completion_tokens"]) == ("complete", 30)
    (request,) = workflow.requests
    assert request["message"] == "Do something"


async def test_a_chunk_that_never_comes_fails_the_reply_and_is_named(server, broker):
    await Workflow(broker, forget=7).serve()
    async with Client(server.url) as client:
        reply = await ask(client)
    assert reply.text == "".join(WORDS[:7])
    assert reply.end["state"] == "failed"
    assert "7" in reply.end["error"]["message"]


async def test_without_a_service_the_reply_says_so(server):
    async with Client(server.url) as client:
        reply = await ask(client)
        assert (await client.call("GET", "/health"))["nats_connected"]
    assert reply.end["error"]["code"] == "provider_unreachable"
