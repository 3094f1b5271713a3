"""What a run of the fleet found: every chunk a reader got, compared with its number, its text, the store."""

import dataclasses
import time

SETTLES_S = 6.0
"""An outage counts this much longer than it lasts: leases have to be found again."""
FIGURES = (
    "replies", "lost", "repeated", "wrong", "explicit", "takeovers", "resets", "kills", "stops", "rolls",
    "restarts", "cuts", "hops", "resent", "stall_s", "stall_p99_s", "stall_in_outages_s",
)  # fmt: skip


@dataclasses.dataclass
class Outage:
    """Something other than a pod was away."""

    what: str
    began: float
    ended: float | None = None

    def touches(self, began, ended):
        """Whether a wait of a reader overlaps with it."""
        return self.began < ended and (self.ended is None or began < self.ended + SETTLES_S)


class Report:
    """The figures; ``lost``, ``repeated`` and ``wrong`` must be 0, and ``explicit`` unless it is provoked."""

    def __init__(self):
        self.replies = self.lost = self.repeated = self.wrong = self.explicit = 0
        self.takeovers = self.resets = self.kills = self.stops = self.rolls = 0
        self.restarts = self.cuts = self.hops = self.resent = 0
        self.faults: list[str] = []
        self.events: list[str] = []
        self.outages: list[Outage] = []
        self.gaps: list[tuple[float, float, str]] = []
        self._zero = time.monotonic()

    @property
    def clean(self):
        return self.lost == self.repeated == self.wrong == self.explicit == 0

    @property
    def stall_s(self):
        """The longest wait of a reader for the next chunk, with all servers and the network in order."""
        return max(self._undisturbed(), default=0.0)

    @property
    def stall_p99_s(self):
        """The longest wait but for the worst hundredth of those over a second."""
        worst = sorted(gap for gap in self._undisturbed() if gap > 1)
        return worst[int(0.99 * (len(worst) - 1))] if worst else 0.0

    @property
    def stall_in_outages_s(self):
        """The same while a server was away or the network cut."""
        return max((end - begin for begin, end, _ in self.gaps if self._disturbed(begin, end)), default=0.0)

    def at(self, moment=None):
        """Return a moment in seconds since the run began."""
        return round((moment or time.monotonic()) - self._zero, 2)

    def happened(self, text):
        """Note an event for whoever looks for a fault's cause."""
        self.events.append(f"{self.at():8.2f} {text}")

    def fault(self, kind, text):
        """Count a fault and remember its words."""
        setattr(self, kind, getattr(self, kind) + 1)
        self.faults.append(f"{self.at():8.2f} {kind.upper()} {text}")

    def outage(self, what):
        """Begin an outage; whoever ends it sets ``ended``."""
        self.outages.append(Outage(what, time.monotonic()))
        return self.outages[-1]

    def gap(self, began, ended, who):
        """Note how long a reader waited for a chunk."""
        if ended - began > 0.5:
            self.gaps.append((began, ended, who))

    def worst(self, count=5, *, disturbed=False):
        """Return the longest waits, in words."""
        waits = [g for g in self.gaps if self._disturbed(*g[:2]) == disturbed]
        waits.sort(key=lambda gap: gap[0] - gap[1])
        return [f"{end - begin:6.2f} s until {self.at(end)}: {who}" for begin, end, who in waits[:count]]

    def _undisturbed(self):
        return [end - begin for begin, end, _ in self.gaps if not self._disturbed(begin, end)]

    def _disturbed(self, began, ended):
        return any(outage.touches(began, ended) for outage in self.outages)

    def __str__(self):
        lines = []
        for name in FIGURES:
            value = getattr(self, name)
            lines.append(f"{name:20} {round(value, 2) if isinstance(value, float) else value}")
        return "\n".join([*lines, *self.faults[:20]])


class Account:
    """One reply as one reader put it together."""

    def __init__(self, who, report: Report, asked):
        self.who = who
        self.report = report
        self.next = 0
        self.chunks: list[tuple[str, str]] = []
        self.state = None
        self.error = None
        self.completes = 0
        self.message_ids = set()
        self.heard = asked

    @property
    def text(self):
        """The content since the last reset."""
        kinds = [kind for kind, _ in self.chunks]
        start = len(kinds) - kinds[::-1].index("reset") if "reset" in kinds else 0
        return "".join(text for kind, text in self.chunks[start:] if kind == "content")

    def take(self, seq, kind, text, where):
        """Take one numbered chunk."""
        now = time.monotonic()
        self.report.gap(self.heard, now, f"{self.who} chunk {seq} {where}")
        self.heard = now
        if seq < self.next:
            self.report.fault("repeated", f"{self.who}: chunk {seq} came where {self.next} was due, {where}")
            return
        if seq > self.next:
            self.report.fault("lost", f"{self.who}: chunk {seq} came where {self.next} was due, {where}")
            self.chunks += [("lost", "")] * (seq - self.next)
        self.next = seq + 1
        self.chunks.append((kind, text))

    def ends(self, state, message_id, error=None):
        """Take what the last chunk tells."""
        self.state = state
        self.error = error
        self.message_ids.add(message_id)
