"""The life of a response: polled, resumed, cancelled, deleted, taken over."""

import asyncio

import pytest

from antiphon.testing.model_server import expected_text, serve
from openai_responses_client import ask, create, deltas, done, follow, get, read, stream, text_of
from openai_schema import validate
from patience import PATIENCE_S
from serving import Client, ServerProcess, events, model_toml


async def test_a_background_response_is_polled(client):
    response = await create(client, **ask("test-40-20-0", background=True))
    assert response["status"] in ("queued", "in_progress")
    assert "usage" not in response
    await asyncio.sleep(0.3)
    partial = await get(client, response["id"])
    assert (partial["status"], partial["output"][0]["status"]) == ("in_progress", "in_progress")
    assert expected_text("hello", 40).startswith(text_of(partial))
    assert text_of(partial)
    whole = await done(client, response["id"])
    assert (whole["status"], text_of(whole)) == ("completed", expected_text("hello", 40))


@pytest.mark.parametrize("background", [True, False])
async def test_a_broken_stream_goes_on_after_its_last_number(client, background):
    found = await stream(client, most=12, **ask("test-40-20-0", background=background))
    response_id = found[0]["response"]["id"]
    await follow(client, response_id, starting_after=found[-1]["sequence_number"], most=20, found=found)
    await follow(client, response_id, starting_after=found[-1]["sequence_number"], found=found)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    assert deltas(found) == text_of(found[-1]["response"]) == expected_text("hello", 40)
    assert await follow(client, response_id) == found


async def test_the_cursor_is_the_same_as_everywhere(client):
    """Begun here, gone on with natively and here again."""
    cursors, text, turn = [], "", ""
    async with client.http.post(
        f"{client.url}/v1/responses", json=ask("test-40-20-0", stream=True)
    ) as response:
        async for event in events(response):
            turn = f"turn_{event.data['response']['id'][5:]}" if "response" in event.data else turn
            text += event.data["delta"] if event.name == "response.output_text.delta" else ""
            cursors += [event.id] if event.id else []
            if len(cursors) == 5:
                break
    url = f"{client.url}/api/turns/{turn}/events"
    async with client.http.get(url, headers={"Last-Event-ID": cursors[-1]}) as response:
        async for event in events(response):
            text += event.data["text"] if event.data.get("type") == "content" else ""
            cursors += [event.id] if event.id else []
            if len(cursors) == 9:
                break
    rest = await follow(client, f"resp_{turn[5:]}", headers={"Last-Event-ID": cursors[-1]})
    assert text + deltas(rest) == expected_text("hello", 40)
    assert rest[0]["type"] == "response.output_text.delta"
    url = f"{client.url}/v1/responses/resp_{turn[5:]}?stream=true&cursor=1.999"
    async with client.http.get(url) as response:
        assert response.status == 410
        validate("ErrorResponse", await response.json())


async def test_a_stopped_response_is_cancelled_and_its_stream_ends_so(client):
    following = asyncio.create_task(stream(client, **ask("test-500-20-0", background=True)))
    while not (running := await client.call("GET", "/api/sessions"))["sessions"]:
        await asyncio.sleep(0.05)
    session = await client.call("GET", f"/api/sessions/{running['sessions'][0]['id']}")
    path = f"/v1/responses/resp_{session['running'][0]['id'][5:]}/cancel"
    cancelled = validate("Response", await client.call("POST", path))
    assert cancelled["status"] == "cancelled"
    assert expected_text("hello", 500).startswith(text_of(cancelled))
    assert await client.call("POST", path) == cancelled
    found = await following
    assert found[-1]["type"] == "response.incomplete"
    assert found[-1]["response"] == cancelled


async def test_cancelling_what_has_ended_returns_it(client):
    response = await create(client, **ask())
    assert await client.call("POST", f"/v1/responses/{response['id']}/cancel") == response


async def test_a_deleted_response_is_gone_and_what_followed_it_stays(client):
    first = await create(client, **ask())
    second = await create(client, **ask(previous_response_id=first["id"]))
    path = f"/v1/responses/{first['id']}"
    told = await client.call("DELETE", path)
    assert told == {"id": first["id"], "object": "response", "deleted": True}
    await get(client, first["id"], 404)
    await client.call("DELETE", path, 404)
    assert await get(client, second["id"]) == second


