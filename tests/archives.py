"""Conversations as files, and what is done with them."""

import json
from io import BytesIO

EXPORTED = {
    "id", "role", "sender", "status", "content", "parent_id", "usage", "metadata", "feedback", "created_at"
}  # fmt: skip
THEN = "2020-02-03T04:05:06.789Z"


async def say(client, session, text, **more):
    """Send a message, wait for its reply, and return the turn."""
    turn = await client.send(session, text, **{"bot": "echo"} | more)
    await client.follow(turn["id"])
    return turn


async def regenerate(client, turn):
    again = (await client.call("POST", f"/api/turns/{turn['id']}/regenerate", 202))["turn"]
    await client.follow(again["id"])
    return again


async def export(client, session):
    return await client.call("GET", f"/api/sessions/{session}/export")


async def bring_in(client, file, status=201):
    body, headers = BytesIO(json.dumps(file).encode()), {"Content-Type": "application/json"}
    return await client.call("POST", "/api/sessions/import", status, data=body, headers=headers)


async def ids(client, query=""):
    return [s["id"] for s in (await client.call("GET", f"/api/sessions{query}"))["sessions"]]


def file_of(*messages, **more):
    """Return a file with these messages: (id, role, parent) and perhaps fields."""
    listed = [
        {"id": name, "role": role, "parent_id": parent, "content": name, "created_at": THEN} | dict(*fields)
        for name, role, parent, *fields in messages
    ]
    head = {"title": "Old", "context": {}, "created_at": THEN}
    return {"format": "antiphon.session", "version": 1, "session": head, "messages": listed} | more
