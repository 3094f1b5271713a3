"""Back ends on postgres (being written)."""

store = log = bus = limiter = presence = None
