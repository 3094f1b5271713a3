"""How much of a limit is used, as the figures page tells it."""

from antiphon.engine.rates import Rates
from antiphon.limits import memory
from antiphon.limits.memory import MemoryLimiter


async def test_the_busiest_of_those_that_asked_lately_counts():
    limiter = MemoryLimiter({"user": "5/minute", "session": "2/minute"})
    assert (limiter.used("user"), limiter.used("unknown")) == (0, 0)
    for key in ("ann", "bob", "ann", "ann"):
        await limiter.hit("user", key)
    assert limiter.used("user") == 3
    for _ in range(9):
        await limiter.hit("session", "s")
    assert limiter.used("session") == 2, "what was refused does not count"


async def test_it_costs_no_more_however_many_have_asked():
    limiter = MemoryLimiter({"user": "5/minute"})
    for _ in range(3):
        await limiter.hit("user", "early")
    for n in range(memory.LATELY - 1):
        await limiter.hit("user", str(n))
    assert limiter.used("user") == 3
    await limiter.hit("user", "one more")
    assert limiter.used("user") == 1
    assert len(limiter._lately["user"]) == memory.LATELY


async def test_a_limiter_that_cannot_tell_is_not_asked():
    class Counting:
        async def hit(self, kind, key):
            return None

    assert Rates(Counting()).used("user") is None
    assert Rates(MemoryLimiter({"user": "5/minute"})).used("user") == 0
