"""GraphQL subscriptions: every chunk once, from any cursor, and how connections and operations end."""

import asyncio
import json
import time

import aiohttp
import pytest
import pytest_asyncio

from antiphon.testing.model_server import expected_text, serve
from antiphon.testing.script import expected_reasoning
from graphql_client import REPLY, SESSION, SUBPROTOCOL, GraphQL, Reply
from serving import Client, ServerProcess, model_toml
from serving import Reply as NativeReply
from sockets import TEXT, Raw, frame

pytestmark = pytest.mark.asyncio(loop_scope="module")
LONG = "test/test-100-10-0"
# Goes on until it is ended: of a session that nobody has.
SUBSCRIBE = {"type": "subscribe", "id": "1", "payload": {"query": SESSION, "variables": {"of": "nobody"}}}
# More than the buffers of both ends take, so that something has to wait.
LARGE = REPLY.replace(" text ", " text " + " ".join(f"again{n}: text" for n in range(29)) + " ")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model():
    server = await serve("127.0.0.1", 0)
    yield server
    await server.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(model, tmp_path_factory):
    settings = {"ANTIPHON_GRAPHQL_OPERATIONS": "3", "ANTIPHON_GRAPHQL_INIT_SECONDS": "1"}
    async with ServerProcess(
        tmp_path_factory.mktemp("graphql"), model_toml(model.port), **settings
    ) as process:
        yield process


@pytest_asyncio.fixture(loop_scope="module")
async def ann(server):
    async with GraphQL(server.url) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def turn(ann):
    """A turn under way for about a second."""
    return await ann.send(await ann.session(), "Sing.", model=LONG)


async def test_a_reply_from_its_first_chunk(ann, turn):
    reply = await ann.follow(REPLY, turn["id"])
    assert reply.types[0] == "TURN"
    assert reply.text == expected_text("Sing.", 100)
    end = reply.ends[turn["id"]]
    assert end == {"state": "COMPLETE", "finishReason": "stop", "messageId": turn["messageId"]}
    again = await ann.follow(REPLY, turn["id"])
    assert (again.text, again.types[-1]) == (reply.text, "END")
    nothing = await ann.follow(REPLY, turn["id"], cursor=reply.cursor)
    assert (nothing.types, nothing.errors) == ([], None)


async def test_one_cursor_on_every_transport(ann, server, turn):
    reply = await ann.follow(REPLY, turn["id"], most=10)
    async with Client(server.url) as native:
        rest = NativeReply()
        rest.cursor, rest.next, rest.text = reply.cursor, reply.next[turn["id"]], reply.text
        await native.follow(turn["id"], rest, most=20)
    reply.cursor, reply.next[turn["id"]], reply.texts[turn["id"]] = rest.cursor, rest.next, rest.text
    await ann.follow(REPLY, turn["id"], cursor=rest.cursor, reply=reply)
    assert reply.text == expected_text("Sing.", 100)
    assert reply.ends


async def test_a_session_with_several_replies(ann):
    session = await ann.session()
    socket = await ann.socket()
    await socket.subscribe("1", SESSION, of=session)
    reply = await socket.events("1", 1)
    assert (reply.types, reply.cursor) == (["CONNECTED"], "1.0")
    turns = [await ann.send(session, str(n), model=LONG) for n in range(3)]
    while sum(reply.next.values()) < 40:
        await socket.events("1", 1, reply)
    await socket.close()
    assert len(reply.cursor.split(",")) == 3
    socket = await ann.socket()
    await socket.subscribe("2", SESSION, of=session, cursor=reply.cursor)
    while len(reply.ends) < 3:
        await socket.events("2", 1, reply)
    for n, turn in enumerate(turns):
        assert reply.texts[turn["id"]] == expected_text(str(n), 100)
    await socket.send(type="complete", id="2")
    await socket.close()


