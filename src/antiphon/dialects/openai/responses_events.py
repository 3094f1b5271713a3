"""The events of a response, with their numbers.

They are a pure function of the turn's chunks, from the first one on: whichever pod tells them, and whenever,
event ``n`` is the same. So a client that was cut off goes on at any pod after the last number it has.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from antiphon.dialects.openai.responses_items import CallItem, Item, TextItem
from antiphon.dialects.openai.responses_object import Object, finished, own_part, status_of, unfinished
from antiphon.engine.tool_calls import deltas
from antiphon.model import Chunk, End, Turn

_encode = msgspec.json.encode
_end = msgspec.json.Decoder(End).decode
# Without an empty line, which the official Python SDK takes for an empty event once an id has come.
HEARTBEAT = b": heartbeat\n"
_TERMINAL = {"completed": "response.completed", "failed": "response.failed"}


class ResponseEvents:
    """The state of one reader: given all chunks, it tells what comes after its place. Implements Format.

    Args:
        turn: whose response it is.
        described: what ``describe`` returned.
        after: the last sequence number the reader has, -1 for none.
        received: how many chunks it has received, if it knows that instead.
        cursors: whether a chunk's last event has the native cursor as its ``id``.
    """

    def __init__(
        self, turn: Turn, described: Object, *, after: int = -1, received: int = 0, cursors: bool = True
    ) -> None:
        self.end: End | None = None
        self._described = described
        self._own = own_part(turn.id)
        self._after = after
        self._received = received
        self._cursors = cursors
        self._number = 0
        self._muted = False
        self._out: list[bytes] = []
        self._begun = False
        self._index = 0
        # Items since the last reset; those before it are void, but their indexes are used up.
        self._items: list[Item] = []
        self._open: TextItem | None = None
        self._calls: dict[int, CallItem] = {}

    @property
    def last_number(self) -> int:
        """The number of the last event so far."""
        return self._number - 1

    @property
    def output(self) -> list[Object]:
        """The items of the response as they are now."""
        return [item.view() for item in self._items]

    def begin(self, turn: Turn) -> bytes:  # noqa: ARG002 - it is known already
        """See Format. What is told here does not depend on the moment."""
        self._muted = self._received > 0
        queued = self._described["background"]
        status = "queued" if queued else "in_progress"
        self._tell("response.created", {"response": unfinished(self._described, status, [])})
        if queued:
            self._tell("response.queued", {"response": unfinished(self._described, status, [])})
        else:
            self._start()
        return self._taken()

    def chunks(self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str) -> bytes:  # noqa: ARG002
        """See Format."""
        told = []
        for k, chunk in enumerate(chunks, first):
            self._muted = k < self._received
            self.take(chunk)
            if self._out and self._cursors:
                self._out[-1] = b"id: %d.%d\n%b" % (turn.number, k + 1, self._out[-1])
            told.append(self._taken())
        return b"".join(told)

    def after_end(self, turn: Turn, received: int, end: Chunk, others: str) -> bytes:  # noqa: ARG002
        """See Format: nothing."""
        return b""

    def heartbeat(self, cursor: str) -> bytes:  # noqa: ARG002 - a comment has no place
        """See Format."""
        return HEARTBEAT

    def resume(self) -> None:
        """See Format: clients take an orderly end for the response's, a cut makes them come back."""

    def take(self, chunk: Chunk) -> None:
        """Go on by one chunk."""
        if not self._begun:
            self._start()
        if chunk.kind == "content":
            self._text("message", chunk.text)
        elif chunk.kind == "reasoning":
            self._text("reasoning", chunk.text)
        elif chunk.kind == "tool":
            self._close_text("completed")
            for index, delta in deltas(chunk.text):
                self._call(index, delta)
        elif chunk.kind == "reset":
            self._close_all("incomplete")
            self._items.clear()
        elif chunk.kind == "end":
            self._finish(_end(chunk.text))

    def _start(self) -> None:
        self._begun = True
        self._tell("response.in_progress", {"response": unfinished(self._described, "in_progress", [])})

    def _finish(self, end: End) -> None:
        self.end = end
        status = status_of(end)
        self._close_all("completed" if status == "completed" else "incomplete")
        # There is no event of a cancellation in this API; an incomplete response is what it comes to.
        name = _TERMINAL.get(status, "response.incomplete")
        self._tell(name, {"response": finished(self._described, end, self.output)})

    def _text(self, kind: Literal["message", "reasoning"], text: str) -> None:
        item = self._open
        if item is None or item.kind != kind:
            self._close_text("completed")
            prefix = "msg" if kind == "message" else "rs"
            item = self._open = TextItem(kind, self._new_id(prefix), self._index)
            self._add(item)
            self._tell("response.content_part.added", {**item.place, "part": item.part("")})
        item.pieces.append(text)
        number = self._number
        self._number += 1
        if number > self._after and not self._muted:
            self._out.append(b"%b%b%b%d}\n\n" % (item.head, _encode(text), item.tail, number))

    def _close_text(self, status: Literal["completed", "incomplete"]) -> None:
        item, self._open = self._open, None
        if item is None:
            return
        item.status = status
        text = item.text
        self._tell(item.done, {**item.place, "text": text, **item.logprobs})
        self._tell("response.content_part.done", {**item.place, "part": item.part(text)})
        self._tell("response.output_item.done", {"output_index": item.index, "item": item.view()})

    def _call(self, index: int, delta: dict[str, Any]) -> None:
        """Take a piece of a call. Calls stay open to the end: their pieces may come in any order."""
        call = self._calls.get(index)
        if call is None:
            call = self._calls[index] = CallItem()
        piece = call.take(delta)
        if call.announced:
            self._arguments(call, piece)
        elif call.name:
            self._announce(call)

    def _announce(self, call: CallItem) -> None:
        call.announce(self._new_id("fc"), self._index)
        self._add(call)
        self._arguments(call, "".join(call.arguments))

    def _arguments(self, call: CallItem, piece: str) -> None:
        if piece:
            self._tell("response.function_call_arguments.delta", {**call.place, "delta": piece})

    def _close_all(self, status: Literal["completed", "incomplete"]) -> None:
        self._close_text(status)
        calls, self._calls = self._calls, {}
        for call in calls.values():
            if not call.announced:
                self._announce(call)
            call.status = status
            whole = {"name": call.name, "arguments": "".join(call.arguments)}
            self._tell("response.function_call_arguments.done", {**call.place, **whole})
            self._tell("response.output_item.done", {"output_index": call.index, "item": call.view()})

    def _add(self, item: Item) -> None:
        self._items.append(item)
        self._index += 1
        self._tell("response.output_item.added", {"output_index": item.index, "item": item.view(empty=True)})

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}_{self._own}_{self._index}"

    def _tell(self, name: str, fields: dict[str, Any]) -> None:
        """Number an event, and write it if the reader has not got it yet."""
        number = self._number
        self._number += 1
        if number > self._after and not self._muted:
            data = _encode({"type": name, **fields, "sequence_number": number})
            self._out.append(b"event: %b\ndata: %b\n\n" % (name.encode(), data))

    def _taken(self) -> bytes:
        out, self._out = self._out, []
        return b"".join(out)
