"""What the tests of stores put in."""

import msgspec

from antiphon.model import Chunk, End, Principal, Turn, TurnState, Usage
from antiphon.stores.port import NewTurn, Outcome

ANN, BOB = Principal("user:ann"), Principal("user:bob")
HOUR = 3_600_000
FOREVER = 2**50


def ask(text="hello", session="s", **more):
    defaults = {"bot": "echo", "model": "builtin/echo", "create_session": True, "claim_for": "pod"}
    return NewTurn(session_id=session, text=text, **(defaults | more))


def running_turn(**more):
    """A turn under way, for what needs no store to know it."""
    known = Turn(
        id="t", session_id="s", number=1, state=TurnState.RUNNING, pod="pod", epoch=1, prompt_id="p",
        reply_id="r", bot="b", model="m", params={}, stop_requested=False, created_at=0, ended_at=None,
    )  # fmt: skip
    return msgspec.structs.replace(known, **more)


def outcome(turn, *words, state=TurnState.COMPLETE):
    content = "".join(words)
    end = End(
        state=state,
        finish_reason="stop",
        model=turn.model,
        message_id=turn.reply_id,
        usage=Usage(prompt_tokens=1, completion_tokens=len(words)),
    )
    chunks = [*(Chunk("content", w) for w in words), Chunk("end", msgspec.json.encode(end).decode())]
    return Outcome(state=state, content=content, end=end, chunks=chunks)


async def exchange(store, text, reply, **more):
    turn = (await store.submit(ANN, ask(text, **more))).turn
    assert await store.finish(turn, outcome(turn, reply)) == "done"
    return turn
