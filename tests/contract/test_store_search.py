"""How far one look of a search goes, for every back end."""

import time

import pytest

from antiphon.stores.sql import search
from antiphon.stores.sqlite_connection import SqliteConnection, connect
from stored import ANN, BOB, exchange

FILLER = "x" * 90


async def looks(store, text):
    """Return what each look finds, by id, until the list ends."""
    found, before = [], None
    while True:
        look = await store.search(ANN, text, before, archived=False)
        found.append([session.id for session in look.sessions])
        before = look.before
        if before is None:
            return found


async def rename(store, *names):
    """Give sessions a title that says nothing: it is their first message otherwise."""
    for name in names:
        await store.update_session(ANN, name, "title", None)


@pytest.fixture
async def three(store):
    """Sessions of about 200 bytes each, the last used first: s2, s1, s0."""
    for n in range(3):
        await exchange(store, f"needle {FILLER}", FILLER, session=f"s{n}")
    await rename(store, "s0", "s1", "s2")
    return store


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (1_000, [["s2", "s1", "s0"]]),
        (400, [["s2", "s1"], ["s0"]]),
        (250, [["s2"], ["s1"], ["s0"]]),
    ],
)
async def test_a_look_goes_through_so_many_bytes(three, monkeypatch, most, expected):
    monkeypatch.setattr(search, "MOST_BYTES", most)
    assert await looks(three, "needle") == expected


async def test_what_is_looked_through_in_part_is_begun_again(three, monkeypatch):
    # The newest text of s1 is within the bytes of the first look, the one with the needle is not.
    monkeypatch.setattr(search, "MOST_BYTES", 300)
    assert await looks(three, "needle") == [["s2"], ["s1"], ["s0"]]
    assert await looks(three, "nowhere") == [[], [], []]


async def test_of_a_session_with_more_than_a_look_the_newest_texts_are_looked_through(store, monkeypatch):
    await exchange(store, "older", FILLER, session="other")
    for text in ("older", "newer"):
        await exchange(store, text, FILLER)
    await rename(store, "other", "s")
    monkeypatch.setattr(search, "MOST_BYTES", 150)
    assert await looks(store, "newer") == [["s"], []]
    assert await looks(store, "older") == [[], ["other"]]
    assert [each for look in await looks(store, "title") for each in look] == ["s", "other"]


async def test_bytes_are_counted_and_not_characters(store, monkeypatch):
    for n in range(2):
        await exchange(store, "日" * 30, "needle", session=f"s{n}")
    await rename(store, "s0", "s1")
    monkeypatch.setattr(search, "MOST_BYTES", 120)
    assert await looks(store, "日日") == [["s1"], ["s0"]]


async def test_letters_that_fold_to_ascii_are_found_by_it(store):
    await exchange(store, "300 \u212aelvin", "\u017fo it is", session="old")
    for text in ("kelvin", "\u212aELVIN", "so it", "\u017fO"):
        assert await looks(store, text) == [["old"]], text
    assert (await store.search(BOB, "kelvin", None, archived=False)).sessions == []


@pytest.mark.parametrize("letter", ["a", "ö", "ß"])
def test_a_text_made_for_it_costs_a_search_little_more_than_another(tmp_path, letter):
    """By SQLite's own patterns it cost a thousand times as much."""
    db = connect(tmp_path / "a.db", "NORMAL")
    db.execute("CREATE TABLE messages (session_id, ordinal, content)")
    db.executemany("INSERT INTO messages VALUES ('s', ?, ?)", [(n, letter * 100_000) for n in range(2, 22)])
    session = type("Row", (), {"id": "s", "title": "", "turn_count": 10})

    def cost(text):
        began = time.thread_time()
        found = search.texts_here.matching(SqliteConnection(db), [session], text, 10_000, 10**9)
        assert found == [False]
        return time.thread_time() - began

    cost("warm")
    assert cost(letter * 199 + "b") < 30 * cost("nowhere")
    db.close()
