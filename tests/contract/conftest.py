"""Stores to be tested."""

import pytest

from backends import STORES
from stored import HOUR


@pytest.fixture(params=sorted(STORES))
async def make_store(request, migrated_database, tmp_path):
    async with STORES[request.param](migrated_database, tmp_path) as factory:
        yield factory


@pytest.fixture
async def store(make_store):
    made = make_store()
    await made.heartbeat("pod", HOUR, works=True)
    return made
