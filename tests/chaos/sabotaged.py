"""Antiphon with one of its safeguards taken out, to show that the chaos tests notice.

Usage: ``python sabotaged.py deliver-first serve``.
"""

import asyncio
import sys

from antiphon.engine.committer import Committer
from antiphon.engine.worker import Worker
from antiphon.registry import LOGS, load


async def deliver_first(self, pairs):
    """Deliver, and commit a little later: what commit-before-deliver forbids."""
    for draft, entry in pairs:
        draft.channel.publish(entry.chunks)
    await asyncio.sleep(0.1)
    await self._append(pairs)


def deliver_before_commit():
    """Break invariant 1."""
    Committer._commit = deliver_first


def deafen():
    """Let a pod not care that it was buried. Its log's fences suffice, so this alone breaks nothing."""
    Worker.fence = Worker.leave = lambda *_: None


def unfence():
    """Break invariant 3: neither being buried nor its log's refusal stops a pod."""
    deafen()
    for name in LOGS:
        try:
            log = load(LOGS, name)
        except ImportError:
            continue

        async def append(self, batch, honest=log.append):
            await honest(self, batch)
            return ["done"] * len(batch)

        log.append = append


SABOTAGE = {"deliver-first": deliver_before_commit, "deaf": deafen, "unfenced": unfence}

if __name__ == "__main__":
    SABOTAGE[sys.argv.pop(1)]()
    from antiphon.cli import main

    main()
