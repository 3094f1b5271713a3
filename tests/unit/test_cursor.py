"""Cursors: one text, everywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.engine.cursor import Cursor, parse_cursor
from antiphon.errors import BadRequest

numbers = st.integers(0, 999_999_999)


@given(st.dictionaries(numbers, numbers, min_size=1, max_size=64))
def test_what_is_written_is_read(received):
    assert parse_cursor(str(Cursor(received))) == Cursor(received)


@pytest.mark.parametrize("text", [None, ""])
def test_none_is_none(text):
    assert parse_cursor(text) is None


@pytest.mark.parametrize(
    "text",
    ["x", "1", "1.", ".1", "1.2,", "1.2;3.4", "-1.2", "1.2 ", "1.2\n", "\u0661.\u0662", "1." + "9" * 10],
)
def test_what_is_no_cursor_is_told(text):
    with pytest.raises(BadRequest):
        parse_cursor(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        cursor = parse_cursor(text)
    except BadRequest:
        return
    assert cursor is None or str(cursor)


def test_what_a_cursor_says_of_each_turn():
    cursor = parse_cursor("13.2,11.40")
    assert (cursor.of(13), cursor.of(11)) == (2, 40)
    assert cursor.of(12) is None, "received whole"
    assert cursor.of(14) == 0, "not seen"
