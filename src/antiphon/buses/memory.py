"""Wake-ups within one process."""

from collections.abc import Callable

from antiphon.buses.topics import Topics, sleep_on, wake_all


class MemoryBus:
    """The Bus port on a dictionary."""

    most_bytes = 1 << 30

    def __init__(self) -> None:
        self._topics: Topics = {}

    def publish(self, topic: str, text: str) -> None:
        """See Bus."""
        wake_all(self._topics, topic, text)

    def subscribe(self, topic: str, wake: Callable[[str], None]) -> Callable[[], None]:
        """See Bus."""
        return sleep_on(self._topics, topic, wake)

    async def close(self) -> None:
        """See Bus."""
        self._topics.clear()
