"""What produces tokens."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from antiphon.model import Usage

Role = Literal["system", "developer", "user", "assistant", "tool"]


class PromptMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message as a model sees it.

    ``content`` is its text. ``raw`` is the whole message in the form of OpenAI's chat completions where there
    is more to it than a role and a text: images, tool calls, a tool's result. Providers that speak that form
    send ``raw``; the others make do with the text.
    """

    role: Role
    content: str
    raw: dict[str, Any] | None = None

    def as_openai(self) -> dict[str, Any]:
        """Return the message in the form of OpenAI's chat completions."""
        return self.raw or {"role": self.role, "content": self.content}


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A request for one reply.

    ``prefix`` is the text of the reply so far when an earlier attempt died: a provider with
    ``continuation`` goes on right after it and does not repeat it. It is empty otherwise.
    ``params`` are sampling parameters in OpenAI's names (``temperature``, ``max_tokens``, ``tools`` …).
    The ids say what it is for, to providers that keep conversations of their own; ``epoch`` tells attempts
    at one reply apart. ``whole``: nobody reads the reply before its end, so it need not come at a pace.
    """

    model: str
    messages: Sequence[PromptMessage]
    prefix: str = ""
    params: dict[str, Any] = {}
    session_id: str = ""
    turn_id: str = ""
    reply_id: str = ""
    epoch: int = 1
    whole: bool = False


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """How the model ended: OpenAI's ``finish_reason`` and the usage, if it was counted.

    ``cached``: the reply was not asked of the model, it was kept from an equal question.
    """

    reason: str
    usage: Usage | None = None
    cached: bool = False


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model a provider offers; ``context_tokens`` is the size of its context window, if known."""

    id: str
    context_tokens: int | None = None


class Sink(Protocol):
    """Where a provider puts what arrives, at once and without waiting.

    Each call is cheap and never blocks. When it returns ``False`` the receiver is over its bound: the
    provider stops reading until the callable given to ``on_drain`` is called (at most a few further
    pieces may still be put).
    """

    def content(self, text: str) -> bool:
        """Put text of the reply."""
        ...

    def reasoning(self, text: str) -> bool:
        """Put text the model thought aloud."""
        ...

    def tool(self, delta: str) -> bool:
        """Put a tool-call delta, a JSON array in OpenAI's form."""
        ...

    def on_drain(self, resume: Callable[[], None]) -> None:
        """Call ``resume`` once, when there is room again."""
        ...


class Provider(Protocol):
    """A source of replies. Safe for concurrent use; ``stream`` may be cancelled at any time."""

    continuation: bool
    """Whether ``stream`` honours ``Prompt.prefix``; else a broken reply begins again."""

    async def models(self) -> Sequence[Model]:
        """Return the models on offer now. Raises ProviderError if they cannot be learnt."""
        ...

    async def stream(self, prompt: Prompt, sink: Sink) -> Finish:
        """Put one reply into the sink, in order, and return when it is whole.

        Raises a subclass of ProviderError for every failure, never an error of a library. No retry is
        made here: the caller knows whether anything was put.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    """What texts came to: ``data`` is the provider's JSON list of OpenAI's ``embedding`` objects."""

    data: msgspec.Raw
    prompt_tokens: int


@runtime_checkable
class Embedder(Protocol):
    """What a provider is that also turns texts into vectors."""

    async def embed(self, model: str, texts: Any, params: Mapping[str, Any]) -> Embeddings:
        """Return the vectors of ``texts``: one text, several, or tokens, as OpenAI's ``input`` takes them.

        ``params`` are further parameters in OpenAI's names. Raises ProviderError.
        """
        ...
