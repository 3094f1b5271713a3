"""The Durable Streams read protocol with a plain client, section by section of its PROTOCOL.md."""

import asyncio
import json
import time

import pytest

from antiphon.testing.model_server import expected_text
from serving import Client, ServerProcess, events, model_toml


class Log:
    """A reader of one log."""

    def __init__(self, client, turn):
        self.client = client
        self.turn = turn["id"]
        self.number = turn["number"]
        self.url = f"{client.url}/api/turns/{self.turn}/log"

    def at(self, received):
        return f"{self.number:09}.{received:09}"

    async def get(self, offset=None, status=200, method="GET", headers=None, **params):
        if offset is not None:
            params["offset"] = offset
        request = self.client.http.request(method, self.url, params=params, headers=headers)
        async with request as response:
            body = await response.read()
            assert response.status == status, body
            return response.headers, json.loads(body) if body else None


def text_of(chunks):
    return "".join(chunk["text"] for chunk in chunks if chunk["type"] == "content")


@pytest.fixture
async def ask(client):
    """``await ask(model)``: the log of a reply to ``x``."""

    async def begin(model):
        return Log(client, await client.send(await client.session(), "x", model=f"test/{model}"))

    return begin


@pytest.fixture
async def ended(client, ask):
    log = await ask("test-20-0-0")
    await client.follow(log.turn)
    return log


async def test_a_closed_log_is_read_at_once(client, ended):
    headers, chunks = await ended.get()
    assert text_of(chunks) == expected_text("x", 20)
    assert [chunk["seq"] for chunk in chunks] == list(range(len(chunks)))
    assert chunks[-1]["type"] == "end"
    assert headers["Stream-Next-Offset"] == ended.at(len(chunks))
    assert headers["Stream-Up-To-Date"] == headers["Stream-Closed"] == "true"
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"].startswith("private, max-age=60")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "X-User-ID" in headers["Vary"]
    _, same = await ended.get("-1")
    assert same == chunks


async def test_a_log_is_read_from_anywhere_and_its_end_is_told(ended):
    _, chunks = await ended.get()
    headers, rest = await ended.get(ended.at(1))
    assert rest == chunks[1:]
    for native in (f"{ended.number}.1", f"{ended.number + 1}.7,{ended.number}.1"):
        assert (await ended.get(native))[1] == rest, "a native cursor is an offset"
    headers, nothing = await ended.get(headers["Stream-Next-Offset"])
    assert nothing == []
    assert headers["Stream-Closed"] == "true"
    headers, nothing = await ended.get("now")
    assert (nothing, headers["Stream-Closed"], headers["Cache-Control"]) == ([], "true", "no-store")
    assert "ETag" not in headers


async def test_an_offset_is_a_cursor_of_every_contract(client, ask):
    log = await ask("test-60-15-0")
    headers, chunks = await log.get("-1", live="long-poll")
    async with client.http.get(
        f"{client.url}/api/turns/{log.turn}/events", params={"cursor": headers["Stream-Next-Offset"]}
    ) as response:
        async for event in events(response):
            if "seq" in event.data:
                chunks.append(event.data)
    assert [chunk["seq"] for chunk in chunks] == list(range(len(chunks)))
    assert text_of(chunks) == expected_text("x", 60)


async def test_the_etag_changes_when_the_log_is_closed(client, ask):
    log = await ask("test-30-20-0")
    open_headers, _ = await log.get()
    assert "Stream-Closed" not in open_headers
    assert open_headers["Cache-Control"] == "private, no-cache"
    await client.follow(log.turn)
    known = {"If-None-Match": open_headers["ETag"]}
    headers, chunks = await log.get(headers=known)
    assert chunks[-1]["type"] == "end"
    for tag in (headers["ETag"], f'"other", W/{headers["ETag"]}'):
        headers, nothing = await log.get(headers={"If-None-Match": tag}, status=304)
        assert nothing is None
        assert headers["Stream-Closed"] == "true"


