"""Back ends on redis (being written)."""

store = log = bus = limiter = presence = None
