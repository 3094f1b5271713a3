"""The provider of the bots that need no model: a table of functions, streamed at a reading pace."""

import asyncio
import re
from collections.abc import Callable, Sequence

from antiphon.bots import echo
from antiphon.bots.sizebot import dialogue
from antiphon.errors import ProviderRefused
from antiphon.model import Usage
from antiphon.providers.port import Finish, Model, Prompt, PromptMessage, Sink

BOTS: dict[str, Callable[[Sequence[PromptMessage]], str]] = {
    "sizebot": dialogue.reply,
    "echo": echo.reply,
}
"""Model name → the function that answers: the same messages always get the same text."""

CONTEXT_TOKENS = 1_000_000
"""Generous, because no window of a model is filled: each bot bounds what it reads by itself."""

BURST = 32
"""Pieces put in one go when there is no delay; the event loop runs the others in between."""

_PIECE = re.compile(r"\s*\S{1,32}|\s+")


def pieces_of(text: str) -> list[str]:
    """Cut a text into word-sized pieces; joined they are the text again."""
    return _PIECE.findall(text)


class BuiltinProvider:
    """Serves the bots of ``BOTS``; ``delay`` is the pause between two pieces in seconds (0: none).

    A bot's text depends on the messages alone, so a broken reply goes on exactly where it ended.
    """

    continuation = True

    def __init__(self, delay: float = 0.02) -> None:
        self._delay = delay

    async def models(self) -> Sequence[Model]:
        """Return the bots on offer: always the same ones."""
        return [Model(id=name, context_tokens=CONTEXT_TOKENS) for name in BOTS]

    async def stream(self, prompt: Prompt, sink: Sink) -> Finish:
        """Put the rest of the reply after ``prompt.prefix`` into the sink, piece by piece."""
        bot = BOTS.get(prompt.model)
        if bot is None:
            raise ProviderRefused(
                f"There is no built-in bot {prompt.model!r}; choose one of: {', '.join(BOTS)}.",
                provider_status=404,
            )
        text = bot(prompt.messages)
        if not text.startswith(prompt.prefix):
            raise ProviderRefused(
                "The text so far is not this bot's, so it cannot go on with it: begin again."
            )
        pieces = pieces_of(text[len(prompt.prefix) :])
        delay = 0 if prompt.whole else self._delay
        now = asyncio.get_running_loop().time
        put, begun = 0, now()
        while put < len(pieces):
            # What became due while the receiver had no room goes at once, or each wait would add to the pace.
            due = max(put + 1, int((now() - begun) / delay) if delay else 0)
            piece, put = "".join(pieces[put:due]), due
            if not sink.content(piece):
                await _drained(sink)
            if put < len(pieces):
                await _pause(put, begun + put * delay - now())
        asked = sum(len(pieces_of(message.content)) for message in prompt.messages)
        return Finish(
            reason="stop",
            usage=Usage(prompt_tokens=asked, completion_tokens=len(pieces), estimated=True),
        )

    async def close(self) -> None:
        """Release nothing: there are no connections."""


async def _pause(number: int, seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)
    elif number % BURST == 0:
        await asyncio.sleep(0)


async def _drained(sink: Sink) -> None:
    """Wait until the receiver has room; its call may come at once, or more than once."""
    room = asyncio.Event()
    sink.on_drain(room.set)
    await room.wait()
