"""How deep JSON may be."""

import msgspec
import pytest

from antiphon.nesting import MOST_DEPTH, read_object, too_deep


def nested(depth):
    value = {}
    for n in range(depth - 1):
        value = [value, 1] if n % 2 else {"a": value, "b": "[{"}
    return value


def test_depth_counts_lists_and_objects():
    assert not too_deep({})
    assert not too_deep(nested(MOST_DEPTH))
    assert too_deep(nested(MOST_DEPTH + 1))
    assert not too_deep([[{"a": 1}, []]] * 1_000)
    assert not too_deep(nested(3), 3)
    assert too_deep(nested(4), 3)


@pytest.mark.parametrize("value", [{}, {"a": "[{" * 500}, {"a": [[1]] * 500}, {"a": nested(MOST_DEPTH)}])
def test_what_was_stored_is_read(value):
    assert read_object(msgspec.json.encode(value).decode()) == value


@pytest.mark.parametrize("depth", [100, 900, 5_000])
def test_what_was_stored_too_deep_is_read_as_empty(depth):
    assert read_object('{"a":' + "[" * depth + "]" * depth + "}") == {}
