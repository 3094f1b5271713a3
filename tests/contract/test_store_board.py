"""The contract of the BoardStore port, for every back end."""

import asyncio

from antiphon.ids import now_ms

ODD = "\0 line\r\nbreak, \U0010ffffe \U0010ffff0, 👩\u200d👧, \u202ertl, \x7f\x1b[1m, '\"\\ %s :x $1"


async def test_posts_are_returned_newest_first_a_page_at_a_time(store):
    before = now_ms()
    made = [await store.post("ann", f"m{i}") for i in range(5)]
    assert [post.message for post in made] == [f"m{i}" for i in range(5)]
    assert all(before <= post.created_at <= now_ms() for post in made)
    newest = list(reversed(made))
    assert await store.posts(None, 10) == newest
    assert await store.posts(None, 2) == newest[:2]
    assert await store.posts(newest[1].id, 2) == newest[2:4]
    assert await store.posts(newest[-1].id, 2) == []


async def test_any_text_comes_back_as_it_was(store):
    made = await store.post(ODD, ODD * 20)
    assert (made.sender, made.message) == (ODD, ODD * 20)
    assert await store.posts(None, 1) == [made]


async def test_an_id_is_never_visible_before_a_lower_one(make_store):
    """Two processes post at once while a third looks: what it sees only grows at the new end."""
    first, second, reader = make_store(), make_store(), make_store()
    looks = []
    over = asyncio.Event()

    async def look():
        while not over.is_set():
            looks.append([post.id for post in await reader.posts(None, 1000)])

    async def write(store, name):
        for i in range(30):
            await asyncio.gather(*(store.post(name, f"{i}.{j}") for j in range(5)))

    looking = asyncio.create_task(look())
    await asyncio.gather(write(first, "a"), write(second, "b"))
    over.set()
    await looking
    looks.append([post.id for post in await reader.posts(None, 1000)])
    assert looks[-1] == sorted(set(looks[-1]), reverse=True)
    assert len(looks[-1]) == 300
    assert len({len(seen) for seen in looks}) > 3, "the reader saw the board grow"
    for seen in looks:
        assert seen == looks[-1][len(looks[-1]) - len(seen) :], "an older post appeared after a newer one"


async def test_posts_of_one_sender_keep_their_order(store):
    made = await asyncio.gather(*(store.post("ann", str(i)) for i in range(450)))
    assert [post.id for post in made] == list(range(made[0].id, made[0].id + 450))


async def test_a_post_whose_caller_left_hurts_no_other(store):
    posting = [asyncio.create_task(store.post("ann", str(i))) for i in range(10)]
    await asyncio.sleep(0)
    posting[3].cancel()
    results = await asyncio.gather(*posting, return_exceptions=True)
    assert [r.message for r in results if not isinstance(r, BaseException)] == [
        str(i) for i in range(10) if i != 3
    ]
    assert [post.message for post in await store.posts(None, 1)] == ["9"]


async def test_what_was_accepted_is_stored_before_the_store_closes(make_store):
    store, reader = make_store(), make_store()
    posting = asyncio.create_task(store.post("ann", "last words"))
    await asyncio.sleep(0)
    await store.close()
    assert await reader.posts(None, 1) == [await posting]
