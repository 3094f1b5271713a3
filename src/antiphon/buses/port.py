"""What wakes sleepers."""

from collections.abc import Callable
from typing import Protocol


class Bus(Protocol):
    """Wake-ups by topic, at most once: a sleeper that hears nothing must still look for itself, slowly.

    Topics are lower-case words of letters, digits and hyphens, joined by dots. Texts hold no NUL.
    """

    most_bytes: int
    """The longest text that is carried (in UTF-8); a longer one wakes nobody."""

    def publish(self, topic: str, text: str) -> None:
        """Wake all subscribers of the topic, here and in other pods; returns at once, fails silently.

        What one process publishes on one topic arrives in its order, but for what is lost.
        """
        ...

    def subscribe(self, topic: str, wake: Callable[[str], None]) -> Callable[[], None]:
        """Call ``wake(text)`` in the event loop for each publication; return what ends it."""
        ...

    async def close(self) -> None:
        """End all subscriptions, after what was published is sent."""
        ...
