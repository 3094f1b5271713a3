"""How deep JSON may be: deeper than this nobody stores it, and what was stored before is not read.

Decoders and encoders give up at a depth that follows from where they are called. What one call still took and
another does not would break every list that it is in.
"""

from typing import Any

import msgspec

MOST_DEPTH = 32
# What was given is stored within objects of the server's own.
_STORED_DEPTH = 2 * MOST_DEPTH
_decode = msgspec.json.decode


def too_deep(value: dict[str, Any] | list[Any], most: int = MOST_DEPTH) -> bool:
    """Tell whether it has more than so many lists and objects within each other, itself counted."""
    level: list[dict[str, Any] | list[Any]] = [value]
    for _ in range(most):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def read_object(text: str) -> dict[str, Any]:
    """Decode a stored object; an empty one in place of one that is too deep."""
    # Hardly any has so many brackets; only those are worth a closer look.
    if text.count("{") + text.count("[") > _STORED_DEPTH:
        try:
            if too_deep(_decode(text), _STORED_DEPTH):
                return {}
        except RecursionError:
            return {}
    found: dict[str, Any] = _decode(text)
    return found