async def test_a_session_that_goes_with_its_response_leaves_no_context_behind(client):
    made = {"session_id": "again", "customer_name": "Ann", "customer_email": "a@b.org", "flight_no": "1"}
    await client.call("POST", "/chat/session", json=made)
    await client.call("POST", "/chat/message?wait=true", json={"session_id": "again", "message": "hello"})
    turn = (await client.messages("again"))[0]["turn_id"]
    await client.call("DELETE", f"/v1/responses/resp_{turn[5:]}")
    await client.session(id="again", context={"flight_no": "2"})
    assert (await client.call("GET", "/chat/session/again"))["context"]["flight_no"] == "2"


async def test_a_running_response_is_stopped_to_be_deleted(client, model):
    response = await create(client, **ask("test-500-20-0", background=True))
    await client.call("DELETE", f"/v1/responses/{response['id']}")
    await get(client, response["id"], 404)
    assert (await client.call("GET", "/api/sessions"))["sessions"] == []


async def test_a_client_that_hangs_up_leaves_the_reply_running(client):
    url = f"{client.url}/v1/responses"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3), client.http.post(url, json=ask("test-30-20-0")):
            pass
    (session,) = (await client.call("GET", "/api/sessions"))["sessions"]
    while (await client.call("GET", f"/api/sessions/{session['id']}"))["running"]:
        await asyncio.sleep(0.05)
    assert (await client.messages(session["id"]))[1]["content"] == expected_text("hello", 30)


async def test_a_repeated_request_is_the_same_response(client):
    key = {"Idempotency-Key": "k-1"}
    first = await create(client, headers=key, **ask(metadata={"a": "1"}))
    assert await create(client, headers=key, **ask(metadata={"a": "2"})) == first
    error = await create(client, 409, headers=key, **ask() | {"input": "other"})
    assert error["error"]["code"] == "conflict"
    found = await follow(client, first["id"])
    async with client.http.post(f"{client.url}/v1/responses", json=ask(stream=True), headers=key) as response:
        again = []
        await read(response, again)
    assert again == found


async def test_a_failure_before_the_first_word_is_an_error_and_after_it_a_failed_response(client):
    error = await create(client, 400, **ask("test-10-0-0-status400"))
    assert error["error"]["type"] == "invalid_request_error"
    error = await create(client, 429, **ask("test-10-0-0-status429-retry60"))
    assert error["error"]["code"] == "rate_limit_exceeded"
    response = await create(client, **ask("test-10-0-0-cut3"))
    assert (response["status"], response["error"]["code"]) == ("failed", "server_error")
    assert text_of(response) == expected_text("hello", 3)
    found = await stream(client, **ask("test-10-0-0-status429-retry60"))
    assert [event["type"] for event in found] == [
        "response.created",
        "response.in_progress",
        "response.failed",
    ]
    assert found[-1]["response"]["error"]["code"] == "rate_limit_exceeded"


async def test_what_is_not_kept_ends_with_its_reader(client, model):
    found = await stream(client, most=8, **ask("test-2000-20-0", store=False))
    assert found[-1]["type"] == "response.output_text.delta"
    said = model.chunks
    async with asyncio.timeout(PATIENCE_S):
        while True:
            before = model.chunks
            await asyncio.sleep(0.3)
            if model.chunks == before:
                break
    assert said <= model.chunks < 1000


@pytest.mark.parametrize("continuation", [True, False])
async def test_a_killed_server_goes_on_with_the_response(tmp_path, continuation):
    """Where the model goes on with a text, the item does; else it is void and the next one is whole."""
    model = await serve("127.0.0.1", 0)
    server = ServerProcess(tmp_path, model_toml(model.port, continuation=continuation))
    try:
        async with server, Client(server.url) as client:
            found = await stream(client, most=25, **ask("test-60-20-0", background=True))
            response_id = found[0]["response"]["id"]
            await server.kill()
            await server.start()
            await follow(client, response_id, starting_after=found[-1]["sequence_number"], found=found)
            assert [event["sequence_number"] for event in found] == list(range(len(found)))
            assert text_of(found[-1]["response"]) == expected_text("hello", 60)
            added = [event["output_index"] for event in found if event["type"].endswith("output_item.added")]
            assert added == ([0] if continuation else [0, 1])
            (message,) = found[-1]["response"]["output"]
            pieces = [e["delta"] for e in found if e.get("item_id") == message["id"] and "delta" in e]
            assert "".join(pieces) == expected_text("hello", 60)
            assert await follow(client, response_id) == found
    finally:
        await model.close()
