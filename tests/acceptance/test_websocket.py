"""The native WebSocket: many sessions and turns on one connection, and how it ends."""

import asyncio
import json

import aiohttp
import pytest

from antiphon.testing.model_server import expected_text
from antiphon.transports.websocket import MOST_UNDER_WAY
from antiphon.transports.websocket_follows import MOST_FOLLOWS
from native_socket import NativeClient
from native_socket import Reply as PartReply
from patience import PATIENCE_S
from serving import Client, Reply, ServerProcess, model_toml
from sockets import CLOSE, TEXT, Raw, frame

SHORT, LONG = "test/test-20-5-0", "test/test-100-20-0"


@pytest.fixture
async def socket(server):
    async with NativeClient(server.url) as made:
        yield made


async def test_submitting_brings_the_reply_from_its_first_chunk(socket, client):
    answer = await socket.ask("submit", session_id="s", text="x", model=LONG, create=True)
    turn = answer["turn"]
    assert (answer["followed_by"], turn["session_id"], turn["number"]) == ("turn", "s", 1)
    begun = await socket.frame()
    assert (begun["type"], begun["id"], begun["turn_id"]) == ("turn", turn["id"], turn["id"])
    assert await socket.whole(turn) == [expected_text("x", 100)]
    assert socket.cursors == {turn["id"]: f"1.{socket.replies['s', 1].next}"}
    assert (await client.messages("s"))[1]["id"] == turn["message_id"]


async def test_sessions_and_turns_share_a_connection(socket):
    names = [f"s{n}" for n in range(6)]
    for name in names[:3]:
        assert (await socket.ask("follow", session_id=name))["cursor"] == "1.0"
    turns = []
    for name in names:
        turns += [await socket.submit(name, f"{name} {n}", model=LONG) for n in range(2)]
    texts = await socket.whole(*turns)
    assert texts == [expected_text(f"{name} {n}", 100) for name in names for n in range(2)]
    followed = {turn["id"] for turn in turns[6:]} | set(names[:3])
    assert socket.cursors.keys() == followed
    assert all(socket.cursors[name].startswith("2.") for name in names[:3])


async def test_a_session_that_is_followed_brings_what_others_begin(socket, client):
    session = await client.session()
    await socket.ask("follow", session_id=session)
    turns = [await client.send(session, str(n), model=SHORT) for n in range(3)]
    answer = await socket.ask("submit", session_id=session, text="3", model=SHORT)
    assert answer["followed_by"] == "session"
    texts = await socket.whole(*turns, answer["turn"])
    assert texts == [expected_text(str(n), 20) for n in range(4)]
    answer = await socket.ask("unfollow", session_id=session)
    assert (answer["type"], answer["session_id"]) == ("unfollowed", session)
    await client.send(session, "unheard", model=SHORT)
    with pytest.raises(TimeoutError):
        await socket.frame(within=0.5)


async def test_nothing_is_followed_that_is_not_wanted(socket, client):
    answer = await socket.ask("submit", session_id="s", text="x", bot="echo", create=True, follow=False)
    assert answer["followed_by"] is None
    await client.follow(answer["turn"]["id"])
    with pytest.raises(TimeoutError):
        await socket.frame(within=0.3)


@pytest.mark.parametrize("whole_session", [True, False])
async def test_cut_and_resumed_by_cursor(socket, whole_session):
    """Twice, amid two turns of the session."""
    if whole_session:
        await socket.ask("follow", session_id="s")
    turns = [await socket.submit("s", str(n), model=LONG) for n in range(2)]
    targets = [{"session_id": "s"}] if whole_session else [{"turn_id": turn["id"]} for turn in turns]
    for _ in range(2):
        for _ in range(40):
            await socket.frame()
        socket.cut()
        await socket.open()
        for target in targets:
            (name,) = target.values()
            asked = socket.cursors[name]
            told = (await socket.ask("follow", **target, cursor=asked))["cursor"]
            assert set(told.split(",")) == set(asked.split(","))
    assert await socket.whole(*turns) == [expected_text(str(n), 100) for n in range(2)]


