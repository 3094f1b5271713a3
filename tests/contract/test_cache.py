"""The contract of the Cache port, for every back end; the bounds of memory; a Redis that is away."""

import asyncio
import contextlib
import math
import signal
import time

import pytest
from structlog.testing import capture_logs

from antiphon.caches.memory import MemoryCache
from antiphon.caches.port import MOST_BYTES, MOST_SECONDS
from antiphon.caches.redis import RedisCache
from antiphon.connections.redis import connect
from backends import CACHES
from backends.redis import PrivateServer


@pytest.fixture(params=sorted(CACHES))
async def caches(request, migrated_database, tmp_path):
    async with CACHES[request.param](migrated_database, tmp_path) as factory:
        yield factory


async def test_what_is_put_is_there_until_it_is_forgotten(caches):
    here, there = caches(), caches()
    assert await here.get("a") is None
    await here.put("a", b"\x00\xff", 60)
    await here.put("b", b"", 60)
    assert [await there.get("a"), await there.get("b")] == [b"\x00\xff", b""]
    await there.put("a", b"other", 60)
    assert await here.get("a") == b"other"
    await there.forget("a")
    await there.forget("a")
    assert [await here.get("a"), await here.get("b")] == [None, b""]


async def test_a_value_goes_when_its_time_is_over(caches):
    cache = caches()
    await cache.put("a", b"x", 60)
    await cache.put("a", b"x", 0.2)
    await cache.put("b", b"x", 60)
    assert await cache.get("a") == b"x"
    await asyncio.sleep(0.3)
    assert [await cache.get("a"), await cache.get("b")] == [None, b"x"]


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
async def test_a_value_without_time_is_not_kept(caches, seconds):
    cache = caches()
    await cache.put("a", b"x", 60)
    await cache.put("a", b"y", seconds)
    assert await cache.get("a") is None


@pytest.mark.parametrize("seconds", [1e-9, MOST_SECONDS * 1e6, math.inf])
async def test_any_other_time_will_do(caches, seconds):
    cache = caches()
    with capture_logs() as logs:
        await cache.put("a", b"x", seconds)
        assert await cache.get("a") in ((b"x",) if seconds > 1 else (b"x", None))
    assert logs == []


async def test_any_text_is_a_key(caches):
    cache = caches()
    keys = [
        "",
        " ",
        "a",
        "A",
        "a:b",
        "a\x00b",
        "a\nb",
        "{a}*?[",
        "é",
        "e\u0301",
        "🎼",
        "\ud800",
        "k" * 100_000,
    ]
    for n, key in enumerate(keys):
        await cache.put(key, str(n).encode(), 60)
    assert [await cache.get(key) for key in keys] == [str(n).encode() for n in range(len(keys))]


async def test_the_longest_value_is_kept_and_a_longer_one_is_not(caches):
    cache = caches()
    await cache.put("a", b"x" * MOST_BYTES, 60)
    assert await cache.get("a") == b"x" * MOST_BYTES
    await cache.put("a", b"x" * (MOST_BYTES + 1), 60)
    assert await cache.get("a") is None


async def test_memory_forgets_what_was_used_longest_ago():
    cache = MemoryCache(entries=3)
    for key in "abc":
        await cache.put(key, key.encode(), 60)
    await cache.get("a")
    await cache.put("b", b"again", 60)
    await cache.put("d", b"d", 60)
    assert [await cache.get(key) for key in "abcd"] == [b"a", b"again", None, b"d"]


async def test_memory_is_bounded_by_the_bytes_of_keys_and_values():
    cache = MemoryCache(total_bytes=1_000)
    for n in range(100):
        await cache.put(f"{n:02}", b"x" * 92, 60)  # 100 with its key
    assert [n for n in range(100) if await cache.get(f"{n:02}")] == list(range(90, 100))
    await cache.put("99", b"x" * 492, 60)
    assert [n for n in range(100) if await cache.get(f"{n:02}")] == [94, 95, 96, 97, 98, 99]
    await cache.put("a", b"x" * 1_000, 60)
    await cache.put("k" * 1_000, b"", 60)
    assert cache._bytes == len(cache._kept) == 0


@pytest.fixture
def server(tmp_path):
    made = PrivateServer(tmp_path / "redis")
    made.start()
    yield made
    made.kill()


async def test_an_unreachable_redis_is_a_miss_and_told_once(server):
    async with contextlib.aclosing(connect(server.url)) as client:
        cache = RedisCache(client)
        with capture_logs() as logs:
            await cache.put("a", b"x", 60)
            server.signal(signal.SIGSTOP)
            began = time.monotonic()
            assert await cache.get("a") is None
            assert time.monotonic() - began < 5
            server.signal(signal.SIGCONT)
            assert await cache.get("a") == b"x"
            server.kill()
            await cache.put("a", b"y", 60)
            await cache.forget("a")
            assert await cache.get("a") is None
            server.start("--maxmemory", "1")
            await cache.put("a", b"y", 60)
            assert await cache.get("a") is None
        assert [entry["event"] for entry in logs] == ["cache_unavailable"]
        cache._complained -= 60
        server.kill()
        with capture_logs() as logs:
            assert await cache.get("a") is None
        assert len(logs) == 1
