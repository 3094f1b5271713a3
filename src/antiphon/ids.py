"""Identifiers that sort by the time they were made."""

import random
import time


def new_id(prefix: str) -> str:
    """Return ``<prefix>_<12 hex digits of Unix milliseconds><16 random hex digits>``.

    Text order is time order (to the millisecond), which keeps index pages of one time together; the 64
    random bits make ids of two pods distinct without talking to each other. They are no secret: knowing an
    id opens nothing, and asking the kernel for each would cost a system call and the interpreter lock.
    """
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{random.getrandbits(64):016x}"


def now_ms() -> int:
    """Return the wall clock in Unix milliseconds, the unit of every stored time."""
    return time.time_ns() // 1_000_000