async def test_begun_here_and_finished_by_events_and_the_other_way_round(socket, client):
    turn = await socket.submit("s", model=LONG)
    await socket.until(lambda frame: frame.get("seq") == 20)
    reply = Reply()
    reply.next, reply.cursor = 21, socket.cursors[turn["id"]]
    reply.text = socket.replies["s", 1].text
    await client.follow(turn["id"], reply)
    assert reply.text == expected_text("x", 100)

    turn = await client.send("s", "y", model=LONG)
    reply = await client.follow(turn["id"], most=20)
    socket.cut()
    await socket.open()
    socket.begins["s", 2] = reply.next
    answer = await socket.ask("follow", turn_id=turn["id"], cursor=reply.cursor)
    assert (answer["cursor"], answer["ended"]) == ("2.20", False)
    (rest,) = await socket.whole(turn)
    assert reply.text + rest == expected_text("y", 100)
    answer = await socket.ask("follow", turn_id=turn["id"], cursor=socket.cursors[turn["id"]])
    assert (answer["cursor"], answer["ended"]) == (socket.cursors[turn["id"]], True)


async def test_stopping_and_answering_once_more(socket):
    turn = await socket.submit("s", model="test/test-2000-20-0")
    await socket.until(lambda frame: frame.get("seq") == 5)
    answer = await socket.ask("stop", turn_id=turn["id"])
    assert (answer["type"], answer["turn"]["id"]) == ("stopping", turn["id"])
    await socket.until(lambda frame: frame["type"] == "end")
    assert socket.replies["s", 1].end["state"] == "stopped"
    answer = await socket.ask("regenerate", turn_id=turn["id"], model=SHORT)
    assert (answer["turn"]["number"], answer["turn"]["prompt_id"]) == (2, turn["prompt_id"])
    assert await socket.whole(answer["turn"]) == [expected_text("x", 20)]


async def test_the_same_key_is_the_same_turn(socket):
    first = await socket.submit("s", model=SHORT, idempotency_key="k")
    await socket.whole(first)
    socket.replies.clear()
    again = await socket.submit("s", model=SHORT, idempotency_key="k")
    assert again["id"] == first["id"]
    assert await socket.whole(again) == [expected_text("x", 20)]


async def test_requests_of_a_session_are_carried_out_in_order(socket):
    await socket.ask("follow", session_id="s")
    for n in range(8):
        submit = {"type": "submit", "id": n, "session_id": "s", "text": str(n), "bot": "echo", "create": True}
        await socket.ws.send_json(submit)
    numbers = {}
    while len(numbers) < 8:
        answer = await socket.until(lambda frame: frame["type"] == "submitted")
        numbers[answer["id"]] = answer["turn"]["number"]
    assert numbers == {n: n + 1 for n in range(8)}


WRONG = [
    (b"{", "bad_request"),
    (b"", "bad_request"),
    (b"[" * 100_000, "invalid"),
    (b'{"type": "submit", "metadata": {"a": %b}}' % (b"[" * 100_000), "bad_request"),
    (b"[]", "invalid"),
    (b"null", "invalid"),
    (b'{"id": "a"}', "invalid"),
    (b'{"type": "nonsense", "id": "a"}', "invalid"),
    (b'{"type": "ping", "id": {}}', "invalid"),
    (b'{"type": "ping", "id": "%b"}' % (b"a" * 101), "invalid"),
    (b'{"type": "submit", "id": "a", "text": "x"}', "invalid"),
    (b'{"type": "submit", "id": "a", "session_id": "s", "text": 1}', "invalid"),
    (b'{"type": "submit", "id": "a", "session_id": "s", "text": "x", "txet": "y"}', "invalid"),
    (b'{"type": "submit", "id": "a", "session_id": "s", "text": " ", "create": true}', "invalid"),
    (b'{"type": "submit", "id": "a", "session_id": "none", "text": "x"}', "not_found"),
    (b'{"type": "submit", "id": "a", "session_id": "a/b", "text": "x", "create": true}', "invalid"),
    (b'{"type": "submit", "id": "a", "session_id": "s", "text": "x\\u0000", "create": true}', "invalid"),
    (b'{"type": "submit", "id": "a", "session_id": "s", "text": "\\ud800", "create": true}', "bad_request"),
    (
        b'{"type": "submit", "id": "a", "session_id": "s", "text": "x", "bot": "none", "create": true}',
        "invalid",
    ),
    (b'{"type": "follow", "id": "a"}', "invalid"),
    (b'{"type": "follow", "id": "a", "session_id": "s", "turn_id": "t"}', "invalid"),
    (b'{"type": "follow", "id": "a", "session_id": "s", "cursor": "x"}', "bad_request"),
    (b'{"type": "follow", "id": "a", "session_id": "s", "cursor": "9.9"}', "cursor_expired"),
    (b'{"type": "follow", "id": "a", "turn_id": "none"}', "not_found"),
    (b'{"type": "follow", "id": "a", "turn_id": "\\u0000"}', "invalid"),
    (b'{"type": "unfollow", "id": "a", "session_id": "s"}', "not_found"),
    (b'{"type": "stop", "id": "a", "turn_id": "none"}', "not_found"),
    (b'{"type": "regenerate", "id": "a", "turn_id": "none"}', "not_found"),
]


