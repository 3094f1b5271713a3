"""Waiting for a store that is away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from antiphon.errors import StoreUnavailable

T = TypeVar("T")
logger = structlog.get_logger(__name__)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0


async def patiently(call: Callable[[], Awaitable[T]], event: str) -> T:
    """Call until the store answers; ``event`` is logged for each time that it does not.

    For what only this process can bring to an end, and which is bounded by the caller's own timeout or life.
    """
    pause = FIRST_PAUSE_S
    while True:
        try:
            return await call()
        except StoreUnavailable as error:
            logger.warning(event, error=error.message)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_S, pause * 2)
