"""The bot that says the last user message back: it makes the way of a reply visible without any model."""

from collections.abc import Sequence

from antiphon.providers.port import PromptMessage

NOTHING = "You said nothing, so there is nothing to say back. Write something."


def reply(messages: Sequence[PromptMessage]) -> str:
    """Return the last user message as it was written; an empty one gets a sentence that says so."""
    for message in reversed(messages):
        if message.role == "user":
            return message.content if message.content.strip() else NOTHING
    return NOTHING
