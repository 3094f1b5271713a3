"""GraphQL: sessions put away and found, replies judged."""

import asyncio

import pytest

from graphql_client import GraphQL

LIST = "query ($archived: Boolean!) { sessions(archived: $archived) { nodes { id archived } } }"
SEARCH = """query ($text: String!, $first: Int, $after: String, $archived: Boolean!) {
  searchSessions(text: $text, first: $first, after: $after, archived: $archived) {
    nodes { id } pageInfo { hasNextPage endCursor }
  }
}"""
RATE = """mutation ($id: ID!, $rating: Rating, $comment: String!) {
  rateMessage(id: $id, rating: $rating, comment: $comment) { id feedback { rating comment createdAt } }
}"""


@pytest.fixture
async def ann(server):
    async with GraphQL(server.url) as made:
        yield made


async def listed(ann, *, archived=False):
    nodes = (await ann.ask(LIST, archived=archived))["sessions"]["nodes"]
    assert {it["archived"] for it in nodes} <= {archived}
    return [it["id"] for it in nodes]


async def search(ann, text, first=2, *, archived=False):
    """Return the ids found, page after page."""
    found, after = [], None
    while True:
        page = (await ann.ask(SEARCH, text=text, first=first, after=after, archived=archived))[
            "searchSessions"
        ]
        assert len(page["nodes"]) <= first
        found += [it["id"] for it in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


async def test_sessions_are_archived_and_found(ann, server):
    made = [await ann.session(title=f"River {n}") for n in range(5)]
    await ann.session(title="Lake")
    archive = "mutation ($id: ID!) { updateSession(id: $id, input: { archived: true }) { archived title } }"
    changed = await ann.ask(archive, id=made[1])
    assert changed["updateSession"] == {"archived": True, "title": "River 1"}
    assert await listed(ann, archived=True) == [made[1]]
    assert made[1] not in await listed(ann)
    assert await search(ann, "rIVER") == [made[4], made[3], made[2], made[0]]
    assert await search(ann, "river", archived=True) == [made[1]]
    assert await search(ann, "sea") == []
    async with GraphQL(server.url, "eve") as eve:
        assert await search(eve, "river") == []
    refused, _ = await ann.refused(SEARCH, text="", archived=False)
    assert refused["code"] == "invalid"


def several(searches):
    return "".join(f'a{n}: searchSessions(text: "x") {{ nodes {{ id }} }} ' for n in range(searches))


async def test_searches_cost_much(ann):
    _, told = await ann.refused(f"{{ {several(7)} }}", 413)
    assert "points" in told


async def test_as_many_searches_as_an_operation_may_cost_are_carried_out(ann):
    assert await ann.ask(f"{{ {several(6)} }}") == {f"a{n}": {"nodes": []} for n in range(6)}


async def test_a_reply_is_rated(ann):
    session = await ann.session()
    turn = await ann.send(session, "x", bot="echo")
    query = "query ($s: ID!) { session(id: $s) { running { pod } messages { nodes { id role } } } }"
    async with asyncio.timeout(30):
        while len((await ann.ask(query, s=session))["session"]["messages"]["nodes"]) < 2:
            await asyncio.sleep(0.05)
    rated = await ann.ask(RATE, id=turn["messageId"], rating="UP", comment="good")
    feedback = rated["rateMessage"]["feedback"]
    assert (feedback["rating"], feedback["comment"]) == ("UP", "good")
    shown = await ann.ask(
        "query ($m: ID!) { message(id: $m) { feedback { rating comment createdAt } turn { pod } } }",
        m=turn["messageId"],
    )
    assert shown["message"] == {"feedback": feedback, "turn": {"pod": None}}
    taken_back = await ann.ask(RATE, id=turn["messageId"], rating=None, comment="")
    assert taken_back["rateMessage"]["feedback"] is None
    for message_id, comment in ((turn["promptId"], ""), (turn["messageId"], "x" * 2_001)):
        refused, _ = await ann.refused(RATE, id=message_id, rating="UP", comment=comment)
        assert refused["code"] == "invalid"
