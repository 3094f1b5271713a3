"""Which part of a conversation a model gets to see."""

from hypothesis import given
from hypothesis import strategies as st

from antiphon.engine.window import TOKENS_A_MESSAGE, estimate_tokens, fit
from antiphon.stores.port import Exchange


def branch(*texts):
    """user, reply, user, reply …, user"""
    users, replies = texts[::2], (None, *texts[1::2])
    return [Exchange(before=reply, text=user) for user, reply in zip(users, replies, strict=True)]


def roles(messages):
    return [(m.role, m.content) for m in messages]


def test_all_of_a_short_conversation_is_sent():
    assert roles(fit("be brief", branch("a", "A", "b"), 1000)) == [
        ("system", "be brief"),
        ("user", "a"),
        ("assistant", "A"),
        ("user", "b"),
    ]


def test_a_reply_still_under_way_is_left_out():
    history = [Exchange(before=None, text="a"), Exchange(before=None, text="b")]
    assert roles(fit(None, history, 1000)) == [("user", "a"), ("user", "b")]


def test_the_oldest_go_first_and_a_question_goes_with_its_answer():
    long = "x" * 400
    kept = roles(fit(None, branch(long, long, "b", "B", "c"), 120))
    assert kept == [("user", "b"), ("assistant", "B"), ("user", "c")]


def test_the_last_message_is_sent_even_if_it_is_too_long():
    assert roles(fit("system", branch("a", "A", "x" * 10_000), 100)) == [
        ("system", "system"),
        ("user", "x" * 10_000),
    ]


def result(number):
    """The result of a call, after the reply that asked for it."""
    calls = [{"id": f"c{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    given = [{"role": "tool", "tool_call_id": f"c{number}", "content": "r" * 400}]
    return Exchange(before="", calls=calls, text="[result]", given=given)


def test_results_of_tools_are_never_sent_without_their_calls():
    asked = Exchange(before="A", text="b")
    steps = [result(number) for number in range(3)]
    after = Exchange(before="done", text="c")
    sent = ["user", *["assistant", "tool"] * 3]
    assert [m.role for m in fit(None, [*branch("a"), asked, *steps], 250)] == sent
    assert [m.role for m in fit(None, [*branch("a"), asked, *steps, after], 250)] == ["user"]
    # The history that was read may begin anywhere.
    assert [m.role for m in fit(None, steps, 1000)] == sent[1:]


def test_scripts_of_several_bytes_count_for_more():
    assert estimate_tokens("漢" * 40) > 2 * estimate_tokens("a" * 40)


@given(
    st.lists(st.text(max_size=60), min_size=1, max_size=21).filter(lambda texts: len(texts) % 2),
    st.integers(0, 400),
)
def test_what_is_kept_is_an_end_of_the_conversation_and_fits(texts, budget):
    kept = fit(None, branch(*texts), budget)
    said = [(role, text) for role, text in zip(("user", "assistant") * len(texts), texts, strict=False)]
    expected = [pair for pair in said if pair[0] == "user" or pair[1]]
    assert roles(kept) == expected[len(expected) - len(kept) :]
    assert kept[0].role == "user"
    cost = sum(estimate_tokens(m.content) + TOKENS_A_MESSAGE for m in kept)
    assert cost <= budget or sum(m.role == "user" for m in kept) == 1
