"""The contract of the PlaceStore port, for every back end."""

import asyncio

from stored import ANN, ask, exchange


async def test_the_last_place_noted_is_returned(store):
    await store.create_session(ANN, "s", "", {})
    assert await store.place("s", "c") is None
    await store.note_places([("s", "c", "1.4")])
    assert await store.place("s", "c") == "1.4"
    await store.note_places([("s", "c", "1.9"), ("s", "d", "1.2"), ("s", "c", "2.1")])
    assert [await store.place("s", client) for client in "cde"] == ["2.1", "1.2", None]
    await store.note_places([])


async def test_clients_are_private_to_their_session(store):
    for session in "st":
        await store.create_session(ANN, session, "", {})
    await store.note_places([("s", "c", "1.1"), ("t", "c", "7.7")])
    assert (await store.place("s", "c"), await store.place("t", "c")) == ("1.1", "7.7")


async def test_places_of_sessions_that_are_gone_are_dropped(store):
    await store.create_session(ANN, "s", "", {})
    await store.note_places([("gone", "c", "1.1"), ("s", "c", "1.2")])
    assert (await store.place("gone", "c"), await store.place("s", "c")) == (None, "1.2")


async def test_places_go_with_their_session(store):
    await store.create_session(ANN, "s", "", {})
    await store.note_places([("s", "c", "1.1")])
    await store.delete_session(ANN, "s")
    await store.create_session(ANN, "s", "", {})
    assert await store.place("s", "c") is None
    await store.note_places([("s", "c", "1.1")])
    turn = await exchange(store, "a", "b")
    await store.delete_turn(ANN, turn.id)
    assert await store.place("s", "c") is None


async def test_any_client_id_will_do(store):
    await store.create_session(ANN, "s", "", {})
    odd = ["\0" * 200, "\U0010ffff0", "ü 'x' \"y\" \\ %s", "👩‍👩‍👧", ""]
    await store.note_places([("s", client, f"1.{i}") for i, client in enumerate(odd)])
    assert [await store.place("s", client) for client in odd] == [f"1.{i}" for i in range(len(odd))]


async def test_pods_that_note_the_same_places_at_once_do_not_disturb_each_other(make_store):
    stores = [make_store() for _ in range(3)]
    await stores[0].heartbeat("pod", 60_000, works=True)
    for session in range(20):
        await stores[0].submit(ANN, ask(session=f"s{session}"))
    places = [(f"s{s}", f"c{c}") for s in range(20) for c in range(20)]

    async def note(store, number):
        for i in range(10):
            turned = places if i % 2 else places[::-1]
            await store.note_places([(s, c, f"{number}.{i}") for s, c in turned])

    await asyncio.gather(*(note(store, number) for number, store in enumerate(stores)))
    found = [await stores[0].place(*place) for place in places]
    assert set(found) <= {"0.9", "1.9", "2.9"}
