"""Back ends on nats (being written)."""

store = log = bus = limiter = presence = None
