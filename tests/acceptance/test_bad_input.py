"""Bad input of each kind: a clear error, nothing stored by half, the process alive."""

import asyncio
import socket
from io import BytesIO

import aiohttp
import pytest

from antiphon.testing.model_server import serve
from ports import free_port
from serving import Client, ServerProcess, model_toml

JSON = {"Content-Type": "application/json"}
MESSAGES = "/api/sessions/s/messages"
FEEDBACK = "/api/messages/msg_0/feedback"
IMPORT = "/api/sessions/import"

# name: method, path, headers, body, status, code, a word the text must hold
REQUESTS = {
    "malformed JSON": ("POST", MESSAGES, JSON, b'{"text": ', 400, "bad_request", "JSON"),
    "malformed JSON, rest": ("POST", "/api/sessions", JSON, b"{", 400, "bad_request", "JSON"),
    "malformed JSON, D": ("POST", "/api/chat", JSON, b"nope", 400, "bad_request", "JSON"),
    "empty body": ("POST", MESSAGES, JSON, b"", 400, "bad_request", "JSON"),
    "bad UTF-8": ("POST", MESSAGES, JSON, b'{"text": "\xff\xfe"}', 400, "bad_request", "JSON"),
    "bad UTF-8, rest": ("POST", "/api/sessions", JSON, b'{"title": "\xff"}', 400, "bad_request", ""),
    "bad UTF-8, D": ("POST", "/api/chat", JSON, b'{"user_id": "\xff"}', 400, "bad_request", "JSON"),
    "bad UTF-8, query": ("GET", "/api/sse?session_id=%ff&user_id=a", {}, b"", 400, "bad_request", "UTF-8"),
    "deep nesting": (
        "POST",
        MESSAGES,
        JSON,
        b'{"text": "x", "metadata": {"a": ' + b"[" * 50_000,
        400,
        "bad_request",
        "JSON",
    ),
    "lone surrogate": ("POST", MESSAGES, JSON, b'{"text": "\\ud800"}', 400, "bad_request", "JSON"),
    "wrong type": ("POST", MESSAGES, JSON, b'{"text": 5}', 422, "invalid", "text"),
    "wrong type, rest": ("POST", "/api/sessions", JSON, b'{"title": []}', 422, "invalid", "title"),
    "wrong type, D": (
        "POST",
        "/api/chat",
        JSON,
        b'{"user_id": "u", "message": {}}',
        400,
        "invalid",
        "message",
    ),
    "not an object": ("POST", MESSAGES, JSON, b"[]", 422, "invalid", "object"),
    "unknown field": ("POST", MESSAGES, JSON, b'{"text": "x", "txt": 1}', 422, "invalid", "txt"),
    "unknown field, rest": ("POST", "/api/sessions", JSON, b'{"titel": "x"}', 422, "invalid", "titel"),
    "not JSON by type": (
        "POST",
        MESSAGES,
        {"Content-Type": "text/plain"},
        b"{}",
        415,
        None,
        "application/json",
    ),
    "a form": (
        "POST",
        "/api/chat",
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"a=b",
        415,
        None,
        "",
    ),
    "empty message": ("POST", MESSAGES, JSON, b'{"text": " \\n "}', 422, "invalid", "empty"),
    "NUL": ("POST", MESSAGES, JSON, b'{"text": "a\\u0000b"}', 422, "invalid", "NUL"),
    "long message": (
        "POST",
        MESSAGES,
        JSON,
        b'{"text": "%b"}' % (b"x" * 100_001),
        413,
        "too_large",
        "100000",
    ),
    "large body": ("POST", MESSAGES, JSON, b'{"text": "%b"}' % (b"x" * 1_100_000), 413, "too_large", "bytes"),
    "large body, rest": ("POST", "/api/sessions", JSON, b'"%b"' % (b"x" * 1_100_000), 413, "too_large", ""),
    "large metadata": (
        "POST",
        MESSAGES,
        JSON,
        b'{"text": "x", "metadata": {"k": "%b"}}' % (b"x" * 17_000),
        413,
        "too_large",
        "metadata",
    ),
    "unknown bot": ("POST", MESSAGES, JSON, b'{"text": "x", "bot": "nobody"}', 422, "invalid", "sizebot"),
    "unknown model": ("POST", MESSAGES, JSON, b'{"text": "x", "model": "gpt-0"}', 422, "invalid", "gpt-0"),
    "unknown provider": ("POST", MESSAGES, JSON, b'{"text": "x", "model": "no/x"}', 422, "invalid", "no/x"),
    "unknown parent": (
        "POST",
        MESSAGES,
        JSON,
        b'{"text": "x", "parent": "msg_0"}',
        404,
        "not_found",
        "msg_0",
    ),
    "bad key": (
        "POST",
        MESSAGES,
        {**JSON, "Idempotency-Key": "a b"},
        b'{"text": "x"}',
        422,
        "invalid",
        "key",
    ),
    "bad session id": ("POST", "/api/sessions", JSON, b'{"id": "a b"}', 422, "invalid", "session id"),
    "bad session id, path": (
        "POST",
        "/api/sessions/a%20b/messages",
        JSON,
        b'{"text": "x"}',
        422,
        "invalid",
        "",
    ),
    "unknown session": ("POST", "/api/sessions/no/messages", JSON, b'{"text": "x"}', 404, "not_found", "no"),
    "unknown session, get": ("GET", "/api/sessions/no", {}, b"", 404, "not_found", "no"),
    "unknown turn": ("GET", "/api/turns/turn_0/events", {}, b"", 404, "not_found", "turn_0"),
    "unknown turn, stop": ("POST", "/api/turns/turn_0/cancel", {}, b"", 404, "not_found", "turn_0"),
    "unknown message": ("GET", "/api/messages/msg_0", {}, b"", 404, "not_found", "msg_0"),
    "unknown path": ("GET", "/api/nothing", {}, b"", 404, "not_found", "/docs"),
    "wrong method": ("PUT", "/api/sessions", JSON, b"{}", 405, None, ""),
    "wrong method, raw": ("PUT", "/api/chat", {}, b"", 405, "method_not_allowed", "POST"),
    "bad limit": ("GET", "/api/sessions?limit=0", {}, b"", 422, "invalid", "limit"),
    "high limit": ("GET", "/api/sessions/s/messages?limit=9999", {}, b"", 422, "invalid", "limit"),
    "bad cursor": ("GET", "/api/sessions/s/events?cursor=zwölf", {}, b"", 400, "bad_request", "cursor"),
    "bad cursor, header": (
        "GET",
        "/api/sessions/s/events",
        {"Last-Event-ID": "1;2"},
        b"",
        400,
        None,
        "cursor",
    ),
    "bad cursor, D": (
        "GET",
        "/api/sse?session_id=s&user_id=ann&last_event_id=x",
        {},
        b"",
        400,
        "bad_request",
        "cursor",
    ),
    "long search": ("GET", "/api/sessions?q=" + "x" * 201, {}, b"", 422, "invalid", "q"),
    "empty search": ("GET", "/api/sessions?q=", {}, b"", 422, "invalid", "q"),
    "bad rating": ("PUT", FEEDBACK, JSON, b'{"rating": 5}', 422, "invalid", "rating"),
    "no rating": ("PUT", FEEDBACK, JSON, b'{"comment": "x"}', 422, "invalid", "rating"),
    "long comment": (
        "PUT",
        FEEDBACK,
        JSON,
        b'{"rating": "up", "comment": "%b"}' % (b"x" * 2_001),
        422,
        "invalid",
        "comment",
    ),
    "unknown message, rating": ("PUT", FEEDBACK, JSON, b'{"rating": "up"}', 404, "not_found", "msg_0"),
    "archived otherwise": (
        "PATCH",
        "/api/sessions/s",
        JSON,
        b'{"archived": "si"}',
        422,
        "invalid",
        "archived",
    ),
    "unknown session, export": ("GET", "/api/sessions/no/export", {}, b"", 404, "not_found", "no"),
    "unknown format": ("GET", "/api/sessions/s/export?format=pdf", {}, b"", 422, "invalid", "markdown"),
    "unknown leaf": (
        "GET",
        "/api/sessions/s/export?format=markdown&leaf=msg_0",
        {},
        b"",
        404,
        "not_found",
        "msg_0",
    ),
    "import, malformed": ("POST", IMPORT, JSON, b'{"format":', 400, "bad_request", "JSON"),
    "import, binary": ("POST", IMPORT, JSON, bytes(range(256)) * 100, 400, "bad_request", "JSON"),
    "import, not JSON": (
        "POST",
        IMPORT,
        {"Content-Type": "text/markdown"},
        b"# x",
        415,
        None,
        "application/json",
    ),
    "import, a list": ("POST", IMPORT, JSON, b"[]", 422, "invalid", "object"),
    "import, another file": ("POST", IMPORT, JSON, b'{"name": "package"}', 422, "invalid", "format"),
    "import, deep": (
        "POST",
        IMPORT,
        JSON,
        b'{"session": {"context": {"a": ' + b"[" * 50_000,
        400,
        "bad_request",
        "JSON",
    ),
    "import, large": ("POST", IMPORT, JSON, b'"%b"' % (b"x" * 17_000_000), 413, "too_large", "bytes"),
    "bad user": ("GET", "/api/sessions", {"X-User-ID": "x" * 181}, b"", 422, "invalid", "user_id"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bad")


@pytest.fixture
async def quiet(folder):
    """A server with an empty session ``s``."""
    async with ServerProcess(folder, "") as server, Client(server.url) as client:
        await client.session(id="s")
        yield client


async def test_bad_requests_are_told_and_store_nothing(quiet, subtests):
    for name, (method, path, headers, body, status, code, word) in REQUESTS.items():
        with subtests.test(name):
            url = quiet.url + path
            async with quiet.http.request(method, url, headers=headers, data=BytesIO(body)) as response:
                answer = await response.json(content_type=None)
                told = answer.get("detail") or answer.get("error")
                assert (response.status, word in told) == (status, True), answer
                assert code is None or answer["code"] == code
                if status == 405 or not path.startswith(("/api/chat", "/api/sse")):
                    assert response.content_type == "application/problem+json"
                    assert answer["status"] == status
    assert [s["turn_count"] for s in (await quiet.call("GET", "/api/sessions"))["sessions"]] == [0]
    assert await quiet.messages("s") == []
    assert (await quiet.call("GET", "/health"))["status"] == "healthy"


async def test_foreign_sessions_and_turns_are_not_found(server, client):
    session = await client.session()
    turn = await client.send(session, "secret", bot="echo")
    await client.follow(turn["id"])
    async with Client(server.url, "mallory") as other:
        for method, path in [
            ("GET", f"/api/sessions/{session}"),
            ("DELETE", f"/api/sessions/{session}"),
            ("GET", f"/api/sessions/{session}/messages"),
            ("GET", f"/api/sessions/{session}/events"),
            ("GET", f"/api/turns/{turn['id']}"),
            ("GET", f"/api/turns/{turn['id']}/events"),
            ("POST", f"/api/turns/{turn['id']}/cancel"),
            ("POST", f"/api/turns/{turn['id']}/regenerate"),
            ("GET", f"/api/messages/{turn['message_id']}"),
        ]:
            await other.call(method, path, 404)
        await other.call("PATCH", f"/api/sessions/{session}", 404, json={"title": "mine"})
        await other.call("POST", f"/api/sessions/{session}/messages", 404, json={"text": "x"})
        await other.call("POST", "/api/sessions", 404, json={"id": session})
    assert len(await client.messages(session)) == 2


async def test_guests_are_kept_apart_by_their_cookie(server):
    async with Client(server.url) as first, Client(server.url) as second:
        for client in (first, second):
            del client.http.headers["X-User-ID"]
        session = await first.session()
        await second.call("GET", f"/api/sessions/{session}", 404)
        assert await first.call("GET", f"/api/sessions/{session}")
        jar = {c.key: c.value for c in first.http.cookie_jar}
        async with Client(server.url) as forger:
            del forger.http.headers["X-User-ID"]
            value = jar["antiphon_guest"]
            forged = value[:-2] + ("AA" if value[-2:] != "AA" else "BB")
            headers = {"Cookie": f"antiphon_guest={forged}"}
            await forger.call("GET", f"/api/sessions/{session}", 404, headers=headers)


async def test_a_cursor_ahead_of_the_reply_is_expired(client):
    session = await client.session()
    turn = await client.send(session, "x", bot="echo")
    await client.follow(turn["id"])
    answer = await client.call("GET", f"/api/turns/{turn['id']}/events?cursor=1.999", 410)
    assert answer["code"] == "cursor_expired"


async def test_bytes_that_are_no_http_do_no_harm(client):
    host = client.url.removeprefix("http://").split(":")
    for data in (
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 5000,
        b"POST / HTTP/1.1\r\n",
    ):
        with socket.create_connection((host[0], int(host[1])), 5) as raw:
            raw.sendall(data)
    assert (await client.call("GET", "/health"))["status"] == "healthy"


FAULTS = {
    "401": ("test-20-1-0-status401", "provider_refused", 0),
    "429 for long": ("test-20-1-0-status429-retry3600", "provider_rate_limited", 0),
    "500": ("test-20-1-0-status500-retry0", "provider_unreachable", 0),
    "cut in the middle": ("test-20-1-0-cut5", "provider_garbled", 5),
    "garbage": ("test-20-1-0-garbage5", "provider_garbled", 5),
    "silence": ("test-20-1-0-stall5", "provider_timeout", 5),
    "silence from the start": ("test-20-1-0-stall0", "provider_timeout", 0),
}


async def test_a_provider_that_fails_is_told_and_what_came_is_kept(tmp_path, model, subtests):
    settings = {"ANTIPHON_IDLE_TIMEOUT": "0.6", "ANTIPHON_FIRST_TOKEN_TIMEOUT": "0.6"}
    toml = model_toml(model.port) + model_toml(free_port(), name="down")
    async with ServerProcess(tmp_path, toml, **settings) as server, Client(server.url) as client:
        faults = {name: (f"test/{m}", code, kept) for name, (m, code, kept) in FAULTS.items()}
        faults["down"] = ("down/any", "provider_unreachable", 0)
        sessions = {name: await client.session() for name in faults}
        turns = {name: await client.send(sessions[name], "x", model=faults[name][0]) for name in faults}
        replies = await asyncio.gather(*(client.follow(turn["id"]) for turn in turns.values()))
        for (name, (_, code, kept)), reply in zip(faults.items(), replies, strict=True):
            with subtests.test(name):
                assert (reply.end["state"], reply.end["error"]["code"]) == ("failed", code), reply.end
                assert len(reply.end["error"]["message"]) > 20
                _, stored = await client.messages(sessions[name])
                assert (stored["status"], stored["content"]) == ("failed", reply.text)
                assert bool(reply.text) == bool(kept)
        assert (await client.call("GET", "/health"))["status"] == "healthy"


@pytest.mark.parametrize("fault", ["status500-retry0", "status429-retry1", "cut0", "stall0"])
async def test_a_passing_failure_before_the_first_token_is_survived(tmp_path, fault):
    model = await serve("127.0.0.1", 0)
    settings = {"ANTIPHON_FIRST_TOKEN_TIMEOUT": "1"}
    async with (
        ServerProcess(tmp_path, model_toml(model.port), **settings) as server,
        Client(server.url) as client,
    ):
        session = await client.session()
        turn = await client.send(session, "x", model=f"test/test-10-1-0-{fault}-once")
        reply = await client.follow(turn["id"])
    await model.close()
    assert reply.end["state"] == "complete", reply.end


HOSTS = {
    "localhost:1": 200,
    "LOCALHOST": 200,
    "page.localhost:1": 200,
    "127.0.0.1": 200,
    "127.8.9.1:1": 200,
    "[::1]:80": 200,
    "evil.example": 400,
    "127.evil.example": 400,
    "127.0.0.1.evil.example:1": 400,
    "localhost.evil.example": 400,
    "evillocalhost": 400,
    "[::1].evil.example": 400,
    "192.0.2.7": 400,
}


@pytest.mark.parametrize("host", HOSTS)
async def test_a_name_that_is_not_this_machines_is_refused(client, host):
    """A page elsewhere that points its own name here (DNS rebinding) gets nothing, by no transport."""
    async with client.http.get(f"{client.url}/api/bots", headers={"Host": host}) as response:
        assert response.status == HOSTS[host]
    if HOSTS[host] == 200:
        async with client.http.ws_connect(f"{client.url}/api/ws", headers={"Host": host}):
            return
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.http.ws_connect(f"{client.url}/api/ws", headers={"Host": host})
    assert refused.value.status == HOSTS[host]
