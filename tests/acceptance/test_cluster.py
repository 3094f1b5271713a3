"""Three pods behind nginx, as ``make cluster`` starts them: the promise without sticky sessions."""

import asyncio
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from antiphon.testing.model_server import expected_text
from other_programs import CI, lacking
from patience import PATIENCE_S
from ports import free_port
from serving import Client, Reply, events

DEPLOY = Path(__file__).parents[2] / "deploy"
MOVING = "test/test-100-30-0"


def script(name, folder, *action):
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("ANTIPHON_", "OPENAI_", "OLLAMA_"))
    }
    for own in ("POSTGRES_URL", "DATABASE_URL", "REDIS_URL", "NATS_URL"):
        environment.pop(own, None)
    may_install = [] if CI else ["--no-install"]
    return subprocess.run(
        [sys.executable, DEPLOY / name, "--folder", folder, *may_install, *action],
        env=environment | {"ANTIPHON_RATE_LIMITS": "off"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        self.url = ""

    def do(self, *action):
        done = script("cluster/cluster.py", self.folder, *map(str, action))
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def ports(self):
        return json.loads((self.folder / ".cluster" / "state.json").read_text())["ports"]

    async def told(self, number):
        """Return what a pod itself says of its health."""
        async with aiohttp.request("GET", f"http://127.0.0.1:{self.ports[f'pod-{number}']}/health") as answer:
            return await answer.json()

    async def busy(self, what):
        """Return the pod that has something under way, once there is exactly one."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = [number for number in (1, 2, 3) if (await self.told(number))[what]]
                if len(found) == 1:
                    return found[0]
                await asyncio.sleep(0.02)

    @property
    def said(self):
        folder = self.folder / ".cluster" / "nginx"
        return (folder / "access").read_text() + (folder / "errors").read_text()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster with servers of its own."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    port = free_port()
    made.url = f"http://127.0.0.1:{port}"
    try:
        started = script(
            "cluster/cluster.py",
            made.folder,
            "up",
            "--detach",
            "--test-model",
            "--limits",
            "--port",
            str(port),
        )
        if started.returncode and "is missing" in started.stderr:
            lacking(f"{started.stderr.strip()} (make cluster)")
        assert started.returncode == 0, started.stderr
        assert f"open {made.url}/" in started.stdout
        yield made
    finally:
        script("cluster/cluster.py", made.folder, "down")
        script("services/services.py", made.folder, "down", "--purge")


@pytest.fixture
async def client(cluster):
    async with Client(cluster.url) as made:
        yield made


async def read(client, turn):
    """Read a reply to its end as a reader does: coming back with the cursor whenever it was sent away."""
    reply = Reply()
    async with asyncio.timeout(PATIENCE_S):
        while reply.end is None:
            try:
                await client.follow(turn["id"], reply)
            except (aiohttp.ClientError, ConnectionError):
                await asyncio.sleep(0.05)
    return reply


async def stored(client, turn):
    return (await client.call("GET", f"/api/messages/{turn['message_id']}"))["content"]


async def test_a_reply_streams_through_and_is_resumed_on_another_connection(client):
    session = await client.session()
    turn = await client.send(session, "hello", model=MOVING)
    reply = await client.follow(turn["id"], most=1)
    # Not held back: the reply had begun to arrive while most of it was still to come.
    assert (await client.call("GET", f"/api/turns/{turn['id']}"))["state"] == "running"
    await client.follow(turn["id"], reply, most=5)
    assert reply.next == 6
    await client.follow(turn["id"], reply)
    assert reply.text == await stored(client, turn) == expected_text("hello", 100)


async def test_submit_and_subscribe(cluster, client):
    query = {"session_id": "board-1", "user_id": "ann"}
    seen, cursor = [], None
    async with client.http.get(f"{cluster.url}/api/sse", params=query) as stream:
        body = {**query, "message": "hello", "model": MOVING}
        accepted = await client.call("POST", "/api/chat", 202, json=body)
        async for event in events(stream):
            if event.name == "chunk":
                seen.append(event.data)
                cursor = event.id
            if len(seen) == 10:
                break
    headers = {"Last-Event-ID": cursor}
    async with client.http.get(f"{cluster.url}/api/sse", params=query, headers=headers) as stream:
        async for event in events(stream):
            if event.name == "chunk":
                seen.append(event.data)
            if event.name == "message_complete":
                break
    assert [chunk["chunk_id"] for chunk in seen] == list(range(len(seen)))
    assert {chunk["message_id"] for chunk in seen} == {accepted["message_id"]}
    assert "".join(chunk["chunk"] for chunk in seen) == expected_text("hello", 100)


@pytest.mark.chaos
@pytest.mark.parametrize("victim", ["active_connections", "active_buffers"], ids=["serves", "runs"])
async def test_a_pod_is_killed_in_mid_reply(cluster, client, victim):
    session = await client.session()
    turn = await client.send(session, victim, model="test/test-100-50-0")
    reading = asyncio.create_task(read(client, turn))
    number = await cluster.busy(victim)
    await asyncio.to_thread(cluster.do, "kill", number)
    assert "does not run" in await asyncio.to_thread(cluster.do, "status")
    reply = await reading
    assert reply.text == await stored(client, turn) == expected_text(victim, 100)
    assert reply.message_ids == {turn["message_id"]}
    await asyncio.to_thread(cluster.do, "start", number)


async def repeated(client, status, path, body):
    """Post as the page does: what is safe to repeat, once more where a pod leaves or left meanwhile."""
    while True:
        async with client.http.post(client.url + path, json=body) as answer:
            if answer.status == status:
                return await answer.json()
            assert answer.status == 503, await answer.text()
            assert answer.headers["Retry-After"] == "1"


@pytest.mark.chaos
async def test_a_rolling_restart_breaks_nothing(cluster, client):
    before = {(await cluster.told(number))["pod_id"] for number in (1, 2, 3)}
    turns = [
        await client.send(await client.session(), f"roll {n}", model="test/test-150-100-0") for n in range(6)
    ]
    reading = [asyncio.create_task(read(client, turn)) for turn in turns]
    rolling = asyncio.create_task(asyncio.to_thread(cluster.do, "roll"))
    sent = []
    while not rolling.done():
        key = f"key-{len(sent)}"
        await repeated(client, 201, "/api/sessions", {"id": f"rolled-{key}"})
        body = {"text": key, "model": "test/test-20-0-0", "idempotency_key": key}
        sent.append((await repeated(client, 202, f"/api/sessions/rolled-{key}/messages", body))["turn"])
        await asyncio.sleep(0.05)
    said = await rolling
    assert said.count("back after") == 3
    assert "killed" not in said
    replies = await asyncio.gather(*reading)
    for n, (turn, reply) in enumerate(zip(turns, replies, strict=True)):
        assert reply.text == await stored(client, turn) == expected_text(f"roll {n}", 150)
    assert [(await read(client, turn)).text for turn in sent] == [
        expected_text(f"key-{n}", 20) for n in range(len(sent))
    ]
    after = {(await cluster.told(number))["pod_id"] for number in (1, 2, 3)}
    assert not before & after


async def test_a_body_over_the_limit(cluster, client):
    text = "x" * 1_100_000
    for path in ("/api/chat", "/api/sessions/s/messages"):
        for data in (io.BytesIO(text.encode()), chunked(text)):
            headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
            async with client.http.post(cluster.url + path, data=data, headers=headers) as answer:
                assert answer.status == 413
                told = await answer.json()
                assert told["status"] == 413
                assert told["code"] == "too_large"
                assert "Send less" in told["detail"] == told["error"]


async def test_a_conversation_as_a_file_may_be_larger(cluster, client):
    then, parent, messages = "2020-01-01T00:00:00Z", None, []
    for n in range(40):
        role = "assistant" if n % 2 else "user"
        messages.append(
            {"id": f"m{n}", "role": role, "content": "x" * 90_000, "parent_id": parent, "created_at": then}
        )
        parent = f"m{n}"
    file = {"format": "antiphon.session", "version": 1, "session": {"created_at": then}, "messages": messages}
    data, headers = io.BytesIO(json.dumps(file).encode()), {"Content-Type": "application/json"}
    made = await client.call("POST", "/api/sessions/import", 201, data=data, headers=headers)
    exported = await client.call("GET", f"/api/sessions/{made['id']}/export")
    assert [m["content"] for m in exported["messages"]] == ["x" * 90_000] * 40


async def chunked(text):
    yield text.encode()


async def test_what_nginx_writes_holds_no_query(cluster, client):
    query = {"user_id": "secret-user", "cursor": "1.999999"}
    async with client.http.get(f"{cluster.url}/api/turns/t-1/events", params=query) as answer:
        assert answer.status == 404
    assert "/api/turns/t-1/events" in cluster.said
    for secret in ("secret-user", "user_id", "1.999999"):
        assert secret not in cluster.said


async def test_headers_reach_both_sides(cluster, client):
    async with client.http.get(f"{cluster.url}/api/bots") as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
    async with client.http.get(f"{cluster.url}/") as page:
        assert page.headers.getall("X-Frame-Options") == ["DENY"]
        assert page.headers.getall("Referrer-Policy") == ["no-referrer"]
    async with client.http.options(f"{cluster.url}/api/bots") as answer:
        assert answer.headers["Content-Type"] == "application/problem+json"  # the pod's, not nginx's
    async with client.http.get(f"{cluster.url}/api/bots", headers={"Host": "evil.example"}) as answer:
        assert answer.status == 400
    async with client.http.get(f"{cluster.url}/nginx-health") as answer:
        assert await answer.text() == "ok\n"


async def test_a_flood_from_one_address_is_bounded(cluster, client):
    """The last one: afterwards the address has to wait."""

    async def ask():
        async with client.http.get(f"{cluster.url}/api/bots") as answer:
            return answer.status, answer.headers.get("Retry-After"), await answer.json()

    answers = await asyncio.gather(*(ask() for _ in range(1200)))
    refused = [answer for answer in answers if answer[0] == 429]
    assert 0 < len(refused) < 1200
    assert {status for status, _, _ in answers} == {200, 429}
    assert {(after, told["code"]) for _, after, told in refused} == {("1", "rate_limited")}
    async with asyncio.timeout(PATIENCE_S):
        while (await ask())[0] == 429:
            await asyncio.sleep(0.1)


# nginx's own part, with pods that break off


class Pods:
    """Two pods. The first request that any of them gets is broken off after it was read; later ones work."""

    def __init__(self):
        self.requests = []

    async def answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        if length:
            await reader.readexactly(int(length[0].split(b":")[1]))
        path = head.split(b" ")[1].decode()
        if path != "/nginx-health":
            self.requests.append(path)
        if len(self.requests) > 1:
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()


@pytest.mark.parametrize(
    ("method", "path", "key", "goes_on"),
    [
        ("GET", "/api/bots", None, True),
        ("GET", "/api/sse", None, True),
        ("POST", "/api/chat", "k-1", True),
        ("POST", "/api/sessions/s/messages", "k-1", True),
        ("POST", "/api/turns/t/regenerate", "k-1", True),
        ("POST", "/api/turns/t/cancel", None, True),
        ("POST", "/v1/responses", "k-1", True),
        ("POST", "/v1/responses/r/cancel", None, True),
        ("POST", "/v1/responses", None, False),
        ("POST", "/v1/chat/completions", "k-1", False),  # nothing is kept of it
        ("POST", "/api/chat", None, False),
        ("POST", "/api/sessions/s/messages", None, False),
        ("POST", "/api/sessions", "k-1", False),  # has no use for a key
        ("POST", "/api/sessions", "k /api/chat", False),  # a key that would be a path
    ],
)
async def test_only_what_may_be_repeated_goes_to_another_pod(
    tmp_path, monkeypatch, method, path, key, goes_on
):
    monkeypatch.syspath_prepend(str(DEPLOY / "services"))
    monkeypatch.syspath_prepend(str(DEPLOY / "cluster"))
    from members import Nginx
    from programs import ServiceError

    pods = Pods()
    servers = [await asyncio.start_server(pods.answer, "127.0.0.1", 0) for _ in range(2)]
    nginx = Nginx("nginx", tmp_path, free_port(), None)
    nginx.pods = [server.sockets[0].getsockname()[1] for server in servers]
    try:
        nginx.program = nginx.find(install=CI)
    except ServiceError as failure:
        lacking(str(failure))
    try:
        nginx.launch()
        await asyncio.to_thread(nginx.wait)
        headers = {"Idempotency-Key": key} if key else {}
        body = {"json": {"text": "hello"}} if method == "POST" else {}
        async with aiohttp.request(method, nginx.url + path, headers=headers, **body) as answer:
            status, told = answer.status, await answer.text()
    finally:
        await asyncio.to_thread(nginx.end)
        for server in servers:
            server.close()
    assert pods.requests == [path] * (2 if goes_on else 1)
    assert status == (202 if goes_on else 503)
    if not goes_on:
        assert json.loads(told)["code"] == "unreachable"
        assert "Idempotency-Key" in json.loads(told)["detail"]
