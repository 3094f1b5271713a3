"""The contract of counting what waits, for every back end."""

from stored import ANN, ask


async def test_what_waits_for_a_pod_is_counted(store):
    assert await store.queued() == 0
    await store.heartbeat("pod", 60_000, works=True)
    for session in ("one", "two"):
        await store.submit(ANN, ask(session=session))
    waiting = await store.queued()
    claimed = await store.claim("pod", 1)
    assert await store.queued() == waiting - len(claimed)
