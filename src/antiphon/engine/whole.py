"""Waiting for a whole reply."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from antiphon.engine.deliver import Channel
from antiphon.engine.draft import text_of
from antiphon.errors import Overloaded
from antiphon.model import Chunk, End, Turn

_end = msgspec.json.Decoder(End).decode
# A reply that changes pods is looked for again after so long.
AGAIN_S = 0.2

Open = Callable[[int], Awaitable[Channel]]


class Whole(msgspec.Struct, frozen=True):
    """A reply that has ended: all its chunks, its text and how it ended."""

    chunks: list[Chunk]
    text: str
    end: End


class _Collector:
    """A Reader that waits for the last chunk."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def feed(self, turn: Turn, first: int, chunks: Sequence[Chunk], memo: dict[Any, bytes]) -> None:  # noqa: ARG002
        """See Reader."""
        self.chunks += chunks
        if chunks[-1].kind == "end" and not self.over.done():
            self.over.set_result(True)

    def lost(self, turn: Turn) -> None:  # noqa: ARG002
        """See Reader."""
        if not self.over.done():
            self.over.set_result(False)


async def whole(open_channel: Open) -> Whole:
    """Wait until a reply is whole, whichever pod ends it.

    ``open_channel`` returns what to follow it by after so many chunks; it is asked again when the reply
    changes pods. Raises what it raises, but Overloaded: that is waited out.
    """
    collector = _Collector()
    while True:
        try:
            channel = await open_channel(len(collector.chunks))
        except Overloaded:
            await asyncio.sleep(AGAIN_S)
            continue
        channel.attach(collector, len(collector.chunks))
        try:
            if await collector.over:
                break
        finally:
            channel.detach(collector)
        collector.over = asyncio.get_running_loop().create_future()
        await asyncio.sleep(AGAIN_S)
    chunks = collector.chunks
    return Whole(chunks, text_of(chunks), _end(chunks[-1].text))


async def whole_of(channel: Channel) -> Whole:
    """Wait until a reply is whole that is kept nowhere, and so stays in this process."""

    async def opened(received: int) -> Channel:  # noqa: ARG001 - there is no other
        return channel

    return await whole(opened)
