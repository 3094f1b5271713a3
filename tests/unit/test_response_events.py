"""The events of a response: numbered, the same whoever tells them, and as OpenAI describes them."""

import itertools
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.dialects.openai.responses_events import HEARTBEAT, ResponseEvents
from antiphon.dialects.openai.responses_input import items_of
from antiphon.dialects.openai.responses_object import Kept, describe
from antiphon.model import Chunk, End, Fault, TurnState, Usage
from openai_schema import validate
from stored import running_turn

OWN = "0123456789ab0123456789abcdef"[:28]
TURN = running_turn(
    id=f"turn_{OWN}", number=7, reply_id="msg_2", model="test/model", created_at=1_700_000_000_000
)


def end(state=TurnState.COMPLETE, reason="stop", **more):
    usage = Usage(prompt_tokens=3, completion_tokens=5)
    told = End(state=state, finish_reason=reason, model="m", message_id="msg_2", usage=usage, **more)
    return Chunk("end", msgspec.json.encode(told).decode())


def tool(*deltas):
    return Chunk("tool", json.dumps(deltas))


def call(index, call_id=None, name=None, arguments=None):
    function = {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}
    return {"index": index, "function": function} | ({"id": call_id} if call_id else {})


RESET = Chunk("reset", '{"reason":"lost","epoch":2}')
SEAM = Chunk("seam", '{"epoch":2}')
LOG = [
    Chunk("reasoning", "hm, "),
    Chunk("reasoning", "so"),
    Chunk("content", "Hel"),
    SEAM,
    Chunk("content", "lo\n\n„“"),
    tool(call(0, "call_a", "lookup", ""), call(1, "call_b", "find", '{"x"')),
    tool(call(1, arguments=":1}"), call(0, arguments="{}")),
    end(reason="tool_calls"),
]


def told(chunks, *, after=-1, received=0, splits=(), background=False):
    """Return the events that a reader gets, as (cursor, data)."""
    described = describe(TURN, Kept(background=background))
    events = ResponseEvents(TURN, described, after=after, received=received)
    data = events.begin(TURN)
    bounds = [0, *sorted(splits), len(chunks)]
    for first, last in itertools.pairwise(bounds):
        data += events.chunks(TURN, first, chunks[first:last], "") if last > first else b""
    found = []
    for block in data.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        body = json.loads(fields["data"])
        assert fields["event"] == body["type"]
        found.append((fields.get("id"), body))
    return found


def kinds(found):
    return [body["type"].removeprefix("response.") for _, body in found]


def test_events_of_a_reply_are_numbered_and_fit_the_published_description():
    found = told(LOG)
    assert [body["sequence_number"] for _, body in found] == list(range(len(found)))
    for _, body in found:
        validate("ResponseStreamEvent", body)
    assert kinds(found) == [
        "created",
        "in_progress",
        *("output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.delta"),
        *("reasoning_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "output_item.added", "function_call_arguments.delta"),
        *("function_call_arguments.delta", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done"),
        *("function_call_arguments.done", "output_item.done"),
        "completed",
    ]
    output = found[-1][1]["response"]["output"]
    assert [item["type"] for item in output] == ["reasoning", "message", "function_call", "function_call"]
    assert output[1]["content"][0]["text"] == "Hello\n\n„“"
    assert [(i["call_id"], i["name"], i["arguments"]) for i in output[2:]] == [
        ("call_a", "lookup", "{}"),
        ("call_b", "find", '{"x":1}'),
    ]


def test_the_pieces_of_an_item_make_its_whole():
    pieces, wholes = {}, {}
    for _, body in told(LOG):
        if body["type"].endswith(".delta"):
            pieces[body["item_id"]] = pieces.get(body["item_id"], "") + body["delta"]
        elif body["type"].endswith(("text.done", "arguments.done")):
            wholes[body["item_id"]] = body.get("text", body.get("arguments"))
    assert len(pieces) == 4
    assert pieces == wholes


def test_the_cursor_is_on_the_last_event_of_each_chunk_that_has_any():
    cursors = [cursor for cursor, _ in told(LOG) if cursor]
    assert cursors == ["7.1", "7.2", "7.3", "7.5", "7.6", "7.7", "7.8"]  # a seam says nothing


def test_a_response_in_the_background_is_queued_until_its_first_chunk():
    assert kinds(told([], background=True)) == ["created", "queued"]
    assert told([], background=True)[0][1]["response"]["status"] == "queued"
    assert kinds(told([SEAM], background=True)) == ["created", "queued", "in_progress"]


@pytest.mark.parametrize(
    ("last", "event", "status", "details"),
    [
        (end(reason="length"), "incomplete", "incomplete", {"reason": "max_output_tokens"}),
        (end(reason="content_filter"), "incomplete", "incomplete", {"reason": "content_filter"}),
        (end(TurnState.STOPPED, "stopped"), "incomplete", "cancelled", None),
        (end(TurnState.FAILED, "error", error=Fault(code="x", message="no")), "failed", "failed", None),
    ],
)
def test_a_response_that_does_not_complete(last, event, status, details):
    found = told([Chunk("content", "Hel"), last])
    for _, body in found:
        validate("ResponseStreamEvent", body)
    assert kinds(found)[-1] == event
    response = found[-1][1]["response"]
    assert (response["status"], response["incomplete_details"]) == (status, details)
    assert response["output"][0]["status"] == "incomplete"
    assert (response["error"] is not None) is (status == "failed")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(code="provider_rate_limited", message="no", provider_status=429), "rate_limit_exceeded"),
        (Fault(code="provider_refused", message="no", provider_status=400), "invalid_prompt"),
        (Fault(code="provider_refused", message="no", provider_status=401), "server_error"),
        (Fault(code="provider_timeout", message="no"), "server_error"),
    ],
)
def test_a_failure_has_one_of_the_codes_that_there_are(fault, code):
    found = told([end(TurnState.FAILED, "error", error=fault)])
    assert found[-1][1]["response"]["error"] == {"code": code, "message": "no"}


