"""Values kept in this process."""

import time
from collections import OrderedDict
from typing import NamedTuple

from antiphon.caches.port import MOST_BYTES, MOST_SECONDS


class _Kept(NamedTuple):
    value: bytes
    until: float
    weight: int


class MemoryCache:
    """The Cache port on a dictionary; what was used longest ago goes first when it is full.

    Args:
        entries: how many values it holds.
        total_bytes: how many bytes of keys and values together.
    """

    def __init__(self, *, entries: int = 4_096, total_bytes: int = 16 << 20) -> None:
        self._entries, self._total_bytes = entries, total_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()  # used longest ago first
        self._bytes = 0

    async def get(self, key: str) -> bytes | None:
        """See Cache."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= time.monotonic():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.value

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """See Cache."""
        self._drop(key)
        if len(value) > MOST_BYTES or not seconds > 0:
            return
        # Keys are counted too, or long ones would escape the bound. No character takes more than 4 bytes.
        weight = len(value) + 4 * len(key)
        self._kept[key] = _Kept(value, time.monotonic() + min(seconds, MOST_SECONDS), weight)
        self._bytes += weight
        while len(self._kept) > self._entries or self._bytes > self._total_bytes:
            self._drop(next(iter(self._kept)))

    async def forget(self, key: str) -> None:
        """See Cache."""
        self._drop(key)

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= kept.weight
