"""Tool calls as a model streams them, put together."""

from collections.abc import Iterable
from typing import Any

import msgspec

from antiphon.model import Chunk


def assemble(chunks: Iterable[Chunk]) -> list[dict[str, Any]]:
    """Return the calls of a reply in OpenAI's form, from the deltas of its ``tool`` chunks.

    A delta names its call by ``index``; ids and names come once, arguments in pieces. What came before a
    ``reset`` is void.
    """
    calls: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        if chunk.kind == "reset":
            calls.clear()
        elif chunk.kind == "tool":
            for position, delta in enumerate(_deltas(chunk.text)):
                index = delta.get("index")
                _add(calls, index if isinstance(index, int) else position, delta)
    return [calls[index] for index in sorted(calls)]


def _deltas(text: str) -> list[dict[str, Any]]:
    found = msgspec.json.decode(text)
    return [delta for delta in found if isinstance(delta, dict)] if isinstance(found, list) else []


def _add(calls: dict[int, dict[str, Any]], index: int, delta: dict[str, Any]) -> None:
    call = calls.setdefault(index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
    for key in ("id", "type"):
        if isinstance(delta.get(key), str) and delta[key]:
            call[key] = delta[key]
    function = delta.get("function")
    if isinstance(function, dict):
        if isinstance(function.get("name"), str):
            call["function"]["name"] += function["name"]
        if isinstance(function.get("arguments"), str):
            call["function"]["arguments"] += function["arguments"]
