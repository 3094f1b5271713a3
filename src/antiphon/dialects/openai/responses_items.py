"""The items of a response's output while they grow."""

from typing import Any, Literal

import msgspec

_encode = msgspec.json.encode
Status = Literal["in_progress", "completed", "incomplete"]


class TextItem:
    """A message, or what the model thought aloud: one text, one content part.

    ``head`` and ``tail`` are the event of a further piece of it, without the piece and the number.
    """

    __slots__ = ("head", "id", "index", "kind", "pieces", "status", "tail")

    def __init__(self, kind: Literal["message", "reasoning"], item_id: str, index: int) -> None:
        self.kind = kind
        self.id = item_id
        self.index = index
        self.status: Status = "in_progress"
        self.pieces: list[str] = []
        name = self.delta.encode()
        self.head = b'event: %b\ndata: {"type":"%b",%b,"delta":' % (name, name, _encode(self.place)[1:-1])
        self.tail = b',"logprobs":[],"sequence_number":' if kind == "message" else b',"sequence_number":'

    @property
    def delta(self) -> str:
        """The event of a further piece."""
        return f"response.{self.part_type}.delta"

    @property
    def done(self) -> str:
        """The event of the whole text."""
        return f"response.{self.part_type}.done"

    @property
    def part_type(self) -> str:
        """How the content part is called."""
        return "output_text" if self.kind == "message" else "reasoning_text"

    @property
    def place(self) -> dict[str, Any]:
        """What tells the content part in events."""
        return {"item_id": self.id, "output_index": self.index, "content_index": 0}

    @property
    def text(self) -> str:
        """What there is so far."""
        return "".join(self.pieces)

    @property
    def logprobs(self) -> dict[str, Any]:
        """What events about a message's text have and others have not."""
        return {"logprobs": []} if self.kind == "message" else {}

    def part(self, text: str) -> dict[str, Any]:
        """Return the content part with a text."""
        told: dict[str, Any] = {"type": self.part_type, "text": text}
        return {**told, "annotations": [], **self.logprobs} if self.kind == "message" else told

    def view(self, *, empty: bool = False) -> dict[str, Any]:
        """Return the item as it is now, or without its content."""
        told: dict[str, Any] = {"id": self.id, "type": self.kind, "status": self.status}
        if self.kind == "message":
            told["role"] = "assistant"
        else:
            told["summary"] = []
        return {**told, "content": [] if empty else [self.part(self.text)]}


class CallItem:
    """A call of a function. It has no place in the output before its name is known."""

    __slots__ = ("announced", "arguments", "call_id", "id", "index", "name", "status")

    def __init__(self) -> None:
        self.id = ""
        self.index = -1
        self.call_id = ""
        self.name = ""
        self.arguments: list[str] = []
        self.announced = False
        self.status: Status = "in_progress"

    def take(self, delta: dict[str, Any]) -> str:
        """Add a piece; return what it has of the arguments."""
        if isinstance(delta.get("id"), str) and delta["id"]:
            self.call_id = delta["id"]
        function = delta.get("function")
        if not isinstance(function, dict):
            return ""
        if isinstance(function.get("name"), str):
            self.name += function["name"]
        piece = function.get("arguments")
        if not isinstance(piece, str):
            return ""
        self.arguments.append(piece)
        return piece

    def announce(self, item_id: str, index: int) -> None:
        """Give the call its place; and an id to answer it by, if its provider gave it none."""
        self.announced = True
        self.id = item_id
        self.index = index
        self.call_id = self.call_id or item_id.replace("fc_", "call_")

    @property
    def place(self) -> dict[str, Any]:
        """What tells the call in events."""
        return {"item_id": self.id, "output_index": self.index}

    def view(self, *, empty: bool = False) -> dict[str, Any]:
        """Return the item as it is now, or without its arguments."""
        return {
            "id": self.id,
            "type": "function_call",
            "status": self.status,
            "call_id": self.call_id,
            "name": self.name,
            "arguments": "" if empty else "".join(self.arguments),
        }


Item = TextItem | CallItem
