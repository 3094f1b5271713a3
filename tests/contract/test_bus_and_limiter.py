"""The contracts of the Bus and Limiter ports, for every back end."""

import pytest

from antiphon.registry import BUSES, LIMITERS, load


@pytest.fixture(params=sorted(BUSES))
async def bus(request):
    made = load(BUSES, request.param)()
    yield made
    await made.close()


async def test_subscribers_of_the_topic_are_woken_until_they_leave(bus):
    first, second, other = [], [], []
    leave = bus.subscribe("a", first.append)
    bus.subscribe("a", second.append)
    bus.subscribe("b", other.append)
    bus.publish("a", "1")
    leave()
    leave()
    bus.publish("a", "2")
    bus.publish("nobody", "3")
    bus.publish("b", "4")
    assert (first, second, other) == (["1"], ["1", "2"], ["4"])


async def test_a_subscriber_may_leave_while_it_is_woken(bus):
    heard = []

    def once(text):
        heard.append(text)
        leave()

    leave = bus.subscribe("a", once)
    bus.publish("a", "1")
    bus.publish("a", "2")
    assert heard == ["1"]


@pytest.mark.parametrize("name", sorted(LIMITERS))
async def test_hits_are_counted_by_kind_and_key(name):
    limiter = load(LIMITERS, name)({"session": "2/minute", "user": "3/hour"})
    assert [await limiter.hit("session", "s") for _ in range(2)] == [None, None]
    wait = await limiter.hit("session", "s")
    assert 0 < wait <= 60
    assert await limiter.hit("session", "t") is None
    assert [await limiter.hit("user", "s") for _ in range(3)] == [None] * 3
    assert await limiter.hit("user", "s") > 60
    assert [await limiter.hit("unknown", "s") for _ in range(10)] == [None] * 10
