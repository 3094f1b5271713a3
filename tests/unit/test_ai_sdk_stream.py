"""The parts of a UI message: what odd providers send, and resets."""

import json

import msgspec
import pytest

from antiphon.dialects.ai_sdk_stream import START_STEP, Parts, UIMessageFormat, earlier_step, start
from antiphon.model import Chunk, End, TurnState
from stored import running_turn

TURN = running_turn(id="turn_1", number=3, reply_id="msg_r")


def tool(*deltas):
    return Chunk("tool", json.dumps(deltas))


def end(reason="stop", state=TurnState.COMPLETE, **more):
    made = End(state=state, finish_reason=reason, model="m", message_id="msg_r", **more)
    return Chunk("end", msgspec.json.encode(made).decode())


def call(arguments, call_id="c"):
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": arguments}}


def parsed(data):
    lines = [line.removeprefix("data: ") for line in data.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def told(*chunks):
    parts = Parts(TURN)
    return parsed(b"".join(piece for seq, chunk in enumerate(chunks) for piece in parts.take(seq, chunk)))


def types(events):
    return [each["type"] for each in events]


def reader(received=(), opening=b"", heard=lambda _: None):
    return UIMessageFormat(TURN, received, opening, heard)


def test_a_call_begins_when_its_id_and_its_name_are_known():
    events = told(
        tool({"index": 0, "function": {"arguments": '{"a'}}),
        tool({"index": 0, "id": "c"}),
        tool({"index": 0, "function": {"name": "f", "arguments": '":1'}}),
        tool({"index": 0, "function": {"arguments": "}"}}),
        end("tool_calls", tool_calls=[call('{"a":1}')]),
    )
    assert types(events)[:4] == [
        "tool-input-start",
        "tool-input-delta",
        "tool-input-delta",
        "tool-input-available",
    ]
    assert "".join(each.get("inputTextDelta", "") for each in events) == '{"a":1}'
    assert events[3]["input"] == {"a": 1}


@pytest.mark.parametrize("odd", ["null", "{}", "[1]", '[{"index":"x","id":7,"function":3}]'])
def test_odd_deltas_do_no_harm(odd):
    assert told(Chunk("tool", odd)) == []


@pytest.mark.parametrize(("arguments", "kind"), [("", "available"), ("{", "error"), ("[" * 100_000, "error")])
def test_arguments_that_are_no_json_are_an_error_of_the_call(arguments, kind):
    (event,) = [each for each in told(end(tool_calls=[call(arguments)])) if "toolCallId" in each]
    assert event["type"] == f"tool-input-{kind}"


def test_a_call_without_an_id_gets_one():
    (event,) = [each for each in told(end(tool_calls=[call("{}", "")])) if "toolCallId" in each]
    assert event["toolCallId"]


def test_a_call_of_a_tool_that_takes_a_text_is_available_with_it():
    custom = {"id": "c", "type": "custom", "custom": {"name": "x", "input": "as it is"}}
    (event,) = [each for each in told(end("tool_calls", tool_calls=[custom])) if "toolCallId" in each]
    assert (event["type"], event["toolName"], event["input"]) == ("tool-input-available", "x", "as it is")


def test_calls_of_a_reply_that_was_stopped_are_not_made():
    events = told(
        tool({"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}),
        end(state=TurnState.STOPPED, tool_calls=[call("{}")]),
    )
    assert "tool-input-available" not in types(events)


def test_parts_are_closed_when_another_begins():
    events = told(
        Chunk("reasoning", "r"), Chunk("content", "a"), Chunk("seam", "{}"), Chunk("content", "b"), end()
    )
    assert types(events) == [
        *("reasoning-start", "reasoning-delta", "reasoning-end"),
        *("text-start", "text-delta", "text-delta", "text-end"),
        *("finish-step", "finish"),
    ]


def test_a_reset_is_told_to_those_who_have_something_to_take_back():
    live = reader()
    assert types(parsed(live.chunks(TURN, 0, [Chunk("content", "void")], ""))) == ["text-start", "text-delta"]
    rest = [Chunk("content", " more"), Chunk("reset", "{}"), Chunk("content", "right")]
    assert types(parsed(live.chunks(TURN, 1, rest, ""))) == ["reset-step", "text-start", "text-delta"]
    late = reader().chunks(TURN, 0, [Chunk("content", "void"), *rest], "")
    assert types(parsed(late)) == ["text-start", "text-delta"]
    assert parsed(late)[-1]["delta"] == "right"


@pytest.mark.parametrize("cut", range(1, 7))
def test_a_stream_goes_on_after_any_cut(cut):
    chunks = [
        Chunk("reasoning", "r"),
        Chunk("content", "void"),
        Chunk("reset", "{}"),
        Chunk("content", "a"),
        tool({"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}),
        Chunk("content", "b"),
        end(tool_calls=[call("{}")]),
    ]

    def one_by_one(style, first, some):
        return b"".join(style.chunks(TURN, first + i, [each], "") for i, each in enumerate(some))

    whole = one_by_one(reader(), 0, chunks)
    after = one_by_one(reader(chunks[:cut]), cut, chunks[cut:])
    assert one_by_one(reader(), 0, chunks[:cut]) + after == whole
    assert f"id: 3.{cut + 1}\n".encode() in after


def test_the_rest_of_a_reply_that_was_begun_elsewhere_stands_by_itself():
    received = [tool({"index": 0, "id": "c", "function": {"name": "f"}}), Chunk("content", "a")]
    opening = reader(received, start(TURN, "msg_r") + START_STEP).begin(TURN)
    assert types(parsed(opening)) == ["start", "start-step", "tool-input-start", "text-start"]


def test_the_end_is_noted_once_it_is_sent():
    heard = []
    style = reader(heard=heard.append)
    style.chunks(TURN, 0, [Chunk("content", "a")], "")
    assert heard == []
    style.chunks(TURN, 1, [end()], "")
    assert heard == [TURN]


def test_earlier_steps_leave_out_what_is_void():
    chunks = [Chunk("content", "void"), Chunk("reset", "{}"), Chunk("content", "a"), end()]
    assert types(parsed(earlier_step(TURN, chunks, []))) == [
        *("start-step", "text-start", "text-delta", "text-end", "finish-step"),
    ]
