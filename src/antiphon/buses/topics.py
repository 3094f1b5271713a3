"""Who in this process sleeps on which topic."""

from collections.abc import Callable, Collection, Mapping

import structlog

logger = structlog.get_logger(__name__)


def wake_all(topics: Mapping[str, Collection[Callable[[str], None]]], topic: str, text: str) -> None:
    """Wake all who sleep on the topic; any of them may leave meanwhile."""
    for wake in tuple(topics.get(topic, ())):
        try:
            wake(text)
        except Exception:
            # One sleeper's mistake must not keep the others asleep.
            logger.exception("wake_failed", topic=topic)
