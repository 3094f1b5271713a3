"""Places in the list of sessions as text: what a page ends with, and the next one begins after."""

from antiphon.engine.submit import check_session_id
from antiphon.stores.archive_port import SessionPlace

_LONGEST_TIME = 19
_LATEST = 2**62


def to_text(place: SessionPlace) -> str:
    """Return a place as text, opaque to clients."""
    return f"{place.updated_at}:{place.id}" if place.id else str(place.updated_at)


def parse(text: str) -> SessionPlace:
    """Read a place, or a time alone in Unix ms. Raises ValueError, Invalid."""
    time, separator, session_id = text.partition(":")
    if not (time.isascii() and time.isdigit()) or len(time) > _LONGEST_TIME or int(time) > _LATEST:
        raise ValueError("no time")
    return SessionPlace(int(time), check_session_id(session_id) if separator else "")
