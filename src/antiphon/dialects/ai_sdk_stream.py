"""A reply as a UI message stream, protocol v1 of the AI SDK.

Source: the stream protocol page of ai-sdk.dev and the chunk schema of the npm package ``ai``
(``uiMessageChunkSchema``), versions 6 and 7. ``reset-step`` is of version 7.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from antiphon.engine.tool_calls import called, deltas
from antiphon.model import Chunk, End, Turn, TurnState

_encode = msgspec.json.encode
_end = msgspec.json.Decoder(End).decode
DONE = b"data: [DONE]\n\n"
# Ours by the protocol's names; whatever else a provider says is "other".
_REASONS = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content-filter",
    "tool_calls": "tool-calls",
    "error": "error",
}


def event(**fields: Any) -> bytes:
    """Return one chunk of the protocol as an event."""
    return b"data: %b\n\n" % _encode(fields)


class _Call(msgspec.Struct):
    """A tool call as far as it was streamed; ``waiting`` are arguments that came before its name."""

    id: str = ""
    name: str = ""
    waiting: str = ""
    begun: bool = False


class Parts:
    """The parts of one turn's reply, as its chunks make them: nothing else decides what they are."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._open: str | None = None
        self._id = b""
        self._calls: dict[int, _Call] = {}
        # Whether the step has any part that a reset would have to take away.
        self._filled = False

    def take(self, seq: int, chunk: Chunk) -> list[bytes]:
        """Return the events of a chunk."""
        kind = chunk.kind
        if kind == "content":
            return self._text(seq, "text", chunk.text)
        if kind == "reasoning":
            return self._text(seq, "reasoning", chunk.text)
        if kind == "tool":
            return self._tool(chunk.text)
        if kind == "reset":
            return self._reset()
        if kind == "end":
            return self._finish(_end(chunk.text))
        return []  # a seam: the text goes on

    def _text(self, seq: int, kind: str, text: str) -> list[bytes]:
        events = []
        if self._open != kind:
            events = self.close()
            self._open = kind
            self._id = _encode(f"{kind}-{self._turn.number}.{seq}")
            self._filled = True
            events.append(b'data: {"type":"%b-start","id":%b}\n\n' % (kind.encode(), self._id))
        delta = b'data: {"type":"%b-delta","id":%b,"delta":%b}\n\n' % (kind.encode(), self._id, _encode(text))
        return [*events, delta]

    def reopen(self) -> bytes:
        """Return the beginnings of the parts that are under way, for a reader that got them elsewhere."""
        begun = [call for call in self._calls.values() if call.begun]
        events = [event(type="tool-input-start", toolCallId=call.id, toolName=call.name) for call in begun]
        if self._open is not None:
            events.append(b'data: {"type":"%b-start","id":%b}\n\n' % (self._open.encode(), self._id))
        return b"".join(events)

    def close(self) -> list[bytes]:
        """Return the end of the text or reasoning that is under way."""
        if self._open is None:
            return []
        kind, self._open = self._open, None
        return [b'data: {"type":"%b-end","id":%b}\n\n' % (kind.encode(), self._id)]

    def _tool(self, text: str) -> list[bytes]:
        events = self.close()
        for index, delta in deltas(text):
            call = self._calls.setdefault(index, _Call())
            function = delta.get("function")
            function = function if isinstance(function, dict) else {}
            call.id = call.id or _text_of(delta.get("id"))
            call.name = call.name or _text_of(function.get("name"))
            call.waiting += _text_of(function.get("arguments"))
            if not call.begun and call.id and call.name:
                call.begun = self._filled = True
                events.append(event(type="tool-input-start", toolCallId=call.id, toolName=call.name))
            if call.begun and call.waiting:
                events.append(event(type="tool-input-delta", toolCallId=call.id, inputTextDelta=call.waiting))
                call.waiting = ""
        return events

    def _reset(self) -> list[bytes]:
        filled, self._filled = self._filled, False
        self._open = None
        self._calls.clear()
        return [event(type="reset-step")] if filled else []

    def _finish(self, end: End) -> list[bytes]:
        told = _metadata(end)
        events = self.close()
        if end.state is TurnState.FAILED:
            fault = end.error.message if end.error else "The reply failed."
            events += [
                event(type="message-metadata", messageMetadata=told),
                event(type="error", errorText=fault),
                event(type="finish-step"),
                event(type="finish", finishReason="error"),
            ]
        elif end.state is TurnState.STOPPED:
            events += [
                event(type="finish-step"),
                event(type="message-metadata", messageMetadata=told),
                event(type="abort", reason="The reply was stopped."),
            ]
        else:
            reason = _REASONS.get(end.finish_reason, "other")
            events += [self._input(i, call) for i, call in enumerate(end.tool_calls)]
            events += [
                event(type="finish-step"),
                event(type="finish", finishReason=reason, messageMetadata=told),
            ]
        return [*events, DONE]

    def _input(self, position: int, call: dict[str, Any]) -> bytes:
        """Return the event of a call that is complete."""
        function = called(call)
        # Some providers name no id; results are sent back under one.
        known = {
            "toolCallId": call["id"] or f"call-{self._turn.number}-{position}",
            "toolName": function["name"],
        }
        if "custom" in call:  # it takes a text
            return event(type="tool-input-available", **known, input=function["arguments"])
        try:
            value = msgspec.json.decode(function["arguments"] or "{}")
        except (msgspec.DecodeError, RecursionError):
            told = "The arguments are not valid JSON."
            return event(type="tool-input-error", **known, input=function["arguments"], errorText=told)
        return event(type="tool-input-available", **known, input=value)


