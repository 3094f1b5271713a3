"""Contract A with a plain client: the message board."""

import asyncio
import re
import time
from datetime import UTC, datetime

from serving import Client, ServerProcess

POST = {"message": "hello", "sender": "ann"}
ODD = " a\0b \U0010ffff \u202e 👩\u200d👧 "
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def post(client, status=201, **changes):
    body = {k: v for k, v in (POST | changes).items() if v is not ...}
    return await client.call("POST", "/api/chat", status, json=body)


async def read(client, query="", status=200):
    return await client.call("GET", f"/api/chat{query}", status)


async def test_a_post_is_answered_as_stored_and_read_by_everybody(server, client):
    assert await read(client) == []
    begun = time.time()
    made = await post(client, message=ODD, sender="Ænn")
    assert set(made) == {"id", "message", "sender", "timestamp"}
    assert (made["message"], made["sender"]) == (ODD, "Ænn")
    assert TIMESTAMP.fullmatch(made["timestamp"])
    at = datetime.fromisoformat(made["timestamp"]).replace(tzinfo=UTC).timestamp()
    assert begun - 1 < at < time.time() + 1
    async with Client(server.url, "bob") as bob:
        assert await read(bob) == [made]


async def test_ids_grow_in_posting_order_and_the_newest_comes_first(client):
    made = [await post(client, message=f"m{i}") for i in range(5)]
    ids = [each["id"] for each in made]
    assert ids == sorted(set(ids))
    assert await read(client) == made[::-1]
    assert await read(client, "?limit=2") == [made[4], made[3]]
    assert await read(client, f"?limit=2&before={ids[3]}") == [made[2], made[1]]
    assert await read(client, f"?before={ids[0]}") == []


async def test_posts_survive_a_crash(tmp_path):
    server = ServerProcess(tmp_path)
    async with server, Client(server.url) as client:
        made = await post(client)
        await server.kill()
        await server.start()
        assert await read(client) == [made]
        assert (await post(client))["id"] > made["id"]


async def test_the_answer_is_bounded_however_long_the_board(client):
    made = await asyncio.gather(*(post(client, message=str(i)) for i in range(510)))
    newest = sorted((each["id"] for each in made), reverse=True)
    assert [each["id"] for each in await read(client)] == newest[:100]
    assert [each["id"] for each in await read(client, "?limit=500")] == newest[:500]


async def test_a_missing_empty_or_wrong_field_is_told(client, subtests):
    for field in ("message", "sender"):
        for value in (..., "", " \n", None, 5, ["x"]):
            with subtests.test(f"{field}: {value}"):
                answer = await post(client, 400, **{field: value})
                assert set(answer) == {"error"}
                assert field in answer["error"]
    assert await read(client) == []


async def test_lengths_are_bounded(client, subtests):
    for field, most in (("message", 100_000), ("sender", 200)):
        with subtests.test(field):
            answer = await post(client, 413, **{field: "ü" * (most + 1)})
            assert str(most) in answer["error"]
            made = await post(client, **{field: "ü" * most})
            assert await read(client, "?limit=1") == [made]


LIMITS = ("0", "501", "-1", "x", "1_0", "%EF%BC%91", "9" * 30)
BEFORES = ("x", "9" * 30, "-1")


async def test_a_parameter_that_is_no_number_is_told(client, subtests):
    for query in [*(f"limit={value}" for value in LIMITS), *(f"before={value}" for value in BEFORES)]:
        with subtests.test(query):
            answer = await read(client, f"?{query}", 400)
            assert set(answer) == {"error"}
            assert query.partition("=")[0] in answer["error"]


async def test_a_body_of_no_contract_is_told_what_can_be_sent(client, subtests):
    headers = {"Content-Type": "application/json"}
    for body in (b"[]", b'"hello"', b"5", b"null", b"{}", b'{"text": "x"}', b"", b"{"):
        with subtests.test(body):
            answer = await client.call("POST", "/api/chat", 400, data=body, headers=headers)
            words = ("JSON",) if body in (b"", b"{") else ("JSON", "sender", "history", "session_id")
            assert all(word in answer["error"] for word in words)


async def test_the_more_telling_field_decides_whose_a_body_is(client):
    assert (await post(client, id=7))["message"] == POST["message"]
    message = {"id": "m", "role": "user", "parts": [{"type": "text", "text": "hi"}]}
    body = {"id": "chat", "messages": [message], "session_id": "s", "sender": "ann", "bot": "echo"}
    async with client.http.post(f"{client.url}/api/chat", json=body) as response:
        assert "x-vercel-ai-ui-message-stream" in response.headers
    body = {"session_id": "s", "user_id": "ann", "message": "hi", "sender": "ann"}
    assert (await client.call("POST", "/api/chat", 202, json=body))["status"] == "accepted"


async def test_nobody_is_made_a_guest_for_the_board(client):
    del client.http.headers["X-User-ID"]
    await post(client)
    await read(client)
    assert len(client.http.cookie_jar) == 0


async def test_posts_of_one_address_are_limited(tmp_path):
    settings = {"ANTIPHON_RATE_LIMITS": "on", "ANTIPHON_RATE_ADDRESS": "3/minute"}
    async with ServerProcess(tmp_path, **settings) as server, Client(server.url) as client:
        for _ in range(3):
            await post(client)
        answer = await post(client, 429)
        assert "Try again in" in answer["error"]
        assert len(await read(client)) == 3


async def test_the_board_is_documented(client):
    document = await client.call("GET", "/openapi.json")
    path = document["paths"]["/api/chat"]
    assert {p["name"]: p["schema"].get("maximum") for p in path["get"]["parameters"]}["limit"] == 500
    bodies = str(path["post"]["requestBody"])
    assert all(f"schemas/{name}" in bodies for name in ("NewPost", "History", "Submit"))
    assert {"200", "201", "202", "400", "413", "429", "503"} <= path["post"]["responses"].keys()
