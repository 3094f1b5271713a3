"""Waiting for what comes back."""

import asyncio

from antiphon.errors import StoreUnavailable


async def eventually(work, within=20.0):
    """Repeat what may fail while a server comes back."""
    async with asyncio.timeout(within):
        while True:
            try:
                return await work()
            except StoreUnavailable:
                await asyncio.sleep(0.05)


async def until(condition, within=15.0):
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)
