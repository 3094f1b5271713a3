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
            for index, delta in deltas(chunk.text):
                _add(calls, index, delta)
    return [calls[index] for index in sorted(calls)]


def called(call: dict[str, Any]) -> dict[str, str]:
    """Return the name and the arguments of a call; what a custom tool is given counts as its arguments."""
    if "function" in call:
        return {name: call["function"][name] for name in ("name", "arguments")}
    return {"name": call["custom"]["name"], "arguments": call["custom"]["input"]}


def deltas(text: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the deltas of a ``tool`` chunk, each with the index of its call."""
    found = msgspec.json.decode(text)
    usable = [delta for delta in found if isinstance(delta, dict)] if isinstance(found, list) else []
    indexes = [delta.get("index") for delta in usable]
    return [
        (index if isinstance(index, int) else position, delta)
        for position, (index, delta) in enumerate(zip(indexes, usable, strict=True))
    ]


def _add(calls: dict[int, dict[str, Any]], index: int, delta: dict[str, Any]) -> None:
    # A tool of OpenAI's type ``custom`` takes a text, not arguments.
    kind, given = ("custom", "input") if isinstance(delta.get("custom"), dict) else ("function", "arguments")
    call = calls.setdefault(index, {"id": "", "type": kind, kind: {"name": "", given: ""}})
    for key in ("id", "type"):
        if isinstance(delta.get(key), str) and delta[key]:
            call[key] = delta[key]
    said, called = delta.get(kind), call.get(kind)
    if isinstance(said, dict) and called is not None:
        for key in ("name", given):
            if isinstance(said.get(key), str):
                called[key] += said[key]
