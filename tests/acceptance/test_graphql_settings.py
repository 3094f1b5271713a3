"""GraphQL's own settings, and what its libraries cost those who do not use them."""

import asyncio
import time

from graphql_client import GraphQL
from serving import Client, ServerProcess


async def test_the_first_query_holds_nobody_up(tmp_path):
    """The GraphQL libraries are loaded with the first query, and beside what else there is to do."""
    async with ServerProcess(tmp_path) as server, GraphQL(server.url) as ann, Client(server.url) as native:
        await native.session()
        asked = asyncio.create_task(ann.ask("{ me { id } }"))
        began, longest = time.perf_counter(), 0.0
        while not asked.done():
            sent = time.perf_counter()
            await native.call("GET", "/api/sessions")
            longest = max(longest, time.perf_counter() - sent)
        took = time.perf_counter() - began
        assert longest < took / 2, f"{longest:.3f} s of {took:.3f} s"


async def test_settings(tmp_path):
    limits = {
        "ANTIPHON_GRAPHQL_DEPTH": "3",
        "ANTIPHON_GRAPHQL_COST": "100",
        "ANTIPHON_GRAPHQL_TOKENS": "40",
        "ANTIPHON_GRAPHQL_ALIASES": "1",
        "ANTIPHON_GRAPHQL_INTROSPECTION": "off",
        "ANTIPHON_RATE_LIMITS": "on",
        "ANTIPHON_RATE_SESSION": "1/minute",
    }
    async with ServerProcess(tmp_path, **limits) as server, GraphQL(server.url) as ann:
        for query, told in (
            ("{ sessions { edges { node { id } } } }", "at most 3"),
            ("{ sessions(first: 30) { nodes { id } } }", "at most 100"),
            ("{ me {" + " id" * 40 + "} }", "40 tokens"),
            ("{ a: me { id } b: me { id } }", "at most 1"),
        ):
            assert told in (await ann.refused(query, 413))[1]
        assert "introspection" in (await ann.refused("{ __schema { types { name } } }", 400))[1]
        assert "mean" not in (await ann.refused("{ sesions { nodes { id } } }", 400))[1]
        assert await ann.ask("{ __typename }") == {"__typename": "Query"}
        session = await ann.session()
        await ann.send(session, "x", bot="echo")
        query = 'mutation ($s: ID!) { sendMessage(input: { sessionId: $s, text: "x", bot: "echo" }) { id } }'
        extensions, _ = await ann.refused(query, s=session)
        assert (extensions["code"], extensions["status"]) == ("rate_limited", 429)
        assert 0 < extensions["retry_after"] <= 61
