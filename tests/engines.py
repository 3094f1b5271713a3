"""An engine in the test's own process."""

import contextlib

from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Bot, Catalogue
from antiphon.engine.engine import Engine
from antiphon.engine.ports import Ports
from antiphon.registry import BUSES, CACHES, EXECUTORS, LIMITERS, LOGS, PRESENCES, STORES, load


@contextlib.asynccontextmanager
async def engine_on(path, provider, log="sqlite", bot=None, **bounds):
    """An engine of its own on a migrated database, whose bot ``b`` asks the provider."""
    executor = load(EXECUTORS, "sqlite")(path, synchronous="NORMAL")
    store = load(STORES, "sqlite")(executor)
    chosen = load(LOGS, log)(executor) if log == "sqlite" else load(LOGS, log)()
    bus, limiter, presence = (
        load(BUSES, "memory")(),
        load(LIMITERS, "memory")({}),
        load(PRESENCES, "memory")(),
    )
    ports = Ports(store, chosen, bus, limiter, presence, load(CACHES, "memory")())
    made = Engine(ports, _catalogue(provider, bot), Bounds(lease=0.5, **bounds))
    await made.start(alone=True)
    yield made
    await made.close()


@contextlib.asynccontextmanager
async def pods_on(make_store, make_log, make_bus, provider, count=2):
    """Several engines on the same data, each with a store, a log and a bus of its own."""
    made = []
    for n in range(count):
        kept = [load(LIMITERS, "memory")({}), load(PRESENCES, "memory")(), load(CACHES, "memory")()]
        ports = Ports(make_store(), make_log(), make_bus(), *kept)
        made.append(Engine(ports, _catalogue(provider, None), Bounds(lease=2.0), pod=f"pod-{n}"))
        await made[-1].start(alone=False)
    yield made
    for each in made:
        await each.close()


def _catalogue(provider, bot):
    bots = {"b": bot or Bot(name="b", model="p/m")}
    return Catalogue(bots, {"p": provider}, default_bot="b", cache=load(CACHES, "memory")())