async def test_head_tells_where_the_log_ends(client, ask):
    log = await ask("test-30-20-0")
    headers, _ = await log.get(method="HEAD")
    assert "Stream-Closed" not in headers
    await client.follow(log.turn)
    headers, body = await log.get(method="HEAD")
    assert body is None
    assert headers["Stream-Closed"] == "true"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Stream-Next-Offset"] == (await log.get())[0]["Stream-Next-Offset"]


async def test_long_polls_follow_a_reply_to_its_end(ask):
    log = await ask("test-40-20-50")
    offset, chunks, cursor = "-1", [], {}
    while True:
        headers, got = await log.get(offset, live="long-poll", **cursor)
        chunks += got
        offset = headers["Stream-Next-Offset"]
        assert headers["Stream-Up-To-Date"] == "true"
        if headers.get("Stream-Closed"):
            break
        assert int(headers["Stream-Cursor"]) > int(cursor.get("cursor", 0))
        cursor = {"cursor": headers["Stream-Cursor"]}
    assert text_of(chunks) == expected_text("x", 40)
    assert [chunk["seq"] for chunk in chunks] == list(range(len(chunks)))
    headers, nothing = await log.get(offset, live="long-poll", status=204)
    assert nothing is None
    assert headers["Stream-Closed"] == "true"


async def test_a_long_poll_waits_no_longer_than_asked(ask):
    log = await ask("test-5-0-20000")
    began = time.monotonic()
    headers, _ = await log.get("now", live="long-poll", timeout="0.5", status=204)
    assert 0.4 < time.monotonic() - began < 5
    assert headers["Stream-Next-Offset"] == log.at(0)
    assert headers["Stream-Up-To-Date"] == "true"
    assert headers["Stream-Cursor"]
    assert headers["Cache-Control"] == "no-store"


async def test_a_long_poll_waits_20_seconds_at_most(ask):
    log = await ask("test-5-0-40000")
    began = time.monotonic()
    await log.get("-1", live="long-poll", timeout="3600", status=204)
    assert 19 < time.monotonic() - began < 25


async def test_pollers_that_hang_up_leave_nothing_behind(client, ask):
    log = await ask("test-5-0-3000")
    waiting = [asyncio.create_task(log.get("-1", live="long-poll")) for _ in range(20)]
    while (await client.call("GET", "/health"))["active_connections"] < 20:
        await asyncio.sleep(0.02)
    for task in waiting[:15]:
        task.cancel()
    while (await client.call("GET", "/health"))["active_connections"] > 5:
        await asyncio.sleep(0.02)
    answers = await asyncio.gather(*waiting[15:])
    assert all(chunks for _, chunks in answers)
    assert (await client.call("GET", "/health"))["active_connections"] == 0


async def read_sse(log, offset, most=None):
    """Return the chunks and the last control event."""
    chunks, control, batches = [], None, 0
    params = {"offset": offset, "live": "sse"}
    async with log.client.http.get(log.url, params=params) as response:
        assert response.content_type == "text/event-stream"
        async for event in events(response):
            if event.name == "data":
                chunks += event.data
                batches += 1
            else:
                assert event.name == "control"
                control = event.data
                assert control["upToDate"] is True
                assert ("streamCursor" in control) is not control.get("streamClosed", False)
                if most is not None and batches >= most:
                    break
    return chunks, control


async def test_events_follow_a_reply_to_its_end_across_cuts(ask):
    log = await ask("test-60-15-0")
    chunks, control = await read_sse(log, "-1", most=5)
    more, control = await read_sse(log, control["streamNextOffset"], most=5)
    rest, control = await read_sse(log, control["streamNextOffset"])
    chunks += more + rest
    assert text_of(chunks) == expected_text("x", 60)
    assert [chunk["seq"] for chunk in chunks] == list(range(len(chunks)))
    assert control["streamClosed"] is True
    assert await read_sse(log, control["streamNextOffset"]) == ([], control)
    assert await read_sse(log, "now") == ([], control)


async def test_events_from_now_on_begin_with_where_that_is(ask):
    log = await ask("test-10-20-1000")
    chunks, control = await read_sse(log, "now", most=0)
    assert chunks == []
    assert control["streamNextOffset"] == log.at(0)


