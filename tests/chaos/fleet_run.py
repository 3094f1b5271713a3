"""The long run of a fleet: people talk, pods are killed, and every token is accounted for.

Prints what it found; exits with 1 if anything was lost, repeated, wrong or given up.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from chaos.accounts import Report
from chaos.fleet import KINDS, Engines, Fleet
from chaos.mishaps import Mishaps
from chaos.people import Crowd
from chaos.talk import converse

TALKING = 30
"""Conversations under way at any time."""


async def run(folder: Path, options) -> Report:
    """Let people talk until there were enough replies and enough kills."""
    report, dice = Report(), random.Random(options.seed)
    program = (str(Path(__file__).parent / "sabotaged.py"), options.sabotage)
    engines = await Engines(folder / "engines", KINDS[options.fleet]).up()
    fleet = Fleet(
        folder / "fleet",
        engines,
        program=program if options.sabotage else ("-m", "antiphon"),
        proxied=not options.direct,
    )
    try:
        async with fleet, Crowd(fleet, dice, report) as crowd:
            mishaps = Mishaps(fleet, report, dice, engines=options.engines)
            going_wrong = asyncio.create_task(mishaps.run(options.kills))
            telling = asyncio.create_task(tell(report))
            await asyncio.gather(
                going_wrong,
                *(talk(crowd, f"{options.seed}-{n}", options, going_wrong) for n in range(TALKING)),
            )
            telling.cancel()
    finally:
        await engines.down()
    return report


async def talk(crowd: Crowd, name, options, going_wrong):
    """Have one conversation after the other."""
    n = 0
    while not going_wrong.done() or crowd.report.replies < options.replies:
        n += 1
        await converse(crowd, f"{name}-{n}", tokens=options.tokens)
        if going_wrong.done() and going_wrong.exception():
            return


async def tell(report: Report):
    """Say how far it is."""
    while True:
        await asyncio.sleep(10)
        told = f"{report.at():7.1f} s: {report.replies} replies, {report.kills} kills"
        print(f"{told}, {len(report.faults)} faults", file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fleet", choices=sorted(KINDS), required=True)
    parser.add_argument("--replies", type=int, default=1000, help="at least so many")
    parser.add_argument("--kills", type=int, default=30, help="at least so many")
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engines", action="store_true", help="restart, kill and pause the servers too")
    parser.add_argument("--direct", action="store_true", help="no network faults: no proxies to the servers")
    parser.add_argument("--sabotage", help="a safeguard to take out, see sabotaged.py")
    parser.add_argument("--keep", type=Path, help="leave the pods' logs in this folder")
    return parser.parse_args()


def main():
    options = arguments()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            report = uvloop.run(run(Path(folder), options))
        finally:
            if options.keep:
                shutil.copytree(
                    Path(folder) / "fleet",
                    options.keep,
                    dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("*.db*"),
                )
    if options.keep:
        (options.keep / "events.txt").write_text("\n".join([*report.events, *report.faults]))
    print(f"{'fleet':20} {options.fleet}\n{'seconds':20} {time.monotonic() - began:.0f}\n{report}")
    print("longest waits:", *report.worst(), sep="\n  ")
    print("longest waits while something was away:", *report.worst(disturbed=True), sep="\n  ")
    sys.exit(0 if report.clean else 1)


if __name__ == "__main__":
    main()
