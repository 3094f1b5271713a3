"""Store and process disagree about who runs a turn: an answer was lost, a pod lost track, another has it."""

import asyncio
import shutil

import pytest
from test_two_pods import ANN, fleet_on

from antiphon.engine import pod as keeping
from antiphon.errors import StoreUnavailable
from antiphon.stores.sql.store import SqlStore
from patience import until


@pytest.fixture
def path(migrated_database, tmp_path):
    return shutil.copy(migrated_database, tmp_path / "antiphon.db")


def lose_one_answer(monkeypatch, name):
    """Have the store do what it is asked, and say that it could not be reached."""
    honest = getattr(SqlStore, name)
    lost = []

    async def call(self, *args):
        answer = await honest(self, *args)
        if not lost and answer:
            lost.append(answer)
            raise StoreUnavailable("The connection was lost.")
        return answer

    monkeypatch.setattr(SqlStore, name, call)
    return lost


async def test_a_message_whose_answer_was_lost_is_answered_soon(path, monkeypatch):
    async with fleet_on(path) as fleet:
        lost = lose_one_answer(monkeypatch, "submit")
        with pytest.raises(StoreUnavailable):
            await fleet.submit(idempotency_key="k")
        turn = await fleet.submit(at=1, idempotency_key="k")
        assert turn.id == lost[0].turn.id
        async with asyncio.timeout(12):  # an audit of its own accord would come only after 15 s
            await (await fleet.follow(turn)).whole()


async def test_a_claim_whose_answer_was_lost_is_made_up_for_soon(path, monkeypatch):
    async with fleet_on(path) as fleet:
        fleet.pods[0].worker.works = False  # what is sent to it is queued
        lost = lose_one_answer(monkeypatch, "claim")
        turn = await fleet.submit()
        async with asyncio.timeout(12):
            await (await fleet.follow(turn)).whole()
        assert lost


async def test_a_late_answer_is_not_taken_for_a_lost_one(path, monkeypatch):
    honest = SqlStore.submit

    async def late(self, *args):
        answer = await honest(self, *args)
        await asyncio.sleep(1.5)
        return answer

    async with fleet_on(path) as fleet:
        monkeypatch.setattr(SqlStore, "submit", late)
        fleet.pods[0].worker.doubtful = True
        turn = await fleet.submit()
        await (await fleet.follow(turn)).whole()
        assert (await fleet.stores[0].message(ANN, turn.reply_id)).metadata["seams"] == []


async def test_a_turn_that_its_living_pod_lost_track_of_is_queued_again(path, monkeypatch):
    monkeypatch.setattr(keeping, "AUDIT_EVERY_S", 0.3)
    async with fleet_on(path) as fleet:
        turn = await fleet.submit()
        await asyncio.sleep(0.05)
        run = fleet.pods[0].worker._running[turn.id]
        run.task.cancel()  # as a bug would
        await asyncio.gather(run.task, return_exceptions=True)
        assert not fleet.pods[0].worker.running
        await (await fleet.follow(turn)).whole()


async def test_a_turn_that_was_given_away_is_left(path, monkeypatch):
    monkeypatch.setattr(keeping, "AUDIT_EVERY_S", 0.3)
    async with fleet_on(path) as fleet:
        fleet.provider.stuck = True
        turn = await fleet.submit()
        await asyncio.sleep(0.1)
        fleet.pods[0].worker._draining = True  # so that the other one claims it
        await fleet.stores[1].requeue([(turn.id, turn.epoch)])
        await until(lambda: not fleet.pods[0].worker.running and fleet.pods[1].worker.running)
        fleet.provider.stuck = False
        await (await fleet.follow(turn, at=0)).whole()
        fleet.pods[0].worker._draining = False
