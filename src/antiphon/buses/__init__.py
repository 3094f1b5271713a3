"""What wakes sleepers; losing a wake-up costs latency, never data."""
