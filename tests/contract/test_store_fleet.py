"""The contract of the Store port, for every back end: what the pods of a fleet are doing."""

import asyncio

from antiphon.ids import now_ms
from stored import ANN, FOREVER, HOUR, ask, outcome


async def test_each_pod_is_told_with_its_lease_and_its_turns(make_store, store):
    began = now_ms()
    await store.heartbeat("busy", 60_000, works=True)
    await store.heartbeat("api", 60_000, works=False)
    turns = [(await store.submit(ANN, ask(str(n), session=f"{n}", claim_for="busy"))).turn for n in range(3)]
    await store.submit(ANN, ask("queued", session="queued", claim_for=None))
    await store.finish(turns[0], outcome(turns[0], "ended"))
    told = {pod.id: pod for pod in await make_store().fleet()}
    assert {name: (pod.works, pod.running) for name, pod in told.items()} == {
        "pod": (True, 0),
        "busy": (True, 2),
        "api": (False, 0),
    }
    assert 0 < told["busy"].lease_left <= 60_000 < told["pod"].lease_left <= HOUR
    assert began - 1000 <= told["busy"].started_at <= now_ms()


async def test_a_lease_that_is_over_and_a_pod_that_is_gone_show(store):
    await store.heartbeat("dead", 1, works=True)
    await store.submit(ANN, ask(claim_for="dead"))
    await asyncio.sleep(0.05)
    (dead,) = [pod for pod in await store.fleet() if pod.id == "dead"]
    assert dead.lease_left < 0
    assert dead.running == 1
    await store.bury("pod")
    assert [pod.id for pod in await store.fleet()] == ["pod"]
    await store.bury("nobody", -FOREVER)
    assert list(await store.fleet()) == []
