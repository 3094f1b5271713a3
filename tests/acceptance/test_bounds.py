"""Every bound has a number, a setting, and an error that says what to do."""

import asyncio

from serving import Client, ServerProcess, model_toml

LONG = "test/test-2000-20-0"


async def test_rate_limits(tmp_path):
    limits = {
        "ANTIPHON_RATE_LIMITS": "on",
        "ANTIPHON_RATE_SESSION": "3/minute",
        "ANTIPHON_RATE_USER": "5/minute",
        "ANTIPHON_RATE_ADDRESS": "7/minute",
    }
    async with ServerProcess(tmp_path, **limits) as server, Client(server.url) as ann:
        s, t = await ann.session(), await ann.session()

        async def send(client, session, status):
            url = f"{client.url}/api/sessions/{session}/messages"
            async with client.http.post(url, json={"text": "x", "bot": "echo"}) as response:
                body = await response.json(content_type=None)
                assert response.status == status, body
                return response, body

        for _ in range(3):
            await send(ann, s, 202)
            await asyncio.sleep(0.1)
        response, body = await send(ann, s, 429)
        assert body["code"] == "rate_limited"
        assert 0 < int(response.headers["Retry-After"]) <= 61
        assert "session" in body["detail"]
        for _ in range(2):
            await send(ann, t, 202)
        _, body = await send(ann, t, 429)
        assert "user" in body["detail"]
        assert len(await ann.messages(s)) == 6
        async with Client(server.url, "bob") as bob:
            u = await bob.session()
            for _ in range(2):
                await send(bob, u, 202)
            _, body = await send(bob, u, 429)
            assert "address" in body["detail"]


async def test_turns_a_session_and_a_process(tmp_path, model):
    limits = {"ANTIPHON_MAX_RUNNING_TURNS": "3", "ANTIPHON_MAX_RUNNING_TURNS_A_SESSION": "2"}
    limits["ANTIPHON_MAX_QUEUED_TURNS"] = "0"
    async with (
        ServerProcess(tmp_path, model_toml(model.port), **limits) as server,
        Client(server.url) as client,
    ):
        s, t = await client.session(), await client.session()
        await client.send(s, "1", model=LONG)
        turn = await client.send(s, "2", model=LONG)
        body = {"text": "3", "model": LONG}
        answer = await client.call("POST", f"/api/sessions/{s}/messages", 429, json=body)
        assert "under way" in answer["detail"]
        await client.send(t, "3", model=LONG)
        answer = await client.call("POST", f"/api/sessions/{t}/messages", 503, json=body)
        assert (answer["code"], answer["retry_after"]) == ("overloaded", 2)
        await client.call("POST", f"/api/turns/{turn['id']}/cancel", 202)
        await client.follow(turn["id"])
        await client.send(s, "again", bot="echo")


async def test_length_and_chunks_of_a_reply(tmp_path, model):
    limits = {"ANTIPHON_MAX_REPLY_CHARS": "300"}
    async with (
        ServerProcess(tmp_path, model_toml(model.port), **limits) as server,
        Client(server.url) as client,
    ):
        session = await client.session()
        turn = await client.send(session, "x", model="test/test-500-2-0")
        reply = await client.follow(turn["id"])
        assert (reply.end["state"], reply.end["error"]["code"]) == ("failed", "too_large")
        _, stored = await client.messages(session)
        assert stored["content"] == reply.text
        assert len(reply.text) < 1000


async def served(client):
    async with client.http.get(f"{client.url}/api/bots") as response:
        return response.status == 200


async def test_connections(tmp_path):
    async with ServerProcess(tmp_path, ANTIPHON_MAX_CONNECTIONS="3") as server, Client(server.url) as client:
        session = await client.session()
        url = f"{client.url}/api/sessions/{session}/events"
        held = [await client.http.get(url) for _ in range(3)]
        answer = await client.call("GET", "/api/bots", 503)
        assert answer["code"] == "overloaded"
        assert (await client.call("GET", "/health"))["active_connections"] == 3
        for response in held:
            response.close()
        while not await served(client):
            await asyncio.sleep(0.05)


async def test_a_slow_reader_is_let_go_and_resumes(tmp_path, model):
    """One that does not read at all costs a bounded amount of memory, and nobody else anything."""
    limits = {"ANTIPHON_READER_BACKLOG_BYTES": "20000"}
    many = "test/test-30000-0-0"
    async with (
        ServerProcess(tmp_path, model_toml(model.port), **limits) as server,
        Client(server.url) as client,
    ):
        session = await client.session()
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        path = f"/api/sessions/{session}/events"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-User-ID: ann\r\n\r\n".encode())
        await reader.readuntil(b"connected")
        for _ in range(30):
            turn = await client.send(session, "x", model=many)
            reply = await client.follow(turn["id"])
            assert reply.end["state"] == "complete"
            if (await client.call("GET", "/health"))["active_connections"] == 0:
                break
        assert (await client.call("GET", "/health"))["active_connections"] == 0
        writer.close()
        again = await client.follow(turn["id"])
        assert again.text == reply.text


async def test_sizes_of_what_comes_with_a_message(tmp_path):
    limits = {"ANTIPHON_MAX_METADATA_BYTES": "200", "ANTIPHON_MAX_PARAMS_BYTES": "300"}
    async with ServerProcess(tmp_path, **limits) as server, Client(server.url) as client:
        s = await client.session()
        path = f"/api/sessions/{s}/messages"
        for name, most in (("metadata", 200), ("params", 300)):
            fits, too_much = {"stop": "x" * (most - 20)}, {"stop": "x" * most}
            await client.call("POST", path, 202, json={"text": "hi", "bot": "echo", name: fits})
            answer = await client.call("POST", path, 413, json={"text": "hi", "bot": "echo", name: too_much})
            assert f"{name} takes more than {most} bytes" in answer["detail"]
        await client.call("POST", "/api/sessions", 413, json={"context": {"x": "x" * 200}})
        assert len(await client.messages(s)) >= 2
