"""What the test model server sends: one plan a request, and its bytes."""

import functools
from typing import Any

import msgspec

from antiphon.testing.script import (
    WORDS,
    Behaviour,
    expected_reasoning,
    place_of,
    seed_of,
    token,
)

_CALL = {"id": "call_test", "type": "function", "function": {"name": "lookup", "arguments": ""}}
_encode = msgspec.json.encode


class _Message(msgspec.Struct):
    role: str
    content: str | list[dict[str, Any]] | None = None


class _Options(msgspec.Struct):
    include_usage: bool = False


class CompletionRequest(msgspec.Struct):
    """What is read of a request."""

    model: str
    messages: list[_Message]
    stream: bool = False
    stream_options: _Options | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None


def framed(data: bytes) -> bytes:
    """Return an HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(model: str, delta: dict[str, Any] | None, reason: str | None = None, **more: Any) -> bytes:
    """Return a chunk of a streamed completion as an HTTP chunk."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
    fields = {"id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 1700000000, "model": model}
    return framed(b"data: %b\n\n" % _encode({**fields, "choices": choices, **more}))


@functools.lru_cache(maxsize=64)
def frames(model: str) -> tuple[bytes, ...]:
    """Return each word with a space before it, encoded once a model: the server's own hot path."""
    return tuple(event(model, {"content": f" {word}"}) for word in WORDS)


class Plan:
    """What one request gets."""

    def __init__(self, request: CompletionRequest, behaviour: Behaviour, *, faulty: bool) -> None:
        user = next((_text(each) for each in reversed(request.messages) if each.role == "user"), "")
        last = request.messages[-1] if request.messages else None
        prefix = _text(last) if last is not None and last.role == "assistant" else ""
        self.model = request.model
        self.behaviour = behaviour
        self.faulty = faulty
        self.seed = seed_of(user)
        self.place = place_of(prefix, self.seed, behaviour.tokens)
        self.start, rest = self.place or (0, "")
        asked = [n for n in (request.max_tokens, request.max_completion_tokens) if n is not None]
        self.stop = min([behaviour.tokens, *(self.start + max(0, n) for n in asked)])
        self.tool = behaviour.tool and (last is None or last.role != "tool")
        self.reasoning = expected_reasoning(user, behaviour.reason)
        self.text = rest + "".join(token(self.seed, k) for k in range(self.start, self.stop))
        self.reason = "length" if self.stop < behaviour.tokens else "tool_calls" if self.tool else "stop"
        self.usage = {
            "prompt_tokens": sum(len(_text(each).split()) for each in request.messages),
            "completion_tokens": self.stop - self.start + behaviour.reason,
        }
        self.usage["total_tokens"] = sum(self.usage.values())
        thinking = seed_of("thinking about " + user)
        self.ahead = [
            event(self.model, {"reasoning_content": token(thinking, k)}) for k in range(behaviour.reason)
        ]
        if rest:
            self.ahead.append(event(self.model, {"content": rest}))
        if behaviour.json:
            self.start = self.stop
            self.text = _encode({"asked": user}).decode()
            self.ahead += [event(self.model, {"content": piece}) for piece in self.text.partition(":")]
        options = request.stream_options
        self.tail = self._tail(usage=options is not None and options.include_usage)

    def _tail(self, *, usage: bool) -> bytes:
        events = []
        if self.tool:
            events.append(event(self.model, {"tool_calls": [{"index": 0, **_CALL}]}))
            arguments = {"index": 0, "function": {"arguments": '{"key": "value"}'}}
            events.append(event(self.model, {"tool_calls": [arguments]}))
        events.append(event(self.model, {}, self.reason))
        if usage:
            events.append(event(self.model, None, usage=self.usage))
        return b"".join(events) + framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"

    def whole(self) -> bytes:
        """Return the answer that is not streamed."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        if self.tool:
            call = {**_CALL, "function": {"name": "lookup", "arguments": '{"key": "value"}'}}
            message["tool_calls"] = [call]
        choice = {"index": 0, "message": message, "finish_reason": self.reason}
        fields = {"id": "chatcmpl-test", "object": "chat.completion", "created": 1700000000}
        return _encode({**fields, "model": self.model, "choices": [choice], "usage": self.usage})


def _text(message: _Message) -> str:
    if isinstance(message.content, list):
        return "".join(str(part.get("text", "")) for part in message.content)
    return message.content or ""
