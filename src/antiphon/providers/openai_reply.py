"""Reading what an OpenAI-compatible API answers: the stream's chunks, one whole answer, or an error."""

import re
import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from antiphon.errors import (
    ProviderError,
    ProviderGarbled,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnreachable,
)
from antiphon.model import Usage
from antiphon.providers.port import Finish, Sink
from antiphon.providers.sse import SSEParser
from antiphon.providers.stream_connection import Exchange, Head

MAX_ANSWER = 8 << 20
"""Bytes of an answer that is not streamed."""
END_SECONDS = 5.0
"""How long usage and the end mark may take after the finish reason: the text is whole by then."""
_MAX_QUOTE = 300
_MAX_READ = 4096
_MIN_SECRET = 6
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


_NOTHING = msgspec.Raw()


class _Part(msgspec.Struct, gc=False):
    """A piece of content in the list form that some models use."""

    type: str = ""
    text: str = ""
    thinking: "list[_Part] | None" = None


class _Delta(msgspec.Struct, gc=False):
    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    tool_calls: msgspec.Raw = _NOTHING


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None
    index: int = 0


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


class Reply:
    """Puts one answer into a sink.

    Args:
        name: the provider's name, for messages.
        sink: where the answer goes.
        echo: text that the provider will repeat before it goes on; it is taken away.
        secrets: what no message may contain.
    """

    __slots__ = (
        "_answer",
        "_done",
        "_echo",
        "_echoed",
        "_exchange",
        "_heard",
        "_name",
        "_parser",
        "_reason",
        "_secrets",
        "_sink",
        "_usage",
    )

    def __init__(self, name: str, sink: Sink, *, echo: str = "", secrets: Sequence[str] = ()) -> None:
        self._name = name
        self._sink = sink
        self._echo = echo
        self._echoed = 0
        self._secrets = secrets
        self._parser = SSEParser()
        self._exchange: Exchange | None = None
        self._answer: bytearray | None = None
        self._reason: str | None = None
        self._usage: Usage | None = None
        self._done = False
        self._heard = False

    def begin(self, head: Head, exchange: Exchange) -> Callable[[bytes], object] | None:
        """Choose by the head how the body is read."""
        if not 200 <= head.status < 300:  # noqa: PLR2004
            return None
        self._exchange = exchange
        if head.content_type == "text/html":
            raise ProviderGarbled(f"{self._name} answered with a web page. Is its base URL an API's?")
        if head.content_type == "application/json":
            self._answer = bytearray()
            return self._gather
        return self.feed

    @property
    def whole(self) -> bool:
        """Whether the text is complete, whatever happens to the connection now."""
        return self._reason is not None or self._done

    def feed(self, data: bytes) -> None:
        """Take bytes of the event stream; text that came in one read goes on in one piece."""
        self._take(self._parser.feed(data))
        if self._done and self._exchange is not None:
            self._exchange.finish()

    def end(self) -> Finish:
        """Return how the answer ended.

        Raises:
            ProviderGarbled: it did not end, it was cut.
        """
        if self._answer is not None:
            self._whole_answer(bytes(self._answer))
        elif not self.whole:
            self._take(self._parser.finish())
        if not self.whole or not self._heard:
            raise ProviderGarbled(f"{self._name} cut the reply: its stream ended without a finish reason.")
        if self._echo and self._echoed:
            self._no_echo("")
        return Finish(reason=self._reason or "stop", usage=self._usage)

    def _take(self, payloads: list[bytes]) -> None:
        texts: list[str] = []
        try:
            for payload in payloads:
                self._event(payload, texts)
        finally:
            # Also what came before an error was said by the model.
            if texts:
                text = texts[0] if len(texts) == 1 else "".join(texts)
                if self._echo:
                    self._content(text)
                elif not self._sink.content(text):
                    self._hold()

    def _event(self, payload: bytes, texts: list[str]) -> None:
        try:
            chunk = _decode(payload)
        except _UNREADABLE as error:
            if payload.strip() == b"[DONE]":
                self._done = True
                return
            raise ProviderGarbled(
                f"{self._name} sent an event that is no chat completion: {error}."
            ) from None
        if chunk.choices:
            choice = chunk.choices[0]
            self._heard = True
            # Alternatives (n > 1) are not asked for; a chunk of another one would mix two replies.
            if choice.delta is not None and not choice.index:
                self._delta(choice.delta, texts)
            if choice.finish_reason is not None:
                self._ending(choice.finish_reason)
        if chunk.usage is not None:
            self._count(chunk.usage)
        if chunk.error:
            raise _stream_error(self._name, chunk.error, self._secrets)

    def _ending(self, reason: str) -> None:
        self._reason = reason
        if self._exchange is not None:
            self._exchange.idle_timeout = min(self._exchange.idle_timeout, END_SECONDS)

    def _count(self, usage: _Usage) -> None:
        self._usage = Usage(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)

    def _delta(self, delta: _Delta, texts: list[str]) -> None:
        """Put what is not plain text after the text that came before it; gather plain text."""
        reasoning = delta.reasoning_content or delta.reasoning
        if reasoning and isinstance(reasoning, str):
            self._flush(texts)
            self._put(self._sink.reasoning(reasoning))
        content = delta.content
        if content:
            if isinstance(content, str):
                texts.append(content)
            else:
                self._flush(texts)
                self._parts(content)
        if delta.tool_calls:
            # On one line, whatever way the provider writes its JSON: line ends mean something in SSE.
            tools = msgspec.json.format(delta.tool_calls, indent=-1).decode()
            if tools not in ("null", "[]"):
                self._flush(texts)
                self._put(self._sink.tool(tools))

    def _flush(self, texts: list[str]) -> None:
        if texts:
            self._content("".join(texts))
            texts.clear()

    def _parts(self, parts: list[_Part]) -> None:
        for part in parts:
            if part.thinking:
                self._put(self._sink.reasoning("".join(each.text for each in part.thinking)))
            elif part.text:
                self._content(part.text)

    def _content(self, text: str) -> None:
        if self._echo:
            size = min(len(text), len(self._echo) - self._echoed)
            if text[:size] != self._echo[self._echoed : self._echoed + size]:
                self._no_echo(text)
                return
            self._echoed += size
            text = text[size:]
            if self._echoed == len(self._echo):
                self._echo = ""
            if not text:
                return
        self._put(self._sink.content(text))

    def _no_echo(self, text: str) -> None:
        """Give back what was held for an echo: the provider goes on without one."""
        held, self._echo = self._echo[: self._echoed], ""
        self._put(self._sink.content(held + text))

    def _put(self, room: bool) -> None:
        if not room:
            self._hold()

    def _hold(self) -> None:
        """Stop reading until the sink has room."""
        exchange = self._exchange
        if exchange is not None and not exchange.paused and not self._done:
            exchange.pause()
            self._sink.on_drain(exchange.resume)

    def _gather(self, data: bytes) -> None:
        assert self._answer is not None
        self._answer += data
        if len(self._answer) > MAX_ANSWER:
            raise ProviderGarbled(f"{self._name} sent an answer of more than {MAX_ANSWER} bytes.")

    def _whole_answer(self, body: bytes) -> None:
        try:
            chunk = _decode(body)
        except _UNREADABLE as error:
            raise ProviderGarbled(
                f"{self._name} sent an answer that is no chat completion: {error}."
            ) from None
        if chunk.error:
            raise _stream_error(self._name, chunk.error, self._secrets)
        if not chunk.choices or chunk.choices[0].message is None:
            raise ProviderGarbled(f"{self._name} sent an answer without a message.")
        choice = chunk.choices[0]
        texts: list[str] = []
        self._delta(choice.message or _Delta(), texts)
        self._flush(texts)
        self._heard = True
        self._reason = choice.finish_reason or "stop"
        if chunk.usage is not None:
            self._count(chunk.usage)


