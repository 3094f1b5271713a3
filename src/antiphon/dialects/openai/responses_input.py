"""The input of a response: its items as messages of a chat, and back."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.dialects.openai.errors import InvalidParameter
from antiphon.engine.tool_calls import called

Object = dict[str, Any]

ROLES = ("user", "assistant", "system", "developer")
# What of an assistant's earlier output no other model can read.
_IGNORED = frozenset({"reasoning"})
_TEXTS = frozenset({"input_text", "output_text", "text", "refusal", "summary_text", "reasoning_text"})


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What was given: ``messages`` in the form of a chat, and their ``text`` for people."""

    messages: list[Object]
    text: str

    @property
    def plain(self) -> bool:
        """Whether it is one message of a user, and nothing but text."""
        return self.messages == [{"role": "user", "content": self.text}]


def read_input(given: str | Sequence[Object]) -> Given:
    """Read the field ``input``. Raises InvalidParameter, which names the place of what does not fit."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    messages: list[Object] = []
    for i, item in enumerate(given):
        _add(messages, item, f"input[{i}]")
    if not messages or not any(_told(message) for message in messages):
        raise InvalidParameter("The input is empty. Write something.", "input", "empty_array")
    # What the user said last, or else whatever was said last.
    latest = messages[::-1]
    latest.sort(key=lambda message: message["role"] != "user")
    text = next(told for told in map(_told, latest) if told)
    return Given(messages=messages, text=text)


def _add(messages: list[Object], item: Object, place: str) -> None:
    kind = item.get("type") or ("message" if "role" in item else None)
    if kind is not None and not isinstance(kind, str):
        raise _invalid("The type of an item is a text.", f"{place}.type")
    if kind == "message":
        messages.append(_message(item, place))
    elif kind == "function_call":
        _add_call(messages, item, place)
    elif kind == "function_call_output":
        messages.append(_output(item, place))
    elif kind == "item_reference" or (kind is None and item.keys() == {"id"}):
        raise _unsupported(
            "References to items are not looked up. Send the item itself, or previous_response_id.", place
        )
    elif kind not in _IGNORED:
        raise _unsupported(
            f"Items of type {kind!r} are not taken. There are: message, function_call, function_call_output, "
            "reasoning.",
            f"{place}.type",
        )


def _message(item: Object, place: str) -> Object:
    role = item.get("role")
    if role not in ROLES:
        raise _invalid(f"A role is one of {', '.join(ROLES)}, not {role!r}.", f"{place}.role")
    content = item.get("content")
    if isinstance(content, list):
        content = [_part(part, f"{place}.content[{i}]") for i, part in enumerate(content)]
        texts = [part["text"] for part in content if part["type"] == "text"]
        # Few servers take parts of any other role, and a single text is the same without them.
        if len(texts) == len(content) and (role != "user" or len(texts) == 1):
            content = "".join(texts)
    elif not isinstance(content, str):
        raise _invalid("A content is a text or a list of parts.", f"{place}.content")
    # OpenAI's newer name for it, which other models' templates do not know.
    return {"role": "system" if role == "developer" else role, "content": content}


def _part(part: Any, place: str) -> Object:
    kind = str(part.get("type")) if isinstance(part, dict) else None
    if kind in _TEXTS:
        return {"type": "text", "text": _string(part, "refusal" if kind == "refusal" else "text", place)}
    if kind == "input_image":
        if part.get("image_url") is None:
            raise _unsupported("There are no files here: send the image as image_url.", f"{place}.image_url")
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": _string(part, "image_url", place), **detail}}
    if kind == "input_file":
        if part.get("file_data") is None:
            raise _unsupported("There are no files here: send the file as file_data.", f"{place}.file_data")
        name = {"filename": part["filename"]} if part.get("filename") else {}
        return {"type": "file", "file": {**name, "file_data": _string(part, "file_data", place)}}
    raise _unsupported(
        f"Parts of type {kind!r} are not taken. There are: input_text, output_text, input_image, input_file.",
        f"{place}.type",
    )


def _add_call(messages: list[Object], item: Object, place: str) -> None:
    """Add a call to the assistant's message that it belongs to: one message holds all of a reply."""
    function = {name: _string(item, name, place) for name in ("name", "arguments")}
    call = {"id": _string(item, "call_id", place), "type": "function", "function": function}
    if messages and messages[-1]["role"] == "assistant":
        messages[-1].setdefault("tool_calls", []).append(call)
    else:
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})


def _output(item: Object, place: str) -> Object:
    output = item.get("output")
    if isinstance(output, list):
        parts = [_part(part, f"{place}.output[{i}]") for i, part in enumerate(output)]
        if any(part["type"] != "text" for part in parts):
            raise _unsupported("The output of a function is text.", f"{place}.output")
        output = "".join(part["text"] for part in parts)
    if not isinstance(output, str):
        raise _invalid("The output of a function is a text, or a list of texts.", f"{place}.output")
    return {"role": "tool", "tool_call_id": _string(item, "call_id", place), "content": output}


def _told(message: Object) -> str:
    """Return what a person is shown of a message, empty for nothing."""
    content = message["content"]
    if isinstance(content, list):
        words = [part["text"] for part in content if part["type"] == "text"]
        others = [part["type"].removesuffix("_url") for part in content if part["type"] != "text"]
        content = "".join(words) or " ".join(f"[{kind}]" for kind in others)
    if content and content.strip():
        return str(content)
    names = [call["function"]["name"] for call in message.get("tool_calls", ())]
    return " ".join(f"[{name}]" for name in names) or ("[result]" if message["role"] == "tool" else "")


def _string(item: Object, name: str, place: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise _invalid(f"{name} must be a text.", f"{place}.{name}")
    return value


def _invalid(message: str, place: str) -> InvalidParameter:
    return InvalidParameter(message, place)


def _unsupported(message: str, place: str) -> InvalidParameter:
    return InvalidParameter(message, place, "unsupported_value")


def items_of(messages: Sequence[Object], own: str) -> list[Object]:
    """Return messages as items. ``own`` is what their ids have from the turn; the rest is their place."""
    items: list[Object] = []

    def add(prefix: str, kind: str, fields: Object) -> None:
        items.append({"id": f"{prefix}_{own}_in{len(items)}", "type": kind, "status": "completed", **fields})

    for message in messages:
        content, role = message["content"], message["role"]
        if role == "tool":
            output = {"call_id": message.get("tool_call_id", ""), "output": content or ""}
            add("fco", "function_call_output", output)
        elif content:
            parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
            add("msg", "message", {"role": role, "content": [_shown(part, role) for part in parts]})
        for call in message.get("tool_calls", ()):
            add("fc", "function_call", {"call_id": call["id"], **called(call)})
    return items


def _shown(part: Object, role: str) -> Object:
    kind = part.get("type")
    if kind == "image_url":
        image = part["image_url"]
        return {"type": "input_image", "image_url": image["url"], "detail": image.get("detail", "auto")}
    if kind == "file":
        return {"type": "input_file", **part["file"]}
    if role == "assistant":
        return {"type": "output_text", "text": part.get("text", ""), "annotations": [], "logprobs": []}
    return {"type": "input_text", "text": part.get("text", "")}
