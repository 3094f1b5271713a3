"""Searches under way at once: they take turns, and an operation of GraphQL takes one place."""

import asyncio

import pytest

from antiphon.engine.archive import MOST_OWN_SEARCHES, Archive
from antiphon.engine.bounds import Bounds
from antiphon.errors import Overloaded
from antiphon.model import Principal
from antiphon.stores.archive_port import Found, SessionPlace
from antiphon.transports.graphql import pages
from antiphon.transports.graphql.context import Context

ANN, BOB = Principal("user:ann"), Principal("user:bob")


class Lists:
    """A store whose every look finds nothing: Bob's list ends with the first, Ann's with the fiftieth."""

    def __init__(self):
        self.looks = []
        self.under_way = 0

    async def search(self, principal, text, before, *, archived):
        self.under_way += 1
        assert self.under_way == 1, "one look at a time"
        await asyncio.sleep(0.001)
        self.under_way -= 1
        self.looks.append(principal)
        at = before.updated_at if before else 50
        return Found(sessions=[], before=SessionPlace(at - 1) if principal == ANN and at > 1 else None)


def archive_on(store):
    return Archive(store, None, None, Bounds())


async def test_a_search_waits_for_a_look_of_each_other_and_not_for_their_ends():
    store = Lists()
    archive = archive_on(store)

    def search(who):
        return asyncio.create_task(archive.search(who, "x", None, 50, archived=False))

    long = [search(ANN) for _ in range(MOST_OWN_SEARCHES)]
    while not store.looks:
        await asyncio.sleep(0)
    await search(BOB)
    assert store.looks.index(BOB) <= 1 + MOST_OWN_SEARCHES
    assert not any(task.done() for task in long)
    await asyncio.gather(*long)
    assert store.looks.count(ANN) == 50 * MOST_OWN_SEARCHES


async def test_the_searches_of_an_operation_take_one_place_together():
    archive = archive_on(Lists())
    engine = type("Engine", (), {"archive": archive})
    context = Context(engine, ANN, None)
    asked = [pages.found_sessions(context, "x", 5, None, archived=False) for _ in range(6)]
    assert all(page.edges == [] for page in await asyncio.gather(*asked))
    others = [Context(engine, ANN, None) for _ in range(MOST_OWN_SEARCHES + 1)]
    with pytest.raises(Overloaded):
        await asyncio.gather(*(pages.found_sessions(each, "x", 5, None, archived=False) for each in others))
