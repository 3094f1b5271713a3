"""What a pod has done so far, in plain numbers: counted once a turn, never for a chunk."""

from bisect import bisect_left
from collections import Counter

import msgspec

from antiphon.engine.draft import Draft
from antiphon.ids import now_ms
from antiphon.model import End

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the histograms' buckets."""
_end = msgspec.json.Decoder(End).decode


class Histogram:
    """Durations by size; ``counts`` has one more than ``SECONDS``, for what is longer than all."""

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.sum += seconds

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)


class Figures:
    """Counted since the process began. Times run from the message to the chunk, in seconds."""

    def __init__(self) -> None:
        self.turns: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.chunks = 0
        self.tokens = 0
        self.first_chunk = Histogram()
        self.response = Histogram()

    def ended(self, draft: Draft, end_text: str) -> None:
        """Count a reply that ended here; its ``end`` chunk is about to follow what the draft holds."""
        turn, end = draft.turn, _end(end_text)
        self.turns[end.state.value] += 1
        if end.error is not None:
            self.faults[end.error.code] += 1
        self.chunks += len(draft.all_chunks()) + 1
        self.tokens += end.usage.completion_tokens if end.usage else 0
        self.response.add(max(0, now_ms() - turn.created_at) / 1000)
        if draft.begun_at is not None and turn.epoch == 1:
            self.first_chunk.add(max(0, draft.begun_at - turn.created_at) / 1000)
