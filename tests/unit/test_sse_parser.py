from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import ProviderGarbled
from antiphon.providers.sse import MAX_EVENT, SSEParser


def read(*pieces: bytes) -> list[bytes]:
    parser = SSEParser()
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events + parser.finish()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_ends_of_lines(end):
    stream = b"data: one" + end + end + b"data: two" + end + end
    assert read(stream) == [b"one", b"two"]
    assert read(*(stream[i : i + 1] for i in range(len(stream)))) == [b"one", b"two"]


def test_several_data_lines_are_one_event():
    assert read(b"data: a\ndata:b\ndata\ndata:  c\n\n") == [b"a\nb\n\n c"]


def test_other_fields_and_comments_are_skipped():
    assert read(b": hello\n\nevent: x\nid: 1\nretry: 5\ndata: a\nfoo\n\n: bye\n\n") == [b"a"]


def test_byte_order_mark():
    assert read(b"\xef\xbb\xbfdata: a\n\n") == read(b"\xef", b"\xbb\xbfda", b"ta: a\n\n") == [b"a"]


def test_an_unfinished_event_is_given_at_the_end():
    assert read(b"data: [DONE]") == read(b"data: [DONE]\n") == read(b"data: [DONE]\r") == [b"[DONE]"]


def test_fast_path_is_not_taken_within_an_event():
    assert read(b"data: x\n\n", b"data: a\n", b"data: b\n\n", b"data: c\n\n") == [b"x", b"a\nb", b"c"]


@pytest.mark.parametrize(
    "stream", [b"data: " + b"x" * (MAX_EVENT + 1), b"data: x\n" * MAX_EVENT, b"data\n" * (MAX_EVENT + 1)]
)
def test_event_size_is_bounded(stream):
    with pytest.raises(ProviderGarbled):
        read(*(stream[i : i + 60000] for i in range(0, len(stream), 60000)))


LINE = st.sampled_from(["data: ", "data:", ": ", "event: ", "data", ""])
TEXT = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)
STREAM = st.lists(st.tuples(LINE, TEXT, st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"])))


@given(STREAM, st.lists(st.integers(0, 400), max_size=12))
def test_any_split_gives_the_same_events(lines, cuts):
    stream = "".join(field + text + end for field, text, end in lines).encode()
    places = [0, *sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(places)]
    whole = read(stream)
    assert read(*pieces) == whole
    assert read(*(stream[i : i + 1] for i in range(len(stream)))) == whole
