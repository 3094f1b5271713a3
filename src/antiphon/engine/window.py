"""Which part of a conversation a model gets to see."""

from collections.abc import Sequence

from antiphon.providers.port import PromptMessage
from antiphon.stores.port import Exchange

CHARS_A_TOKEN = 4
TOKENS_A_MESSAGE = 4


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text: a quarter of its UTF-8 bytes.

    OpenAI's rule of thumb for English is four characters a token; counting bytes makes the estimate
    grow for scripts whose characters take a token or more each. No tokenizer fits every model.
    """
    return len(text.encode()) // CHARS_A_TOKEN + 1


def fit(system: str | None, history: Sequence[Exchange], budget: int) -> list[PromptMessage]:
    """Return the newest messages of a branch that fit into ``budget`` tokens, after the system prompt.

    The last user message is always kept, even alone over the budget: the provider's answer to that says
    more than a guess. A cut falls before a user message, never between it and its reply.
    """
    head = [PromptMessage(role="system", content=system)] if system else []
    left = budget - sum(estimate_tokens(m.content) + TOKENS_A_MESSAGE for m in head)
    kept: list[PromptMessage] = []
    for i in range(len(history) - 1, -1, -1):
        group = [PromptMessage(role="user", content=history[i].text)]
        reply = history[i + 1].before if i + 1 < len(history) else None
        if reply:
            group.append(PromptMessage(role="assistant", content=reply))
        left -= sum(estimate_tokens(m.content) + TOKENS_A_MESSAGE for m in group)
        if left < 0 and kept:
            break
        kept = group + kept
    return head + kept
