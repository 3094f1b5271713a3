"""Every registered back end, ready for the contract tests.

A maker is an async context manager, called with the migrated SQLite template and a folder, that yields a
factory: each call returns another instance on the same data, as another process would have it (the same
instance where data cannot be shared). All that an instance holds is closed when the maker ends.
"""

from backends import local, nats, postgres, redis

STORES = {"sqlite": local.sqlite_store, "postgres": postgres.store}
LOGS = {
    "memory": local.memory_log,
    "sqlite": local.sqlite_log,
    "postgres": postgres.log,
    "redis": redis.log,
    "nats": nats.log,
}
BUSES = {
    "memory": local.memory_bus,
    "local": local.local_bus,
    "postgres": postgres.bus,
    "redis": redis.bus,
    "nats": nats.bus,
}
LIMITERS = {"memory": local.memory_limiter, "redis": redis.limiter}
PRESENCES = {"memory": local.memory_presence, "redis": redis.presence}
CACHES = {"memory": local.memory_cache, "redis": redis.cache}
