"""Where clients stand: which place counts, and when it is written."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.engine.cursor import Cursor, parse_cursor
from antiphon.engine.places import ASKED_A_SECOND, Places, later
from antiphon.errors import StoreUnavailable


class Store:
    """A PlaceStore that can be away."""

    def __init__(self):
        self.places = {}
        self.calls = 0
        self.away = False

    async def place(self, session_id, client_id):
        return self.places.get((session_id, client_id))

    async def note_places(self, places):
        if self.away:
            raise StoreUnavailable("away")
        self.calls += 1
        self.places |= {(session, client): cursor for session, client, cursor in places}


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("1.4", "1.9", "1.9"),
        ("2.1", "1.9", "2.1"),
        ("2.1,1.9", "1.4", "2.1,1.9"),
        ("2.1,1.4", "1.9", "2.1,1.9"),
        ("3.0", "2.5,1.7", "3.0"),  # the first says that 1 and 2 were received whole
        ("3.0,1.2", "2.5", "3.0"),  # the second says that 1 was
        ("3.0,1.2", "2.5,1.3", "3.0,1.3"),
    ],
)
def test_the_later_place_holds_what_either_has(one, other, both):
    assert str(later(parse_cursor(one), parse_cursor(other))) == both
    assert str(later(parse_cursor(other), parse_cursor(one))) == both


CURSORS = st.dictionaries(st.integers(1, 6), st.integers(0, 5), min_size=1).map(Cursor)


@given(CURSORS, CURSORS)
def test_later_loses_and_invents_nothing(one, other):
    both = later(one, other)
    whole = 99
    for number in range(1, 8):
        had = [whole if (n := cursor.of(number)) is None else n for cursor in (one, other)]
        now = both.of(number)
        assert (whole if now is None else now) == max(had)


async def test_what_changed_is_written_once_for_all():
    store = Store()
    places = Places(store)
    for client in "abc":
        assert await places.enter("s", client) is None
        places.reached("s", client, "1.5")
    await places.write()
    await places.write()
    assert store.calls == 1
    assert store.places == {("s", client): "1.5" for client in "abc"}
    places.reached("s", "b", "1.6")
    await places.leave("s", "b")
    assert store.calls == 2
    assert store.places["s", "b"] == "1.6"
    assert await Places(store).enter("s", "b") == Cursor({1: 6})


async def test_what_is_stored_counts_as_well_as_what_is_known_here():
    store = Store()
    places = Places(store)
    await places.enter("s", "a")
    places.reached("s", "a", "1.5")
    await places.write()
    store.places["s", "a"] = "2.9"  # it went on at another pod
    assert await places.enter("s", "a") == Cursor({2: 9})
    await places.leave("s", "a")
    await places.leave("s", "a")
    assert store.places["s", "a"] == "2.9"


async def test_a_place_outlives_a_store_that_is_away_and_then_is_forgotten_here():
    store = Store()
    places = Places(store)
    await places.enter("s", "a")
    places.reached("s", "a", "1.5")
    store.away = True
    await places.leave("s", "a")
    with pytest.raises(StoreUnavailable):
        await places.write()
    assert await places.enter("s", "a") == Cursor({1: 5})
    await places.leave("s", "a")
    store.away = False
    await places.write()
    assert store.places == {("s", "a"): "1.5"}
    assert places.pause == 0


async def test_the_more_clients_the_less_each_is_asked():
    places = Places(Store())
    for number in range(100):
        await places.enter("s", str(number))
    assert places.pause * ASKED_A_SECOND == 100


async def test_an_older_place_is_not_stored_over_a_newer_one():
    store = Store()
    places, first = Places(store), asyncio.Event()
    note = store.note_places

    async def slowly(noted):
        if not first.is_set():
            first.set()
            await asyncio.sleep(0.05)
        await note(noted)

    store.note_places = slowly
    await places.enter("s", "c")
    places.reached("s", "c", "1.5")
    writing = asyncio.create_task(places.write())
    await first.wait()
    places.reached("s", "c", "2.1")
    await places.leave("s", "c")
    await writing
    assert store.places == {("s", "c"): "2.1"}


async def test_many_that_leave_at_once_share_a_write():
    store = Store()
    places = Places(store)
    names = [f"c{n}" for n in range(50)]
    for name in names:
        await places.enter("s", name)
        places.reached("s", name, "1.5")
    note = store.note_places

    async def slowly(noted):
        await asyncio.sleep(0)
        await note(noted)

    store.note_places = slowly
    await asyncio.gather(*(places.leave("s", name) for name in names))
    assert len(store.places) == 50
    assert store.calls <= 2
    assert not places._clients
