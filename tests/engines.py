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
    bot = bot or Bot(name="b", model="p/m")
    known = Catalogue({"b": bot}, {"p": provider}, default_bot="b", cache=load(CACHES, "memory")())
    made = Engine(ports, known, Bounds(lease=0.5, **bounds))
    await made.start(alone=True)
    yield made
    await made.close()
