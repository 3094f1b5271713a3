"""Waiting for what must come."""

import asyncio
import inspect

from antiphon.errors import StoreUnavailable

# Long: a busy machine is slow, and only a fault is waited for to the end.
PATIENCE_S = 60.0


async def eventually(work):
    """Repeat what may fail while a server comes back."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await work()
            except StoreUnavailable:
                await asyncio.sleep(0.05)


async def until(condition, within=PATIENCE_S):
    """Wait until ``condition()``, or what it returns awaited, is true."""
    async with asyncio.timeout(within):
        while not (await met if inspect.isawaitable(met := condition()) else met):
            await asyncio.sleep(0.02)
