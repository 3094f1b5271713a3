"""Identifiers that sort by the time they were made."""

import secrets
import time


def new_id(prefix: str) -> str:
    """Return ``<prefix>_<12 hex digits of Unix milliseconds><16 random hex digits>``.

    Text order is time order (to the millisecond), which keeps index pages of one time together; the 64
    random bits make ids of two pods distinct without talking to each other.
    """
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(8)}"


def now_ms() -> int:
    """Return the wall clock in Unix milliseconds, the unit of every stored time."""
    return time.time_ns() // 1_000_000