def test_what_came_before_a_reset_is_not_in_the_response_and_no_number_is_given_twice():
    found = told(
        [Chunk("content", "lost"), tool(call(0, "c", "f", "{")), RESET, Chunk("content", "new"), end()]
    )
    for _, body in found:
        validate("ResponseStreamEvent", body)
    closed = [body["item"] for _, body in found if body["type"] == "response.output_item.done"]
    assert [(item["type"], item["status"]) for item in closed] == [
        ("message", "completed"),
        ("function_call", "incomplete"),
        ("message", "completed"),
    ]
    added = [body["output_index"] for _, body in found if body["type"] == "response.output_item.added"]
    assert added == [0, 1, 2]
    (message,) = found[-1][1]["response"]["output"]
    assert message["content"][0]["text"] == "new"
    assert message["id"] == closed[2]["id"]


def test_a_call_waits_for_its_name_and_has_an_id_to_be_answered_by():
    found = told([tool({"function": {"arguments": "{"}}), tool(call(0, name="f", arguments="}")), end()])
    item = found[-1][1]["response"]["output"][0]
    assert (item["name"], item["arguments"], item["call_id"]) == ("f", "{}", f"call_{OWN}_0")
    deltas = [body["delta"] for _, body in found if body["type"].endswith("arguments.delta")]
    assert deltas == ["{}"]


@pytest.mark.parametrize(
    "params",
    [
        {"tools": 5, "tool_choice": {"type": "allowed_tools"}},
        {"tools": [5, {"function": {}}], "response_format": "json"},
        {"tools": [{"type": "custom", "custom": {"name": "x"}}], "response_format": {"json_schema": None}},
    ],
)
def test_whatever_params_another_contract_passed_on_a_response_can_be_told(params):
    described = describe(msgspec.structs.replace(TURN, params=params), Kept())
    assert described["text"] == {"format": {"type": "text"}}
    assert described["tool_choice"] == "auto"


def test_a_call_of_a_tool_that_takes_a_text_is_an_item_with_it():
    custom = {"id": "c", "type": "custom", "custom": {"name": "x", "input": "y"}}
    (item,) = items_of([{"role": "assistant", "content": None, "tool_calls": [custom]}], OWN)
    assert (item["name"], item["arguments"], item["call_id"]) == ("x", "y", "c")


def test_a_heartbeat_has_no_empty_line():
    """The official Python SDK reads a comment and an empty line as an event without data, and fails on it."""
    events = ResponseEvents(TURN, describe(TURN, Kept()))
    assert events.heartbeat("") == HEARTBEAT
    assert HEARTBEAT.startswith(b":")
    assert b"\n\n" not in HEARTBEAT


def test_a_pod_that_leaves_cuts_the_stream_because_an_orderly_end_is_taken_for_the_responses():
    assert ResponseEvents(TURN, describe(TURN, Kept())).resume() is None


pieces = st.one_of(
    st.builds(Chunk, st.sampled_from(["content", "reasoning"]), st.text(min_size=1, max_size=5)),
    st.sampled_from([SEAM, RESET]),
    st.builds(
        lambda i, name, args: tool(call(i, f"call_{i}", name, args)),
        st.integers(0, 2),
        st.sampled_from([None, "f"]),
        st.sampled_from([None, "", "{}"]),
    ),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(pieces, max_size=12), st.data())
def test_whoever_tells_them_in_whatever_pieces_the_events_are_the_same(chunks, data):
    log = [*chunks, end()]
    whole = told(log)
    assert [body["sequence_number"] for _, body in whole] == list(range(len(whole)))
    splits = data.draw(st.lists(st.integers(0, len(log)), max_size=4))
    after = data.draw(st.integers(-1, len(whole)))
    again = told(log, after=after, splits=splits)
    assert [body for _, body in again] == [body for _, body in whole[after + 1 :]]
    received = data.draw(st.integers(1, len(log)))
    number = next((i for i, (cursor, _) in enumerate(whole) if cursor and int(cursor[2:]) > received), None)
    rest = told(log, received=received, splits=splits)
    ahead = [cursor for cursor, _ in rest if cursor]
    assert ahead == [cursor for cursor, _ in whole if cursor and int(cursor[2:]) > received]
    if number is not None:
        assert [body for _, body in rest] == [body for _, body in whole[len(whole) - len(rest) :]]
        assert len(whole) - len(rest) <= number
