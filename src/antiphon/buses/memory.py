"""Wake-ups within one process."""

from collections.abc import Callable

from antiphon.buses.topics import wake_all


class MemoryBus:
    """The Bus port on a dictionary."""

    most_bytes = 1 << 30

    def __init__(self) -> None:
        self._topics: dict[str, set[Callable[[str], None]]] = {}

    def publish(self, topic: str, text: str) -> None:
        """See Bus."""
        wake_all(self._topics, topic, text)

    def subscribe(self, topic: str, wake: Callable[[str], None]) -> Callable[[], None]:
        """See Bus."""
        self._topics.setdefault(topic, set()).add(wake)

        def end() -> None:
            wakes = self._topics.get(topic)
            if wakes is not None:
                wakes.discard(wake)
                if not wakes:
                    del self._topics[topic]

        return end

    async def close(self) -> None:
        """See Bus."""
        self._topics.clear()
