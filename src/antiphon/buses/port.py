"""What wakes sleepers."""

from collections.abc import Callable
from typing import Protocol


class Bus(Protocol):
    """Wake-ups by topic, at most once: a sleeper that hears nothing must still look for itself, slowly."""

    def publish(self, topic: str, text: str) -> None:
        """Wake all subscribers of the topic, here and in other pods; returns at once, fails silently."""
        ...

    def subscribe(self, topic: str, wake: Callable[[str], None]) -> Callable[[], None]:
        """Call ``wake(text)`` in the event loop for each publication; return what ends it."""
        ...

    async def close(self) -> None:
        """End all subscriptions."""
        ...
