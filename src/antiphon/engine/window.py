"""Which part of a conversation a model gets to see."""

from collections.abc import Sequence

import msgspec

from antiphon.engine.bounds import Bounds
from antiphon.engine.messages import of_exchange, of_reply
from antiphon.providers.port import PromptMessage
from antiphon.stores.port import Exchange

CHARS_A_TOKEN = 4
TOKENS_A_MESSAGE = 4


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text: a quarter of its UTF-8 bytes.

    OpenAI's rule of thumb for English is four characters a token; counting bytes makes the estimate
    grow for scripts whose characters take a token or more each. No tokenizer fits every model.
    """
    size = len(text) if text.isascii() else len(text.encode())
    return size // CHARS_A_TOKEN + 1


def room(context_tokens: int | None, bounds: Bounds) -> int:
    """Return how many tokens a prompt may have, given a bot's window (None: the one of all)."""
    window = context_tokens or bounds.context_tokens
    return max(window // 2, window - bounds.reply_tokens_reserved)


def fit(system: str | None, history: Sequence[Exchange], budget: int) -> list[PromptMessage]:
    """Return the newest messages of a branch that fit into ``budget`` tokens, after the system prompt.

    The last user message is always kept, even alone over the budget: the provider's answer to that says
    more than a guess. A cut falls before a user message, never between it and its reply, nor between the
    calls of a reply and their results: without the calls providers refuse these.
    """
    head = [PromptMessage(role="system", content=system)] if system else []
    left = budget - sum(map(_tokens, head))
    kept: list[PromptMessage] = []
    # Newest first, like ``kept``: what is kept only together with what comes before it.
    bound: list[PromptMessage] = []
    for exchange in reversed(history):
        asked = of_exchange(exchange)
        bound += reversed(asked)
        left -= sum(map(_tokens, asked))
        if left < 0 and kept:
            return head + kept[::-1]
        if asked[0].role != "tool":
            kept += bound
            bound = []
        reply = of_reply(exchange.before or "", exchange.calls)
        bound += reversed(reply)
        left -= sum(map(_tokens, reply))
    # Nothing but results and their calls, if what was asked before them is not in the history any more.
    return head + (kept or bound)[::-1]


def _tokens(message: PromptMessage) -> int:
    text = message.content if message.raw is None else msgspec.json.encode(message.raw).decode()
    return estimate_tokens(text) + TOKENS_A_MESSAGE
