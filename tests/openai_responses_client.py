"""OpenAI's responses as a client sees them; what comes is checked against the published description."""

import asyncio

from openai_schema import validate
from serving import events

ANN = {"X-User-ID": "ann"}
LOOKUP = {
    "type": "function",
    "name": "lookup",
    "description": "Looks up.",
    "parameters": {"type": "object", "properties": {"key": {"type": "string"}}},
    "strict": False,
}


def ask(model="test-10-0-0", **more):
    return {"model": f"test/{model}", "input": "hello", **more}


async def create(client, status=200, headers=None, **body):
    answer = await client.call("POST", "/v1/responses", status, json=body, headers=headers or {})
    return validate("Response" if status == 200 else "ErrorResponse", answer)


async def get(client, response_id, status=200):
    answer = await client.call("GET", f"/v1/responses/{response_id}", status)
    return validate("Response" if status == 200 else "ErrorResponse", answer)


async def done(client, response_id):
    while True:
        response = await get(client, response_id)
        if response["status"] not in ("queued", "in_progress"):
            return response
        await asyncio.sleep(0.05)


async def read(response, found, most=None):
    """Add a response's events to what was found; check their names, order and form."""
    assert response.status == 200, await response.text()
    assert response.content_type == "text/event-stream"
    async for event in events(response):
        data = event.data
        assert event.name == data["type"]
        if found:
            assert data["sequence_number"] == found[-1]["sequence_number"] + 1
        validate("ResponseStreamEvent", data)
        found.append(data)
        if len(found) == most:
            return


async def stream(client, most=None, **body):
    found = []
    url = f"{client.url}/v1/responses"
    async with client.http.post(url, json={**body, "stream": True}) as response:
        await read(response, found, most)
    return found


async def follow(client, response_id, *, headers=None, most=None, found=None, **query):
    found = [] if found is None else found
    url = f"{client.url}/v1/responses/{response_id}"
    params = {"stream": "true", **{name: str(value) for name, value in query.items()}}
    async with client.http.get(url, params=params, headers=headers or {}) as response:
        await read(response, found, most)
    return found


def text_of(response):
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part["text"] for part in parts)


def deltas(found):
    return "".join(event["delta"] for event in found if event["type"] == "response.output_text.delta")
