"""Files and bodies that were made to do harm, and many that ask at once: over HTTP."""

import asyncio
import json
import sys
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from archives import bring_in, file_of, ids
from serving import Client, ServerProcess

MIB = 1_048_576
JSON = {"Content-Type": "application/json"}
PICTURE = {"url": "data:image/png;base64,AAAA", "detail": "low"}


def nested(depth):
    return "[" * depth + "]" * depth


async def statuses(client, depth):
    """Return how each way to store JSON answers to so many lists within an object."""
    deep = f'{{"a": {nested(depth)}}}'
    session = await client.session()
    change = "mutation($c: JSON, $i: ID!) { updateSession(id: $i, input: {context: $c}) { id } }"
    asks = {
        "create": ("POST", "/api/sessions", f'{{"context": {deep}}}'),
        "change": ("PATCH", f"/api/sessions/{session}", f'{{"context": {deep}}}'),
        "params": ("POST", f"/api/sessions/{session}/messages", f'{{"text": "x", "params": {deep}}}'),
        "metadata": ("POST", f"/api/sessions/{session}/messages", f'{{"text": "x", "metadata": {deep}}}'),
        "contract C": (
            "POST",
            "/chat/session",
            f'{{"customer_name": "a", "customer_email": "b", "x": {nested(depth)}}}',
        ),
        "import": ("POST", "/api/sessions/import", json.dumps(file_of()).replace("{}", deep)),
        "graphql": (
            "POST",
            "/graphql",
            f'{{"query": {json.dumps(change)}, "variables": {{"i": "{session}", "c": {deep}}}}}',
        ),
    }
    told = {}
    for name, (method, path, body) in asks.items():
        async with client.http.request(method, client.url + path, data=body, headers=JSON) as response:
            answer = await response.json()
            first = (answer.get("errors") or [{}])[0]
            told[name] = first.get("extensions", {}).get("status", response.status)
    return told


async def test_json_is_taken_so_deep_and_no_deeper_on_every_way_in(client):
    taken = {"create": 201, "change": 200, "params": 202, "metadata": 202, "import": 201}
    assert await statuses(client, 31) == taken | {"contract C": 200, "graphql": 200}
    before = len(await ids(client))
    assert set((await statuses(client, 32)).values()) == {422}
    for depth in (900, 950, 980, 100_000):
        assert set((await statuses(client, depth)).values()) <= {400, 422}, depth
    assert len(await ids(client)) == before + 5, "nothing but the sessions that were to be changed"


async def test_a_model_is_sent_of_a_file_what_its_reader_sees(client):
    text, image = {"type": "text", "text": "a"}, {"type": "image_url", "image_url": PICTURE}
    made_up = [
        {"type": "file", "file": {"filename": "x.txt", "file_data": "data:text/plain;base64,aGlkZGVu"}},
        {"type": "anything", "note": "HIDDEN"},
    ]
    parts = [text | {"note": "HIDDEN"}, image | {"x": 1, "image_url": PICTURE | {"note": "HIDDEN"}}, *made_up]
    given = [{"role": "user", "name": "SYSTEM", "content": parts, "extra": "HIDDEN"}]
    kept = [{"role": "user", "content": [text, image]}]
    for offered, expected in {
        "all": (given, {"given": kept}),
        "no image": ([{"role": "user", "content": [text, *made_up]}], {}),
        "no picture": (
            [{"role": "user", "content": [text, image | {"image_url": {"url": "file:///x"}}]}],
            {},
        ),
        "no list": ({"role": "user", "content": [text, image]}, {}),
    }.values():
        made = await bring_in(client, file_of(("a", "user", None, {"metadata": {"given": offered}})))
        assert (await client.messages(made["id"]))[0]["metadata"] == expected


async def test_a_key_of_an_import_is_one_as_everywhere(client):
    for key in ("", "x" * 201, "a b"):
        headers = {"Idempotency-Key": key}
        await client.call("POST", "/api/sessions/import", 422, json=file_of(), headers=headers)


async def test_a_title_or_a_models_name_with_nul_is_refused(client):
    await client.call("POST", "/api/sessions", 422, json={"title": "a\0"})
    session = await client.session()
    await client.call("PATCH", f"/api/sessions/{session}", 422, json={"title": "a\0"})
    asked = {"text": "x", "model": "builtin/echo\0"}
    await client.call("POST", f"/api/sessions/{session}/messages", 422, json=asked)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