class UIMessageFormat:
    """The events of one reader, which begins after ``received`` chunks.

    ``opening`` introduces the reply to a reader that goes on with no stream of this contract; empty, its next
    event is the one after those it has. ``told`` is called when the reply's end is sent.
    """

    def __init__(
        self, turn: Turn, received: Sequence[Chunk], opening: bytes, told: Callable[[Turn], None]
    ) -> None:
        self._parts = Parts(turn)
        self._told = told
        for seq, chunk in enumerate(received):
            self._parts.take(seq, chunk)
        self._opening = opening + self._parts.reopen() if opening else b""

    def begin(self, turn: Turn) -> bytes:  # noqa: ARG002 - the opening tells
        """See Format."""
        return self._opening

    def chunks(self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str) -> bytes:
        """See Format. The last event of a chunk has its id; what is void already is not sent any more."""
        pieces: list[bytes] = []
        void = max((i for i, chunk in enumerate(chunks) if chunk.kind == "reset"), default=0)
        for seq, chunk in enumerate(chunks[void:], first + void):
            events = self._parts.take(seq, chunk)
            if events:
                events.insert(-1, b"id: %d.%d%b\n" % (turn.number, seq + 1, others.encode()))
                pieces += events
        if chunks[-1].kind == "end":
            self._told(turn)
        return b"".join(pieces)

    def after_end(self, turn: Turn, received: int, end: Chunk, others: str) -> bytes:  # noqa: ARG002
        """See Format: nothing."""
        return b""

    def heartbeat(self, cursor: str) -> bytes:  # noqa: ARG002 - a comment has no id
        """See Format."""
        return b": heartbeat\n\n"

    def resume(self) -> None:
        """See Format: a useChat that sees an orderly end believes that it has all of the reply."""
        return


def start(turn: Turn, message_id: str) -> bytes:
    """Return what introduces a message; ``message_id`` is the client's, if the reply goes on with one."""
    about = {"turn": turn.id, "message": turn.reply_id, "model": turn.model, "createdAt": turn.created_at}
    return event(type="start", messageId=message_id, messageMetadata=about)


START_STEP = event(type="start-step")


def earlier_step(turn: Turn, chunks: Sequence[Chunk], outputs: Sequence[bytes]) -> bytes:
    """Return a step that is over: a reply that asked for tools, and the events of what these put out.

    Its calls are not told as available: for a client that would mean to make them once more.
    """
    parts, pieces = Parts(turn), [START_STEP]
    begun = max((i + 1 for i, chunk in enumerate(chunks) if chunk.kind == "reset"), default=0)
    for seq, chunk in enumerate(chunks[begun:-1], begun):
        pieces += parts.take(seq, chunk)
    pieces += parts.close()
    return b"".join([*pieces, *outputs, event(type="finish-step")])


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _metadata(end: End) -> dict[str, Any]:
    """Return what the end says beside the parts, in the AI SDK's words."""
    told: dict[str, Any] = {"model": end.model}
    if end.usage is not None:
        sent, made = end.usage.prompt_tokens, end.usage.completion_tokens
        told["usage"] = {"inputTokens": sent, "outputTokens": made, "totalTokens": sent + made}
    if end.seams:
        told["seams"] = end.seams
    if end.cached:
        told["cached"] = True
    return told
