"""Conversations as files, and what is done with them."""

import json
from io import BytesIO

from antiphon.ids import new_id, now_ms
from antiphon.model import Feedback, Message, Session, Turn, TurnState
from antiphon.stores.archive_port import Past, PastTurn
from stored import ANN, outcome

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


def conversation(turns=3, session_id=None):
    """Return a conversation from elsewhere of so many turns, the last of which answers the first message."""
    sid, now = session_id or new_id("ses"), now_ms()
    session = Session(
        id=sid, owner=ANN.id, title="Old", context={"k": 1}, turn_count=turns, created_at=7, updated_at=now
    )
    feedback = Feedback(rating="up", comment="so it is \x00", created_at=5)
    shared = {"session_id": sid, "created_at": 8}
    prompts, past = [], []
    for number in range(1, turns + 1):
        turn_id, reply_id = new_id("turn"), new_id("msg")
        if number < turns:
            parent = past[-1].reply.id if past else None
            prompts.append(
                Message(id=new_id("msg"), ordinal=2 * number, role="user", sender="ann", status="complete",
                        content=f"q{number} \x00", parent_id=parent, turn_id=turn_id, usage=None, metadata={},
                        **shared)
            )  # fmt: skip
        prompt = prompts[-1] if number < turns else prompts[0]
        turn = Turn(
            id=turn_id, number=number, state=TurnState.COMPLETE, pod=None, epoch=1, prompt_id=prompt.id,
            reply_id=reply_id, bot="echo", model="builtin/echo", params={}, stop_requested=False, ended_at=9,
            **shared
        )  # fmt: skip
        chunks = outcome(turn, f"a{number} \U0010ffff").chunks
        reply = Message(
            id=reply_id, ordinal=2 * number + 1, role="assistant", sender="echo", status="complete",
            content=f"a{number} \U0010ffff", parent_id=prompt.id, turn_id=turn_id,
            usage={"prompt_tokens": 1, "completion_tokens": 2, "estimated": False}, metadata={"model": "m"},
            feedback=feedback, **shared
        )  # fmt: skip
        past.append(PastTurn(turn=turn, reply=reply, chunks=chunks))
    return Past(session=session, prompts=prompts, turns=past)
