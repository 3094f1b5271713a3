"""The contracts of the Bus, Limiter and Presence ports, for every back end."""

import asyncio

import pytest

from backends import BUSES, LIMITERS, PRESENCES
from patience import PATIENCE_S, until


@pytest.fixture(params=sorted(BUSES))
async def buses(request, migrated_database, tmp_path):
    async with BUSES[request.param](migrated_database, tmp_path) as factory:
        yield factory


@pytest.fixture(params=sorted(LIMITERS))
async def limiters(request, migrated_database, tmp_path):
    async with LIMITERS[request.param](migrated_database, tmp_path) as factory:
        yield factory


@pytest.fixture(params=sorted(PRESENCES))
async def presences(request, migrated_database, tmp_path):
    async with PRESENCES[request.param](migrated_database, tmp_path) as factory:
        yield factory


async def connected(*buses):
    """Wait until each bus hears each other: wake-ups before that may be lost."""
    for n, bus in enumerate(buses):
        heard = set()
        ends = [
            other.subscribe(f"hello.{n}", lambda _, i=i, heard=heard: heard.add(i))
            for i, other in enumerate(buses)
        ]
        async with asyncio.timeout(PATIENCE_S):
            while len(heard) < len(buses):
                bus.publish(f"hello.{n}", "")
                await asyncio.sleep(0.02)
        for end in ends:
            end()


async def test_subscribers_of_the_topic_are_woken_until_they_leave(buses):
    here, there = buses(), buses()
    await connected(here, there)
    first, second, other, last = [], [], [], []
    leave = there.subscribe("a", first.append)
    here.subscribe("a", second.append)
    there.subscribe("b.c-1", other.append)
    there.subscribe("last", last.append)
    await asyncio.sleep(0.3)  # for a subscription to reach the server
    here.publish("a", "1")
    await until(lambda: first and second)
    leave()
    leave()
    here.publish("a", "2")
    here.publish("nobody", "3")
    here.publish("b.c-1", "4 é 🎼 \n")
    here.publish("last", "")
    await until(lambda: last)
    await until(lambda: len(second) == 2)
    assert (first, second, other) == (["1"], ["1", "2"], ["4 é 🎼 \n"])


async def test_a_subscriber_may_leave_while_it_is_woken(buses):
    here = buses()
    await connected(here)
    heard, all_heard = [], []

    def once(text):
        heard.append(text)
        leave()

    leave = here.subscribe("a", once)
    here.subscribe("a", all_heard.append)
    await asyncio.sleep(0.3)
    here.publish("a", "1")
    here.publish("a", "2")
    await until(lambda: all_heard == ["1", "2"])
    assert heard == ["1"]


async def test_wake_ups_of_a_topic_arrive_in_order(buses):
    here, there = buses(), buses()
    await connected(here, there)
    heard = []
    there.subscribe("a", heard.append)
    await asyncio.sleep(0.3)
    for n in range(200):
        here.publish("a", str(n))
    await until(lambda: len(heard) == 200)
    assert heard == [str(n) for n in range(200)]


async def test_the_longest_text_is_carried_and_a_longer_one_is_dropped(buses):
    here, there = buses(), buses()
    await connected(here, there)
    heard = []
    there.subscribe("a", heard.append)
    await asyncio.sleep(0.3)
    most = min(here.most_bytes, 1 << 20)
    if most == here.most_bytes:
        here.publish("a", "é" * (most // 2 + 1))
    here.publish("a", "é" * (most // 2))
    await until(lambda: heard)
    assert heard == ["é" * (most // 2)]


async def test_hits_are_counted_by_kind_and_key(limiters):
    rates = {"session": "2/minute", "user": "3/hour"}
    here, there = limiters(rates), limiters(rates)
    assert [await here.hit("session", "s"), await there.hit("session", "s")] == [None, None]
    wait = await here.hit("session", "s")
    assert 0 < wait <= 60
    assert await there.hit("session", "s") > 0
    assert await here.hit("session", "t") is None
    assert [await here.hit("user", "s") for _ in range(3)] == [None] * 3
    assert await here.hit("user", "s") > 60
    assert [await here.hit("unknown", "s") for _ in range(10)] == [None] * 10


async def test_connections_are_known_to_all_pods(presences):
    here, there = presences(), presences()
    await here.joined("s", "pod-a", "con_1")
    await there.joined("s", "pod-b", "con_2")
    await there.joined("t", "pod-b", "con_3")
    await here.keep("pod-a", [("s", "con_1")])
    assert await here.connections("s") == await there.connections("s") == ["pod-a:con_1", "pod-b:con_2"]
    await here.left("s", "pod-a", "con_1")
    await here.left("s", "pod-a", "con_1")
    assert await there.connections("s") == ["pod-b:con_2"]
    assert await here.connections("nowhere") == []