async def test_every_field_of_an_event(ann):
    """As the schema has them, with fragments and directives: reasoning, tool calls, a failure."""
    query = """
    subscription ($t: ID!, $no: Boolean!) { mine: reply(turnId: $t) {
      kind: type ...Place ... on ReplyEvent { text data } skipped: text @skip(if: true) seq @include(if: $no)
      end { __typename state finishReason model messageId cached toolCalls
            usage { promptTokens completionTokens estimated }
            error { code message retryAfter } seams { chunk epoch how } }
    } }
    fragment Place on ReplyEvent { __typename turnId turnNumber messageId promptId cursor ...Place2 }
    fragment Place2 on ReplyEvent { cursor }"""
    session, events = await ann.session(), []
    for name in ("test/test-5-0-0-reason3", "test/test-5-0-0-tool", "test/test-5-0-0-status400"):
        turn = await ann.send(session, "Sing.", model=name)
        socket = await ann.socket()
        await socket.subscribe("x", query, t=turn["id"], no=False)
        while (message := await socket.next())["type"] == "next":
            event = message["payload"]["data"]["mine"]
            assert list(event) == [
                *("kind", "__typename", "turnId", "turnNumber", "messageId", "promptId", "cursor"),
                *("text", "data", "end"),
            ]
            assert (event["__typename"], event["turnId"]) == ("ReplyEvent", turn["id"])
            assert (event["messageId"], event["promptId"]) == (turn["messageId"], turn["promptId"])
            events.append(event)
        assert message == {"id": "x", "type": "complete"}
        await socket.close()
    thought = "".join(it["text"] for it in events if it["kind"] == "REASONING")
    assert thought == expected_reasoning("Sing.", 3)
    assert any(it["data"] for it in events if it["kind"] == "TOOL")
    whole, called, failed = (it["end"] for it in events if it["kind"] == "END")
    assert (whole["__typename"], whole["state"], whole["error"], whole["seams"]) == (
        *("ReplyEnd", "COMPLETE", None, []),
    )
    assert whole["usage"]["completionTokens"] == 8
    assert called["toolCalls"][0]["function"]["name"]
    assert (failed["state"], failed["error"]["code"]) == ("FAILED", "provider_refused")


@pytest.mark.parametrize("query", [REPLY, SESSION])
async def test_what_is_anothers_is_not_found(server, ann, turn, query):
    session = (await ann.ask("query ($t: ID!) { turn(id: $t) { sessionId } }", t=turn["id"]))["turn"]
    async with GraphQL(server.url, "eve") as eve:
        of = turn["id"] if query == REPLY else session["sessionId"]
        reply = await eve.follow(query, of)
    assert reply.types == []
    assert [error["extensions"]["code"] for error in reply.errors] == ["not_found"]


async def test_cursors_that_are_none(ann, turn):
    for query, cursor, code in (
        (REPLY, "x", "bad_request"),
        (SESSION, "x", "bad_request"),
        (REPLY, "1.9999", "cursor_expired"),
    ):
        of = turn["id"] if query == REPLY else "ses_any"
        reply = await ann.follow(query, of, cursor=cursor)
        assert (reply.types, reply.errors[0]["extensions"]["code"]) == ([], code)


