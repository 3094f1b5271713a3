"""The chaos tests tested: with a safeguard taken out, the fleet is found out."""

import asyncio
import random
from pathlib import Path

import pytest

from backends.services import need
from chaos.accounts import Report
from chaos.fleet import LEASE_S, Engines, Fleet
from chaos.mishaps import Mishaps
from chaos.people import Crowd, Patience
from chaos.talk import many, settle
from chaos.wires import WAYS

pytestmark = pytest.mark.chaos
RUNS = 4
STAYS = Patience(silence_s=4 * LEASE_S, chunks=10**6)


async def found(folder, sabotage, mishap):
    """Return the report of a fleet without a safeguard to which something happens."""
    need("POSTGRES_URL")
    engines = await Engines(folder / "engines", ["postgres"]).up()
    program = (str(Path(__file__).parent / "sabotaged.py"), sabotage)
    report = Report()
    try:
        async with Fleet(folder / "fleet", engines, program=program, proxied=False) as fleet:
            # Readers that stay where they are: with the zombie, too.
            async with Crowd(fleet, random.Random(1), report, STAYS) as crowd:
                asks, readers = await many(crowd, 40, "m", delay=100, way=WAYS[1])
                reading = [asyncio.create_task(reader.read()) for reader in readers]
                await asyncio.sleep(1)
                await getattr(Mishaps(fleet, report, crowd.dice), mishap)(fleet.pods[0])
                await asyncio.wait(reading, timeout=30)
                for task in reading:
                    task.cancel()
                await settle(crowd, asks, readers)
    finally:
        await engines.down()
    print(report)
    return report


async def noticed(folder, sabotage, mishap):
    """Whether the fault shows in one of a few runs: each needs a mishap at the wrong moment."""
    for attempt in range(RUNS):
        report = await found(folder / str(attempt), sabotage, mishap)
        if report.wrong + report.lost + report.repeated:
            return True
    return False


async def test_a_zombie_that_nothing_stops_is_noticed(tmp_path):
    assert await noticed(tmp_path, "unfenced", "zombie")


async def test_the_logs_fence_alone_stops_a_zombie(tmp_path):
    report = await found(tmp_path, "deaf", "zombie")
    assert report.clean, report
    assert report.takeovers > 0


async def test_delivering_before_the_commit_is_noticed_in_a_fleet(tmp_path):
    assert await noticed(tmp_path, "deliver-first", "kill")
