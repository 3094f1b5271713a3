"""GraphQL with clients that exist: the audit of graphql-http, and graphql-ws for subscriptions."""

import asyncio

import aiohttp

from antiphon.testing.script import expected_text
from graphql_client import REPLY, GraphQL


async def test_the_audit_of_graphql_over_http_passes(site, run_node):
    found = await run_node("graphql_audit", url=site.url, user="auditor")
    told = {f"{it['id']} {it['name']}": it for it in found["results"] if it["status"] != "ok"}
    assert len(found["results"]) >= 61
    # Neither an error nor a warning: there is nothing to explain.
    assert told == {}


async def test_graphql_ws_follows_a_reply_on_another_pod_after_a_cut(site, run_node):
    places = [f"{url.replace('http', 'ws')}/graphql" for url in site.pods]
    found = await run_node(
        "graphql_follow", url=site.url, places=places, user="gina", model="test/test-120-10-0", cuts=[20, 50]
    )
    assert found["opens"] == 3
    check_whole(found, 120)


async def test_graphql_ws_follows_a_session_through_the_front(site, run_node):
    places = [f"{site.ws}/graphql"]
    found = await run_node(
        "graphql_follow",
        url=site.url,
        places=places,
        user="gina",
        model="test/test-80-10-0",
        cuts=[30],
        session=True,
    )
    check_whole(found, 80)


async def test_graphql_ws_comes_back_when_its_pod_leaves(make_site, run_node):
    site = await make_site("fleet")
    leaving, staying = site.servers
    places = [f"{pod.url.replace('http', 'ws')}/graphql" for pod in (leaving, staying)]
    following = asyncio.create_task(
        run_node(
            "graphql_follow", url=leaving.url, places=places, user="gina", model="test/test-100-40-0", cuts=[]
        )
    )
    async with aiohttp.ClientSession() as http:
        async with asyncio.timeout(30):
            connections = 0
            while not connections:
                await asyncio.sleep(0.05)
                async with http.get(f"{leaving.url}/health") as response:
                    connections = (await response.json())["active_connections"]
    await asyncio.sleep(0.5)
    assert await leaving.stop() == 0
    found = await following
    assert found["codes"][0] == 1012  # service restart: come back
    assert found["opens"] == 2
    check_whole(found, 100)


async def test_a_killed_pod_is_not_noticed_on_another(make_site):
    """The subscription goes on where another pod goes on with the reply: one connection, one seam."""
    site = await make_site("fleet")
    dying, staying = site.servers
    async with GraphQL(dying.url) as near, GraphQL(staying.url) as ann:
        turn = await near.send(await near.session(), "Sing.", model="test/test-100-40-0")
        socket = await ann.socket()
        await socket.subscribe("1", REPLY, of=turn["id"])
        reply = await socket.events("1", 20)
        await dying.kill()
        await socket.events("1", reply=reply)
        await socket.close()
    assert reply.text == expected_text("Sing.", 100)
    assert reply.types.count("SEAM") == 1
    assert reply.ends[turn["id"]]["state"] == "COMPLETE"


def check_whole(found, tokens):
    assert found["text"] == expected_text("Sing.", tokens)
    assert found["seqs"] == list(range(len(found["seqs"])))
    assert found["end"]["state"] == "COMPLETE"
    assert found["end"]["messageId"] == found["ids"][1]