async def test_operations_of_all_kinds_share_a_socket(ann):
    turn = await ann.send(await ann.session(), "Sing.", model="test/test-1000-10-0")
    socket = await ann.socket()
    await socket.send(type="ping", payload={"any": 1})
    assert await socket.next() == {"type": "pong"}
    await socket.subscribe("q", "{ me { id } }")
    assert await socket.next() == {"id": "q", "type": "next", "payload": {"data": {"me": {"id": "user:ann"}}}}
    assert await socket.next() == {"id": "q", "type": "complete"}
    await socket.subscribe("q", "mutation { createSession { title } }")
    assert (await socket.next())["payload"]["data"] == {"createSession": {"title": ""}}
    assert (await socket.next())["type"] == "complete"
    await socket.subscribe("q", "{ nothing }")
    refused = await socket.next()
    assert (refused["id"], refused["type"]) == ("q", "error")
    assert refused["payload"][0]["extensions"]["code"] == "invalid"
    await socket.subscribe("q", "{ session(id: 1) { id } }")
    partly = (await socket.next())["payload"]
    assert (partly["data"], partly["errors"][0]["extensions"]["code"]) == ({"session": None}, "not_found")
    assert (await socket.next())["type"] == "complete"
    # The settings of this server: three at once.
    for name in "abcd":
        await socket.subscribe(name, REPLY, of=turn["id"])
    seen = {}
    while seen.keys() != set("abcd"):
        message = await socket.next()
        seen[message["id"]] = message
    assert (seen["d"]["type"], seen["d"]["payload"][0]["extensions"]["code"]) == ("error", "overloaded")
    for name in "abc":
        await socket.send(type="complete", id=name)
    await socket.subscribe("e", "{ me { kind } }")
    while (message := await socket.next())["id"] != "e":
        assert message["id"] in "abc"
    with pytest.raises(TimeoutError):  # what was unsubscribed comes no more
        assert [await socket.next(within=0.3) for _ in range(2)] == "only the end of e"
    await socket.close()


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["no JSON"], 4400),
        (["[]"], 4400),
        ([{"id": "1"}], 4400),
        ([{"type": "start", "id": "1"}], 4400),
        ([{"type": "connection_init", "payload": 1}], 4400),
        ([{"type": "subscribe", "id": "1", "payload": {"query": "{ me { id } }"}}], 4401),
        ([{"type": "connection_init"}, {"type": "connection_init"}], 4429),
        ([{"type": "connection_init"}, {"type": "subscribe", "id": "1"}], 4400),
        ([{"type": "connection_init"}, {"type": "subscribe", "id": "", "payload": {"query": "{a}"}}], 4400),
        ([{"type": "connection_init"}, {"type": "subscribe", "id": "1", "payload": {"query": 1}}], 4400),
        ([{"type": "connection_init"}, SUBSCRIBE, SUBSCRIBE], 4409),
        ([], 4408),
    ],
)  # fmt: skip
async def test_what_closes_a_connection(ann, messages, code):
    """The codes of the protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md."""
    socket = await ann.socket(init=False)
    for message in messages:
        await socket.ws.send_str(message if isinstance(message, str) else json.dumps(message))
    received = await socket.ws.receive(timeout=5)
    while received.type is aiohttp.WSMsgType.TEXT:
        assert json.loads(received.data)["type"] in ("connection_ack", "next")
        received = await socket.ws.receive(timeout=5)
    assert (received.type, received.data) == (aiohttp.WSMsgType.CLOSE, code)
    assert received.extra


async def test_other_subprotocols_are_refused(ann):
    for offered in (["graphql-ws"], []):
        ws = await ann.http.ws_connect(ann.url, protocols=offered)
        assert ws.protocol is None
        message = await ws.receive(timeout=5)
        assert (message.data, SUBPROTOCOL in message.extra) == (4406, True)


async def test_pages_of_other_origins_may_not_connect(ann):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await ann.http.ws_connect(ann.url, protocols=[SUBPROTOCOL], origin="https://elsewhere.example")
    assert refused.value.status == 403


async def test_what_is_left_leaves_nothing_behind(ann, server):
    """However a connection ends, no reader stays and the reply goes on."""
    session = await ann.session()
    turn = await ann.send(session, "Sing.", model=LONG)
    sockets = [await ann.socket() for _ in range(4)]
    for socket in sockets:
        await socket.subscribe("1", REPLY, of=turn["id"])
        await socket.subscribe("2", SESSION, of=session)
        await socket.next()
    async with Client(server.url) as native:
        assert (await native.call("GET", "/health"))["active_connections"] >= 4
        for n, socket in enumerate(sockets):
            if n % 2:
                await socket.close()
            else:
                socket.ws._response.connection.transport.abort()
        await asyncio.sleep(0.3)
        assert (await native.call("GET", "/health"))["active_connections"] == 0
    assert (await ann.follow(REPLY, turn["id"])).text == expected_text("Sing.", 100)
    assert "crashed" not in server.log
    assert "never retrieved" not in server.log


