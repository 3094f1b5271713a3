"""Waiting for a reply while watching that somebody still wants it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, TypeVar

from antiphon.engine.deliver import Channel
from antiphon.model import Chunk, Turn
from antiphon.transports.asgi import Request

T = TypeVar("T")


class Left(Exception):
    """The client has hung up: there is nobody to answer."""


class _First:
    """A Reader that waits for the first chunk, and after that keeps the reply from being without a reader."""

    def __init__(self) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def feed(self, turn: Turn, first: int, chunks: Sequence[Chunk], memo: dict[Any, bytes]) -> None:  # noqa: ARG002
        """See Reader."""
        if not self.over.done():
            self.over.set_result(None)

    def lost(self, turn: Turn) -> None:  # noqa: ARG002
        """See Reader."""
        if not self.over.done():
            self.over.set_result(None)


@contextlib.asynccontextmanager
async def begun(request: Request, channel: Channel, patience: float) -> AsyncIterator[None]:
    """Enter when the reply has its first chunk, or after so many seconds. Raises Left."""
    first = _First()
    channel.attach(first, 0)
    try:
        if not first.over.done():
            await _unless_gone(request, first.over, patience)
        yield
    finally:
        channel.detach(first)


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns; it is cancelled if the client hangs up. Raises Left."""
    task = asyncio.ensure_future(work)
    try:
        await _unless_gone(request, task, None)
        return task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _unless_gone(request: Request, wanted: asyncio.Future[Any], patience: float | None) -> None:
    gone = asyncio.ensure_future(request.hung_up())
    try:
        await asyncio.wait({wanted, gone}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if gone.done() and not wanted.done():
            raise Left
    finally:
        gone.cancel()
        await asyncio.wait({gone})
