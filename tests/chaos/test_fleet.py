"""Three pods on real servers, one thing after another happening to them; ``make chaos`` is the long run."""

import asyncio
import itertools
import random

import pytest
import pytest_asyncio

from backends.services import need
from chaos.accounts import Report
from chaos.fleet import ADDRESSES, KINDS, LEASE_S, Engines, Fleet
from chaos.mishaps import Mishaps
from chaos.people import Crowd, Patience
from chaos.talk import many, settle
from chaos.wires import WAYS

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="module")]
LOOSE_S = 15.0
"""A machine that runs other tests as well is not held to the promised 5 s."""
_numbers = itertools.count()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=sorted(KINDS))
async def engines(request, tmp_path_factory):
    for name in KINDS[request.param]:
        need(ADDRESSES[name])  # whoever has these has the programs
    engines = await Engines(tmp_path_factory.mktemp(request.param), KINDS[request.param]).up()
    yield engines
    await engines.down()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(engines):
    async with Fleet(engines.folder / "fleet", engines) as fleet:
        yield fleet


@pytest_asyncio.fixture(loop_scope="module")
async def crowd(fleet, request):
    async with Crowd(fleet, random.Random(request.node.name), Report()) as crowd:
        yield crowd
        await _well(crowd)
    print(f"\n{request.node.name}\n{crowd.report}", *crowd.report.worst(3), sep="\n")


async def _well(crowd):
    """Leave the fleet as it was found."""
    for pod in crowd.fleet.pods:
        if not pod.running:
            await pod.start_again()


def name():
    return f"t{next(_numbers)}"


async def under_way(crowd, count, **more):
    """Return messages just sent and their readers, reading."""
    asks, readers = await many(crowd, count, name(), **more)
    return asks, readers, [asyncio.create_task(reader.read()) for reader in readers]


async def whole(crowd, asks, readers, reading):
    """See that every reply comes whole and once."""
    async with asyncio.timeout(90):
        await asyncio.gather(*reading)
    await settle(crowd, asks, readers)
    assert crowd.report.clean, crowd.report
    assert crowd.report.replies == len(asks)


def any_way(crowd):
    return lambda _: crowd.dice.choice([*WAYS, None])


async def test_a_pod_is_killed_and_60_of_60_replies_come_whole(crowd):
    asks, readers, reading = await under_way(crowd, 60, delay=40, way=any_way(crowd))
    mishaps = Mishaps(crowd.fleet, crowd.report, crowd.dice)
    await asyncio.sleep(1.5)
    killing = asyncio.create_task(mishaps.kill(crowd.fleet.pods[0], wait=LEASE_S))
    await whole(crowd, asks, readers, reading)
    await killing
    assert crowd.report.takeovers > 0, "the killed pod ran nothing: the test tested nothing"
    assert crowd.report.stall_s < LOOSE_S


async def test_a_zombie_wakes_up_after_its_takeover(crowd):
    # Half of the readers stay with the zombie and get what it still sends.
    stays = Patience(silence_s=4 * LEASE_S, chunks=10**6)
    asks, readers, reading = await under_way(crowd, 15, delay=80, way=any_way(crowd))
    more = await under_way(crowd, 15, delay=80, way=any_way(crowd), patience=stays)
    asks, readers, reading = asks + more[0], readers + more[1], reading + more[2]
    await asyncio.sleep(1)
    await Mishaps(crowd.fleet, crowd.report, crowd.dice).zombie(crowd.fleet.pods[0])
    await whole(crowd, asks, readers, reading)
    assert crowd.report.takeovers > 0, "the zombie ran nothing: the test tested nothing"


async def test_a_rolling_restart_under_load_breaks_nothing(crowd):
    asks, readers, reading = await under_way(crowd, 30, delay=60, way=any_way(crowd))
    mishaps = Mishaps(crowd.fleet, crowd.report, crowd.dice)
    for pod in crowd.fleet.pods:
        await mishaps.roll(pod)
    await whole(crowd, asks, readers, reading)
    assert crowd.report.takeovers > 0, "no reply was handed over: the test tested nothing"
    assert crowd.report.stall_s < LOOSE_S


async def test_the_servers_are_restarted_in_mid_reply(crowd):
    asks, readers, reading = await under_way(crowd, 30, delay=60, way=any_way(crowd))
    mishaps = Mishaps(crowd.fleet, crowd.report, crowd.dice)
    for engine in crowd.fleet.engines.names:
        await asyncio.sleep(0.7)
        await mishaps.restart_engine(engine)
    await whole(crowd, asks, readers, reading)


async def test_a_reply_begun_at_one_pod_is_followed_at_another_by_another_api(crowd):
    await asyncio.gather(*(moved(crowd, *ways) for ways in itertools.product(WAYS, WAYS)))
    assert crowd.report.clean, crowd.report
    assert crowd.report.replies == len(WAYS) ** 2


async def moved(crowd, first, second):
    """Begin a reply one way at one pod and go on from its middle another way at another pod."""
    a, b, _ = crowd.fleet.pods
    asks, readers = await many(crowd, 1, name(), delay=20)
    account = readers[0].account(asks[0].number)
    await hop(readers[0], a, first, chunks=40)
    assert 0 < account.next < 100
    await hop(readers[0], b, second, chunks=10**6)
    assert account.state == "complete"
    await settle(crowd, asks, readers)


async def hop(reader, pod, way, chunks):
    """Have the reader listen at this pod, this way, for so many chunks at most."""
    reader.stays_at, reader.way, reader.patience = pod, way, Patience(chunks=chunks)
    await reader._hop()
    reader.stays_at = None