def status_error(name: str, head: Head, body: bytes, secrets: Sequence[str] = ()) -> ProviderError:
    """Return the error for an HTTP status that is not a success, with what to do about it."""
    quote = _quote(body, secrets)
    status = head.status
    retry_after = parse_retry_after(head.headers.get("retry-after"))
    if 300 <= status < 400:  # noqa: PLR2004
        return ProviderRefused(f"{name} redirects (HTTP {status}); set its base URL to where it went.{quote}")
    return _classify(name, status, quote, retry_after)


def _classify(name: str, status: int, quote: str, retry_after: float | None) -> ProviderError:
    if status == 429:  # noqa: PLR2004
        return ProviderRateLimited(
            f"{name} is asked too often or its quota is used up. Try again a little later.{quote}",
            retry_after=retry_after,
            provider_status=status,
        )
    if status == 408 or status >= 500:  # noqa: PLR2004
        return ProviderUnreachable(
            f"{name} has trouble of its own (HTTP {status}). Try again a little later.{quote}",
            retry_after=retry_after,
            provider_status=status,
        )
    advice = {
        401: f"Check the key variable of provider {name}.",
        402: f"Check the account of provider {name}: it asks for payment.",
        403: f"Check the key variable of provider {name}, and whether its account may use this model.",
        404: f"Check the model's name and the base URL of provider {name}.",
        413: "Shorten the conversation.",
    }.get(status, "Check the model's name and the parameters.")
    refusal = f"{name} refused the request (HTTP {status}). {advice}{quote}"
    return ProviderRefused(refusal, provider_status=status)


def _stream_error(name: str, error: Any, secrets: Sequence[str]) -> ProviderError:
    """Return the error for an error object within a stream, where the HTTP status was 200 already."""
    quote = _quote(msgspec.json.encode({"error": error}), secrets)
    about = error if isinstance(error, dict) else {}
    for key in ("code", "status"):
        value = about.get(key)
        if isinstance(value, str) and value.isdecimal():
            value = int(value[:4])
        if isinstance(value, int) and 400 <= value < 600:  # noqa: PLR2004
            return _classify(name, value, quote, None)
    words = f"{about.get('type')} {about.get('code')}".lower()
    status = 429 if "rate_limit" in words or "quota" in words else 400 if "invalid" in words else 500
    return _classify(name, status, quote, None)


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds of a ``Retry-After`` header, given as a number or as a date."""
    if value is None:
        return None
    if re.fullmatch(r"\s*\d{1,9}(\.\d{1,9})?\s*", value, re.ASCII):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _quote(body: bytes, secrets: Sequence[str]) -> str:
    """Return the provider's own short message, made safe to show."""
    try:
        found = _message(msgspec.json.decode(body))
    except _UNREADABLE:
        found = "" if body.lstrip()[:1] == b"<" else body.decode("utf-8", "replace")
    # Some providers quote the key, whole, masked or its beginning: a word that looks like it is not shown.
    marks = [part[: max(_MIN_SECRET, len(part) // 3)] for secret in secrets for part in secret.split()]
    marks.append("***")
    printable = "".join(each if each.isprintable() else " " for each in found[:_MAX_READ])
    words = printable.split()
    found = " ".join("***" if any(mark in word for mark in marks) else word for word in words)
    if len(found) > _MAX_QUOTE:
        found = found[:_MAX_QUOTE] + "…"
    return f" It said: {found}" if found else ""


def _message(value: Any) -> str:
    if isinstance(value, list) and value:
        value = value[0]
    for key in ("error", "message", "detail"):
        if isinstance(value, dict) and value.get(key):
            value = value[key]
    return value if isinstance(value, str) else ""