async def test_a_file_of_many_lists_takes_little_more_memory_than_it_is_long(client, server):
    lists = "[" + ",".join(["[]"] * 5_000_000) + "]"
    context = json.dumps(file_of()).replace("{}", f'{{"a": {lists}}}')
    message = file_of(("a", "user", None, {"metadata": {"given": "GIVEN", "seams": "GIVEN"}}))
    metadata = json.dumps(message).replace('"GIVEN"', lists, 1)
    unknown = json.dumps(message).replace('"given": "GIVEN"', f'"x": {lists}')
    await client.call("POST", "/api/sessions/import", 201, data=json.dumps(file_of()), headers=JSON)
    before = most_memory(server)
    for body, status in ((context, 413), (metadata, 201), (unknown, 201)):
        await client.call("POST", "/api/sessions/import", status, data=BytesIO(body.encode()), headers=JSON)
    assert most_memory(server) - before < 6 * len(context)


def most_memory(server):
    """Return how many bytes the process has had at most."""
    told = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = (line for line in told.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


async def test_uploads_that_do_not_end_keep_nobody_out(client, server):
    slow = []
    for _ in range(6):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        host = f"Host: 127.0.0.1:{server.port}\r\nContent-Type: application/json\r\nContent-Length: 100000"
        writer.write(f"POST /api/sessions/import HTTP/1.1\r\n{host}\r\n\r\n{{".encode())
        await writer.drain()
        slow.append(writer)
    await asyncio.sleep(0.2)
    await bring_in(client, file_of())
    for writer in slow:
        writer.close()


async def test_few_exports_at_once(client):
    replies = [(f"r{n}", "assistant", "a", {"content": "x" * 390_000}) for n in range(30)]
    made = (await bring_in(client, file_of(("a", "user", None), *replies)))["id"]
    url = f"{client.url}/api/sessions/{made}/export"
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"X-User-ID": "ann"}) as http:
        opened = [await http.get(url) for _ in range(5)]  # none reads what comes
        assert [response.status for response in opened] == [200] * 4 + [503]
        assert int(opened[-1].headers["Retry-After"]) > 0
        for response in opened:
            response.close()
    status = None
    async with asyncio.timeout(60):
        while status != 200:  # those that left give their places back
            async with client.http.get(url) as response:
                status = response.status


async def test_a_long_imported_reply_is_followed_in_frames_that_clients_take(client):
    said = "\U0001f600" * 390_000
    made = await bring_in(client, file_of(("a", "user", None), ("b", "assistant", "a", {"content": said})))
    reply = (await client.messages(made["id"]))[1]
    followed = await client.follow(reply["turn_id"])
    assert followed.text == said
    text, longest = "", 0
    async with client.http.ws_connect(client.url + "/api/ws") as socket:
        await socket.send_json({"type": "follow", "turn_id": reply["turn_id"]})
        while True:
            frame = (await socket.receive()).data
            longest = max(longest, len(frame.encode()))
            told = json.loads(frame)
            text += told.get("text", "")
            if told["type"] == "end":
                break
    assert text == said
    assert longest < MIB


async def test_the_same_import_at_two_processes_is_one(tmp_path):
    async with ServerProcess(tmp_path, ANTIPHON_WORKERS="2") as server, Client(server.url) as client:
        replies = [(f"r{n}", "assistant", "a") for n in range(300)]
        body = json.dumps(file_of(("a", "user", None), *replies))
        for n in range(3):
            headers = JSON | {"Idempotency-Key": f"k{n}", "Connection": "close"}
            calls = (
                client.call("POST", "/api/sessions/import", 201, data=body, headers=headers) for _ in range(4)
            )
            # Of one principal a process imports one at a time.
            told = await asyncio.gather(*calls, return_exceptions=True)
            made = {answer["id"] for answer in told if isinstance(answer, dict)}
            assert len(made) == 1
            assert all(isinstance(answer, dict) or "503" in str(answer) for answer in told)
            assert (await client.call("GET", f"/api/sessions/{made.pop()}"))["turn_count"] == 300
        assert len(await ids(client)) == 3
