"""The adapters that an engine runs on."""

from typing import NamedTuple

from antiphon.buses.port import Bus
from antiphon.caches.port import Cache
from antiphon.limits.port import Limiter
from antiphon.logs.port import Log
from antiphon.presence.port import Presence
from antiphon.stores.port import Store


class Ports(NamedTuple):
    """One of each kind."""

    store: Store
    log: Log
    bus: Bus
    limiter: Limiter
    presence: Presence
    cache: Cache
