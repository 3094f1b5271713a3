"""Messages in OpenAI's form, tool calls put together, options of a turn."""

import pytest

from antiphon.engine.messages import of_exchange, of_reply, read_message
from antiphon.engine.options import NONE, Options, going_on, options_of
from antiphon.engine.tool_calls import assemble
from antiphon.engine.window import fit
from antiphon.errors import Invalid
from antiphon.model import Chunk
from antiphon.stores.port import Exchange

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_a_plain_message_is_a_text_and_any_other_is_kept_as_it_is():
    assert read_message({"role": "user", "content": "hi"}).as_openai() == {"role": "user", "content": "hi"}
    given = {"role": "user", "content": [{"type": "text", "text": "what is "}, IMAGE]}
    message = read_message(given)
    assert (message.content, message.as_openai()) == ("what is ", given)
    result = {"role": "tool", "tool_call_id": "c1", "content": "4"}
    assert read_message(result).as_openai() == result
    asked = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    assert read_message(asked).as_openai() == asked


@pytest.mark.parametrize(
    "given", [{"content": "x"}, {"role": "robot"}, {"role": "user", "content": 3}, "hi", None]
)
def test_what_is_no_message_is_refused(given):
    with pytest.raises(Invalid):
        read_message(given)


def test_calls_and_their_results_are_sent_with_the_conversation():
    result = {"role": "tool", "tool_call_id": "c1", "content": "4"}
    history = [
        Exchange(before=None, text="2 and 2?"),
        Exchange(before="", text="4", calls=[CALL], given=[result]),
    ]
    sent = [message.as_openai() for message in fit("be brief", history, 1000)]
    assert sent == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "2 and 2?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        result,
    ]


def test_an_empty_reply_is_not_sent():
    assert of_reply("", []) == []
    assert [m.content for m in of_exchange(Exchange(before=None, text="x"))] == ["x"]


def test_deltas_make_calls():
    chunks = [
        Chunk("tool", '[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]'),
        Chunk("tool", '[{"index":1,"id":"b","function":{"name":"g","arguments":"{\\"x\\":"}}]'),
        Chunk("content", "text"),
        Chunk(
            "tool", '[{"index":0,"function":{"arguments":"{}"}},{"index":1,"function":{"arguments":"1}"}}]'
        ),
    ]
    assert assemble(chunks) == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": '{"x":1}'}},
    ]
    assert assemble([*chunks, Chunk("reset", "{}")]) == []


def test_odd_deltas_of_odd_servers_do_no_harm():
    odd = ['{"index":0}', "[1,null]", '[{"index":"x","function":null}]', "[]"]
    assert assemble([Chunk("tool", text) for text in odd]) == [
        {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
    ]


def test_options_travel_within_the_params_and_do_not_reach_the_model():
    options = Options(instructions="In French.", context={"name": "Ann"}, cache=True)
    found, params = options_of(options.stored_in({"temperature": 0}))
    assert (found, params) == (options, {"temperature": 0})
    assert options_of({"stop": "x"}) == (NONE, {"stop": "x"})
    assert NONE.stored_in({"a": 1}) == {"a": 1}


def test_the_system_prompt_is_the_bots_then_what_was_asked_for():
    assert NONE.system(None) is None
    assert NONE.system("Be kind.") == "Be kind."
    told = Options(instructions="In French.", context={"name": "Ann"}).system("Be kind.")
    assert told == 'Be kind.\n\nIn French.\n\nAbout this conversation: {"name":"Ann"}'


def test_a_limit_counts_what_was_said_before_a_takeover():
    assert going_on({"max_tokens": 60, "stop": "x"}, 20) == {"max_tokens": 40, "stop": "x"}
    assert going_on({"max_completion_tokens": 10}, 20) == {"max_completion_tokens": 1}
    assert going_on({"max_tokens": None}, 20) == {"max_tokens": None}
