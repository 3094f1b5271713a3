"""The statements whose plans are looked at, on each database, and the indexes they are to use."""

from antiphon.stores.sql import board, deletion, fleet, places, pods, search, sessions, transfer, turns

STATEMENTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in (sessions, turns, search, transfer, deletion, places, board, pods, fleet)
    for name, value in vars(module).items()
    if name.startswith("_") and name.isupper() and hasattr(value, "compile")
    # What only puts in what it is given reads nothing.
    if not value.is_insert or value.select is not None
}
# Active turns are a few among very many ended ones: an index of their own finds them.
PARTIAL = {
    "turns._BEFORE_SUBMIT": "ix_turns_active_session",
    "turns._QUEUED": "ix_turns_active_pod",
    "sessions._BUSY": "ix_turns_active_session",
    "sessions._BY_OWNER": "ix_sessions_owner_updated_at",
    "search._STRETCH": "ix_sessions_owner_updated_at",
    "pods._WAITING": "ix_turns_active_pod",
    "pods._CLAIM": "ix_turns_active_pod",
    "pods._QUEUE": "ix_turns_active_pod",
    "pods._HELD": "ix_turns_active_pod",
    "pods._STOPS": "ix_turns_stopping",
    "fleet._FLEET": "ix_turns_active_pod",
}
