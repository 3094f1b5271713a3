"""Antiphon with one of its safeguards taken out, to show that the chaos test notices.

Usage: ``python sabotaged.py deliver-first serve``.
"""

import asyncio
import sys

from antiphon.engine.committer import Committer


async def deliver_first(self, pairs):
    """Deliver, and commit a little later: what commit-before-deliver forbids."""
    for draft, entry in pairs:
        draft.channel.publish(entry.chunks)
    await asyncio.sleep(0.1)
    await self._append([entry for _, entry in pairs])


SABOTAGE = {"deliver-first": lambda: setattr(Committer, "_commit", deliver_first)}

if __name__ == "__main__":
    SABOTAGE[sys.argv.pop(1)]()
    from antiphon.cli import main

    main()