async def test_a_slow_reader_is_told_to_come_back(tmp_path, model):
    """What waits for it is bounded: it gets what was sent, then an error, and goes on with the cursor."""
    settings = {"ANTIPHON_READER_BACKLOG_BYTES": "20000"}
    async with ServerProcess(tmp_path, model_toml(model.port), **settings) as server:
        async with GraphQL(server.url) as ann:
            turn = await ann.send(await ann.session(), "Sing.", model="test/test-50000-0-0")
            events = await asyncio.to_thread(_read_slowly, server.port, turn["id"])
            *sent, last = events
            assert last["type"] == "error"
            extensions = last["payload"][0]["extensions"]
            assert (extensions["code"], extensions["retry_after"]) == ("overloaded", 1)
            seqs = [event["payload"]["data"]["events"]["seq"] for event in sent][1:]
            assert seqs == list(range(len(seqs)))
            assert extensions["cursor"] == f"1.{len(seqs)}"
            texts = [event["payload"]["data"]["events"]["text"] for event in sent]
            rest = await _follow_patiently(ann, turn, extensions["cursor"])
            assert "".join(text for text in texts if text) + rest == expected_text("Sing.", 50_000)


def _read_slowly(port, turn):
    with Raw(
        port,
        "/graphql",
        receive_buffer=4096,
        Sec_WebSocket_Protocol=SUBPROTOCOL,
        X_User_ID="ann",
        Host=f"127.0.0.1:{port}",
    ) as raw:
        payload = {"query": LARGE, "variables": {"of": turn}}
        for message in ({"type": "connection_init"}, {"type": "subscribe", "id": "1", "payload": payload}):
            raw.send(frame(TEXT, json.dumps(message).encode()))
        assert json.loads(raw.frame()[1])["type"] == "connection_ack"
        raw.socket.settimeout(30)
        time.sleep(5)
        found = []
        while not found or found[-1]["type"] == "next":
            opcode, data = raw.frame()
            if opcode == TEXT:
                found.append(json.loads(data))
        return found


async def _follow_patiently(ann, turn, cursor):
    """Return the text from the cursor on, coming back as often as it takes."""
    text, end = "", None
    while end is None:
        reply = Reply()
        reply.next[turn["id"]] = int(cursor.partition(".")[2])
        await ann.follow(REPLY, turn["id"], cursor=cursor, reply=reply)
        text += reply.texts.get(turn["id"], "")
        cursor, end = reply.cursor, reply.ends.get(turn["id"])
        assert reply.errors is None or reply.errors[0]["extensions"]["cursor"] == cursor
    return text


@pytest.mark.parametrize("leave", ["complete", "close", "abort"])
async def test_a_mutation_is_not_left_half_done_by_who_leaves(ann, leave):
    socket = await ann.socket()
    ids = [f"{leave}{n}" for n in range(10)]
    made = " ".join(f'{name}: createSession(input: {{id: "{name}"}}) {{ id }}' for name in ids)
    await socket.subscribe("1", f"mutation {{ {made} }}")
    if leave == "complete":
        await socket.send(type="complete", id="1")
    elif leave == "close":
        await socket.close()
    else:
        await socket.ws.ping()
        await asyncio.sleep(0.02)
        socket.ws._response.connection.transport.abort()
    await asyncio.sleep(1)
    query = "query { " + " ".join(f'{name}: session(id: "{name}") {{ id }}' for name in ids) + " }"
    found = [bool(it) for it in (await ann.post(query))["data"].values()]
    assert all(found) or not any(found)


async def test_text_that_is_none_closes_a_connection(ann, server):
    socket = await ann.socket()
    await socket.ws.send_bytes(b'{"type":"subscribe","id":"1","payload":{"query":"\xff"}}')
    assert (await socket.closed())[0] == 4400
    assert "crashed" not in server.log
