"""How a reply looks as a chat completion: the whole object, and the events of its stream."""

from collections.abc import Sequence
from typing import Any, TypedDict

import msgspec

from antiphon.dialects.openai.chat_request import Chat
from antiphon.dialects.openai.errors import ErrorResponse, of_error, of_fault
from antiphon.dialects.openai.legacy import old_message, old_reason
from antiphon.engine.tool_calls import deltas
from antiphon.engine.whole import Whole
from antiphon.engine.window import estimate_tokens
from antiphon.errors import Overloaded
from antiphon.model import Chunk, End, Turn, Usage

_encode = msgspec.json.encode
decode_end = msgspec.json.Decoder(End).decode
DONE = b"data: [DONE]\n\n"
HEARTBEAT = b": heartbeat\n\n"
# OpenAI's reasons; a provider's word that is none of them means that the reply ended by itself.
_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
_SYNONYMS = {"max_tokens": "length", "tool_use": "tool_calls", "safety": "content_filter"}


class CompletionUsage(TypedDict):
    """Tokens of a request and its reply."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionChoice(TypedDict):
    """The reply; ``message`` has ``role``, ``content`` and, where there are any, ``tool_calls``."""

    index: int
    message: dict[str, Any]
    logprobs: None
    finish_reason: str


class ChatCompletion(TypedDict):
    """A whole reply."""

    id: str
    object: str
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage


def completion_id(turn: Turn) -> str:
    """Return the id of the completion that a turn makes."""
    return f"chatcmpl-{turn.reply_id.partition('_')[2]}"


def finish_reason(end: End) -> str:
    """Return the end's reason as one of OpenAI's."""
    reason = end.finish_reason.lower()
    return _SYNONYMS.get(reason, reason if reason in _REASONS else "stop")


def usage(used: Usage | None, chat: Chat) -> CompletionUsage:
    """Return the tokens as counted by the provider, or estimated where it does not count."""
    used = used or Usage(prompt_tokens=0, completion_tokens=0, estimated=True)
    asked = used.prompt_tokens
    if used.estimated and not asked:
        asked = sum(estimate_tokens(message.content) for message in chat.messages)
    said = used.completion_tokens
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def completion(turn: Turn, chat: Chat, reply: Whole) -> ChatCompletion:
    """Return the object ``chat.completion``."""
    end = reply.end
    reasoning = "".join(chunk.text for chunk in reply.chunks if chunk.kind == "reasoning")
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": None}
    if reasoning:
        message["reasoning_content"] = reasoning
    if end.tool_calls:
        message["content"] = reply.text or None
        message["tool_calls"] = end.tool_calls
    reason = finish_reason(end)
    if chat.legacy:
        message, reason = old_message(message), old_reason(reason)
    return {
        "id": completion_id(turn),
        "object": "chat.completion",
        "created": turn.created_at // 1000,
        "model": chat.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
        "usage": usage(end.usage, chat),
    }


class ChatEvents:
    """The events of one reply to one client. Implements Format.

    A token costs one formatting of bytes: all of its event but the text is made once.
    """

    __slots__ = ("_chat", "_head", "_opening", "_tail", "_usage_tail")

    def __init__(self, turn: Turn, chat: Chat) -> None:
        self._chat = chat
        self._opening = (
            b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,"choices":['
            % (
                _encode(completion_id(turn)),
                turn.created_at // 1000,
                _encode(chat.model),
            )
        )
        self._head = self._opening + b'{"index":0,"delta":{'
        self._usage_tail = b',"usage":null}\n\n' if chat.include_usage else b"}\n\n"
        self._tail = b'},"logprobs":null,"finish_reason":null}]' + self._usage_tail

    def begin(self, turn: Turn) -> bytes:  # noqa: ARG002 - it is known already
        """See Format."""
        return b'%b"role":"assistant","content":""%b' % (self._head, self._tail)

    def chunks(self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str) -> bytes:  # noqa: ARG002
        """See Format."""
        if len(chunks) == 1:
            return self._event(chunks[0])
        return b"".join(map(self._event, chunks))

    def after_end(self, turn: Turn, received: int, end: Chunk, others: str) -> bytes:  # noqa: ARG002
        """See Format: nothing."""
        return b""

    def heartbeat(self, cursor: str) -> bytes:  # noqa: ARG002 - there is none
        """See Format."""
        return HEARTBEAT

    def resume(self) -> bytes:
        """See Format: such a reply is kept nowhere, so its reader is told to ask anew."""
        return _failure(of_error(Overloaded("This pod is leaving. Send again.")).body())

    def _event(self, chunk: Chunk) -> bytes:
        if chunk.kind == "content":
            return b'%b"content":%b%b' % (self._head, _encode(chunk.text), self._tail)
        if chunk.kind == "reasoning":
            return b'%b"reasoning_content":%b%b' % (self._head, _encode(chunk.text), self._tail)
        if chunk.kind == "tool":
            return self._tool(chunk.text)
        if chunk.kind == "end":
            return self._end(decode_end(chunk.text))
        return b""  # a seam or a reset: what is kept nowhere is never taken over

    def _tool(self, text: str) -> bytes:
        # Clients put calls together by the index, and not all providers say it.
        fields: dict[str, Any] = {"tool_calls": [{**delta, "index": index} for index, delta in deltas(text)]}
        if self._chat.legacy:
            fields = old_message(fields)
        return b"%b%b%b" % (self._head, _encode(fields)[1:-1], self._tail) if fields else b""

    def _end(self, end: End) -> bytes:
        if end.error is not None:
            return _failure(of_fault(end.error).body())
        reason = old_reason(finish_reason(end)) if self._chat.legacy else finish_reason(end)
        last = b'%b},"logprobs":null,"finish_reason":"%b"}]%b' % (
            self._head,
            reason.encode(),
            self._usage_tail,
        )
        if self._chat.include_usage:
            counted = _encode(usage(end.usage, self._chat))
            last += b'%b],"usage":%b}\n\n' % (self._opening, counted)
        return last + DONE


def _failure(body: ErrorResponse) -> bytes:
    """Return the event of a failure in mid-stream: the official SDKs raise APIError. It is the last."""
    return b"data: %b\n\n" % _encode(body)