async def test_bad_frames_are_answered_and_the_socket_stays_open(socket, server):
    for data, code in WRONG:
        await socket.ws.send_str(data.decode())
        error = await socket.frame()
        assert (error["type"], error["code"]) == ("error", code), (data, error)
        assert error.get("id") == ("a" if b'"id": "a"' in data and b"ud800" not in data else None)
        assert len(error["detail"]) > 15
        assert 400 <= error["status"] < 500
    await socket.ws.send_bytes(b'{"type": "ping", "id": 7}')
    assert await socket.frame() == {"type": "pong", "id": 7}
    assert "crashed" not in server.log


async def test_what_is_anothers_is_not_there(socket, server):
    turn = await socket.submit("s", model=LONG)
    async with NativeClient(server.url, "bob") as bob:
        for kind, fields in (
            ("follow", {"session_id": "s"}),
            ("follow", {"turn_id": turn["id"]}),
            ("follow", {"turn_id": turn["id"], "cursor": "1.3"}),
            ("submit", {"session_id": "s", "text": "x"}),
            ("submit", {"session_id": "s", "text": "x", "create": True}),
            ("stop", {"turn_id": turn["id"]}),
            ("regenerate", {"turn_id": turn["id"]}),
            ("unfollow", {"turn_id": turn["id"]}),
        ):
            answer = await bob.ask(kind, **fields)
            assert (answer["type"], answer["status"]) == ("error", 404), (kind, answer)
    assert await socket.whole(turn) == [expected_text("x", 100)]


async def test_follows_have_a_bound(socket):
    for n in range(MOST_FOLLOWS):
        assert (await socket.ask("follow", session_id=f"s{n}"))["type"] == "following"
    error = await socket.ask("follow", session_id="more")
    assert (error["code"], str(MOST_FOLLOWS) in error["detail"]) == ("rate_limited", True)
    error = await socket.ask("follow", session_id="s0")
    assert error["code"] == "conflict"
    error = await socket.ask("submit", session_id="more", text="x", bot="echo", create=True)
    assert error["code"] == "rate_limited"
    await socket.whole(await socket.submit("s0", bot="echo"))
    await socket.ask("unfollow", session_id="s0")
    for number in (1, 2, 3):  # what was refused was not stored; and an end makes room again
        turn = await socket.submit("more", str(number), bot="echo")
        assert turn["number"] == number
        await socket.whole(turn)


async def test_requests_under_way_have_a_bound(server):
    """Sent in one piece, so that none is answered before the last has come."""
    submit = {"type": "submit", "text": "x", "bot": "echo", "create": True, "follow": False}
    frames = [
        frame(TEXT, json.dumps({**submit, "id": n, "session_id": f"s{n}"}).encode())
        for n in range(MOST_UNDER_WAY + 10)
    ]
    with Raw(server.port, "/api/ws", X_User_ID="ann") as raw:
        raw.send(*frames)
        answers = [json.loads(raw.frame()[1]) for _ in frames]
    refused = [answer for answer in answers if answer["type"] == "error"]
    assert sorted(answer["id"] for answer in refused) == list(range(MOST_UNDER_WAY, MOST_UNDER_WAY + 10))
    assert {(answer["code"], answer["retry_after"]) for answer in refused} == {("rate_limited", 1)}


async def test_a_frame_has_a_largest_size(tmp_path):
    async with ServerProcess(tmp_path, ANTIPHON_MAX_BODY_BYTES="20000") as server:
        with Raw(server.port, "/api/ws") as raw:
            raw.send(frame(TEXT, b'{"type":"ping","id":"%b"}' % (b"a" * 19_000)))
            assert json.loads(raw.frame()[1])["code"] == "invalid"
            raw.send(frame(TEXT, b"a" * 20_001))
            assert raw.frame()[1][:2] == (1009).to_bytes(2, "big")


