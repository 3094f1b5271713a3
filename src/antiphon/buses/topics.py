"""Who in this process sleeps on which topic."""

from collections.abc import Callable

import structlog

logger = structlog.get_logger(__name__)


Topics = dict[str, set[Callable[[str], None]]]


def sleep_on(
    topics: Topics, topic: str, wake: Callable[[str], None], deserted: Callable[[], None] = lambda: None
) -> Callable[[], None]:
    """Have ``wake`` called for the topic; return what ends it. ``deserted`` is called when nobody is left."""
    topics.setdefault(topic, set()).add(wake)

    def end() -> None:
        wakes = topics.get(topic)
        if wakes is not None:
            wakes.discard(wake)
            if not wakes:
                del topics[topic]
                deserted()

    return end


def wake_all(topics: Topics, topic: str, text: str) -> None:
    """Wake all who sleep on the topic; any of them may leave meanwhile."""
    for wake in tuple(topics.get(topic, ())):
        try:
            wake(text)
        except Exception:
            # One sleeper's mistake must not keep the others asleep.
            logger.exception("wake_failed", topic=topic)
