"""Messages in the form of OpenAI's chat completions, as the engine needs them."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from antiphon.errors import Invalid
from antiphon.providers.port import PromptMessage, Role
from antiphon.stores.port import Exchange

ROLES = frozenset(get_args(Role))
PLAIN = frozenset({"role", "content"})


def text_of_content(content: Any) -> str:
    """Return the text of a message's ``content``: a text, or the texts among its parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def read_message(given: Any) -> PromptMessage:
    """Read one message. Raises Invalid."""
    if not isinstance(given, Mapping):
        raise Invalid("A message is an object with a role and a content.")
    role: Any = given.get("role")
    content = given.get("content")
    if role not in ROLES:
        raise Invalid(f"A message's role is one of {', '.join(sorted(ROLES))}, not {role!r}.")
    if content is not None and not isinstance(content, (str, list)):
        raise Invalid("A message's content is a text or a list of parts.")
    plain = isinstance(content, str) and given.keys() <= PLAIN
    return PromptMessage(role=role, content=text_of_content(content), raw=None if plain else dict(given))


def of_exchange(exchange: Exchange) -> list[PromptMessage]:
    """Return what a model is sent of a user's turn, without the reply before it."""
    if exchange.given:
        return [read_message(given) for given in exchange.given]
    return [PromptMessage(role="user", content=exchange.text)]


def of_reply(text: str, calls: Sequence[dict[str, Any]]) -> list[PromptMessage]:
    """Return what a model is sent of a reply: nothing, if it was empty."""
    if calls:
        raw = {"role": "assistant", "content": text or None, "tool_calls": list(calls)}
        return [PromptMessage(role="assistant", content=text, raw=raw)]
    return [PromptMessage(role="assistant", content=text)] if text else []