async def test_who_does_not_read_is_let_go_and_comes_back_whole(tmp_path, model):
    """Nobody waits for it, little is held for it, and its cursors bring the rest."""
    names = [f"s{n}" for n in range(20)]
    async with ServerProcess(
        tmp_path, model_toml(model.port), ANTIPHON_READER_BACKLOG_BYTES="20000"
    ) as server:
        async with NativeClient(server.url) as quick:
            with Raw(server.port, "/api/ws", X_User_ID="ann", receive_buffer=65536) as slow:
                for name in names:
                    slow.send(frame(TEXT, b'{"type":"follow","session_id":"%b"}' % name.encode()))
                    assert json.loads(slow.frame()[1])["cursor"] == "1.0"
                turns = []
                # Each comes twice, which is more than the system's buffers hold, and once all is asked for:
                # what is sent to a server that has closed would reset the connection.
                for name in names:
                    turns.append(await quick.submit(name, name, model="test/test-20000-0-5000"))
                    follow = {"type": "follow", "turn_id": turns[-1]["id"]}
                    slow.send(frame(TEXT, json.dumps(follow).encode()))
                expected = [expected_text(name, 20_000) for name in names]
                assert await quick.whole(*turns) == expected
                got = await asyncio.to_thread(slow.rest)
            assert got[-1][0] == CLOSE
            assert got[-1][1][:2] == (4008).to_bytes(2, "big")
            again = NativeClient(server.url)
            for told in [json.loads(data) for _, data in got[:-1]]:
                if "seq" in told and "turn_id" not in told:
                    again.replies.setdefault((told["session_id"], 1), PartReply()).take(told)
                    again.cursors[told["session_id"]] = told["cursor"]
            assert sum(reply.end is not None for reply in again.replies.values()) < len(names)
            async with again:
                for name in names:
                    await again.ask("follow", session_id=name, cursor=again.cursors.get(name))
                assert await again.whole(*turns) == expected
        assert "crashed" not in server.log


async def test_a_leaving_pod_sends_everybody_back(server, socket):
    await socket.ask("follow", session_id="s")
    turns = [await socket.submit(name, model="test/test-500-20-0") for name in ("s", "t")]
    await socket.until(lambda frame: frame.get("seq") == 10)
    stopping = asyncio.create_task(server.stop())
    frame = await socket.until(lambda frame: frame["type"] == "resume" and "session_id" not in frame)
    assert frame["retry_after"] > 0
    assert await socket.frame() is None
    assert socket.ws.close_code == 1012
    assert await asyncio.wait_for(stopping, 10) == 0
    await server.start()
    await socket.open()
    await socket.ask("follow", session_id="s", cursor=socket.cursors["s"])
    await socket.ask("follow", turn_id=turns[1]["id"], cursor=socket.cursors[turns[1]["id"]])
    assert await socket.whole(*turns) == [expected_text("x", 500)] * 2
    assert "crashed" not in server.log


async def test_what_was_asked_is_done_although_the_socket_has_gone(client, server):
    submit = {"type": "submit", "session_id": "s", "text": "x", "model": SHORT, "create": True}
    with Raw(server.port, "/api/ws", X_User_ID="ann") as raw:
        raw.send(frame(TEXT, json.dumps(submit).encode()))
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = (await client.call("GET", "/api/sessions"))["sessions"]
            if found and len(messages := await client.messages(found[0]["id"])) == 2:
                break
            await asyncio.sleep(0.05)
    assert messages[1]["content"] == expected_text("x", 20)
    assert "crashed" not in server.log


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/api/ws", {"Origin": "https://evil.example"}, 403), ("/api/none", {}, 404), ("/health", {}, 404)],
)
async def test_handshakes_are_refused_with_a_response(server, client, path, headers, status):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.http.ws_connect(server.url + path, headers=headers)
    assert refused.value.status == status
    assert "Exception" not in server.log


async def test_a_full_pod_refuses_with_503(tmp_path):
    async with ServerProcess(tmp_path, ANTIPHON_MAX_CONNECTIONS="2") as server, Client(server.url) as client:
        held = [await client.http.ws_connect(f"{server.url}/api/ws") for _ in range(2)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            held[0] = await client.http.ws_connect(f"{server.url}/api/ws")
        for each in held:
            await each.close()
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "2")
        await held[0].close()
        await asyncio.sleep(0.2)
        held[0] = await client.http.ws_connect(f"{server.url}/api/ws")
        for each in held:
            await each.close()