async def test_many_readers_get_the_same(ask):
    log = await ask("test-60-15-0")
    reads = await asyncio.gather(*(read_sse(log, "-1") for _ in range(30)))
    assert {text_of(chunks) for chunks, _ in reads} == {expected_text("x", 60)}


async def test_cursors_never_go_back(ask):
    log = await ask("test-5-0-20000")
    ahead = str(10**9)
    headers, _ = await log.get("now", live="long-poll", timeout="0", cursor=ahead, status=204)
    assert int(headers["Stream-Cursor"]) > int(ahead)
    headers, _ = await log.get("now", live="long-poll", timeout="0", cursor="junk", status=204)
    assert int(headers["Stream-Cursor"]) < int(ahead)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("offset=", "one offset"),
        ("offset=-1&offset=-1", "one offset"),
        ("offset=nonsense", "not a cursor"),
        ("offset=99.1", "another log"),
        ("offset=1.5000", "ahead"),
        ("offset=-1&live=fast", "long-poll or sse"),
        ("live=sse", "needs an offset"),
        ("live=long-poll", "needs an offset"),
    ],
)
async def test_bad_reads_say_what_to_do(client, ended, query, told):
    async with client.http.get(f"{ended.url}?{query}") as response:
        assert response.status == 400
        assert told in (await response.json(content_type=None))["detail"]


@pytest.mark.parametrize("seconds", ["soon", "nan", "-1"])
async def test_a_timeout_is_a_number(ask, seconds):
    log = await ask("test-5-0-20000")
    await log.get("now", live="long-poll", timeout=seconds, status=400)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_a_log_is_not_written_by_its_readers(ended, method):
    _, told = await ended.get(method=method, status=405)
    assert "GET and HEAD" in told["detail"]


async def test_another_user_is_kept_out(client, ended):
    async with Client(client.url, "bob") as bob:
        log = Log(bob, {"id": ended.turn, "number": ended.number})
        for params in ({}, {"live": "sse", "offset": "-1"}, {"live": "long-poll", "offset": "-1"}):
            await log.get(status=404, **params)
        await log.get(status=404, method="HEAD")


async def test_a_killed_server_goes_on(tmp_path, model):
    async with ServerProcess(tmp_path, model_toml(model.port)) as server, Client(server.url) as client:
        log = Log(client, await client.send(await client.session(), "x", model="test/test-80-15-0"))
        chunks, control = await read_sse(log, "-1", most=10)
        await server.kill()
        await server.start()
        rest, control = await read_sse(log, control["streamNextOffset"])
    chunks += rest
    assert text_of(chunks) == expected_text("x", 80)
    assert [chunk["seq"] for chunk in chunks] == list(range(len(chunks)))
    assert control["streamClosed"] is True


async def test_a_leaving_server_answers_those_who_wait(tmp_path, model):
    async with ServerProcess(tmp_path, model_toml(model.port)) as server, Client(server.url) as client:
        log = Log(client, await client.send(await client.session(), "x", model="test/test-5-0-20000"))
        waiting = asyncio.create_task(log.get("now", live="long-poll", status=204))
        while (await client.call("GET", "/health"))["active_connections"] < 1:
            await asyncio.sleep(0.02)
        server.process.terminate()
        headers, _ = await asyncio.wait_for(waiting, 10)
        assert headers["Stream-Next-Offset"] == log.at(0)
        assert "Stream-Closed" not in headers


async def test_a_reader_of_events_comes_back_to_the_next_server(tmp_path, model):
    async with ServerProcess(tmp_path, model_toml(model.port)) as server, Client(server.url) as client:
        log = Log(client, await client.send(await client.session(), "x", model="test/test-100-30-0"))
        reading = asyncio.create_task(read_sse(log, "-1"))
        await asyncio.sleep(0.5)
        await server.stop()
        chunks, control = await reading
        assert 0 < len(text_of(chunks)) < len(expected_text("x", 100))
        assert "streamClosed" not in control
        await server.start()
        rest, control = await read_sse(log, control["streamNextOffset"])
    chunks += rest
    assert text_of(chunks) == expected_text("x", 100)
    assert [chunk["seq"] for chunk in chunks] == list(range(len(chunks)))
