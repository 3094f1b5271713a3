"""Every bound of the engine, in one place. The settings reference lists them with their variables."""

import msgspec


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes are in characters or bytes as named, times in seconds."""

    message_chars: int = 100_000
    metadata_bytes: int = 16_384
    params_bytes: int = 131_072
    reply_chars: int = 400_000
    import_bytes: int = 16_777_216
    import_messages: int = 10_000
    chunks_a_turn: int = 50_000
    pending_chars: int = 65_536
    running_turns: int = 2_000
    queued_turns: int = 1_000
    running_turns_a_session: int = 8
    reader_backlog_bytes: int = 1_048_576
    history_exchanges: int = 200
    turns_resumed: int = 200
    context_tokens: int = 8_192
    reply_tokens_reserved: int = 1_024
    retries: int = 2
    retry_base: float = 0.5
    turn_seconds: float = 1_800.0
    lease: float = 3.0
    tick: float = 0.1
    log_gives_up: float = 45.0
    retention: float = 900.0
    reply_cache_seconds: float = 1_800.0
    context_cache_seconds: float = 3_600.0
