"""Durable Streams' own client on the log of a reply."""

import asyncio

import pytest

from antiphon.testing.model_server import expected_text
from serving import Client, Reply
from sites import KINDS, cutting

from .test_ai_sdk import kill_the_pod_that_answers

MODEL = "test/test-80-20-0"
LIVE = ("sse", "long-poll")


async def begin(client, model=MODEL):
    return await client.send(await client.session(), "x", model=model)


def log_of(url, turn):
    return f"{url}/api/turns/{turn['id']}/log"


def whole(told, turn, tokens=80):
    """Check that a client has each chunk once, in order, to the end."""
    assert [item["seq"] for item in told["items"]] == list(range(len(told["items"])))
    assert {item["turn"] for item in told["items"]} == {turn["number"]}
    text = "".join(item["text"] for item in told["items"] if item["type"] == "content")
    assert text == expected_text("x", tokens)
    assert told["items"][-1]["data"]["state"] == "complete"
    assert told["offset"] == f"{turn['number']:09}.{len(told['items']):09}"


@pytest.mark.parametrize("live", LIVE)
async def test_a_whole_reply(run_node, site, live):
    async with Client(site.url) as client:
        turn = await begin(client)
        told = await run_node(
            "durable_streams", mode="whole", log=log_of(site.url, turn), user="ann", live=live
        )
    whole(told, turn)


@pytest.mark.parametrize("live", LIVE)
async def test_left_and_read_on(run_node, site, live):
    async with Client(site.url) as client:
        turn = await begin(client)
        log = log_of(site.url, turn)
        told = await run_node("durable_streams", mode="cut", log=log, user="ann", live=live, most=20)
    whole(told, turn)
    assert told["cut"] < len(told["items"])


@pytest.mark.parametrize("live", LIVE)
async def test_cut_on_the_way(run_node, site, live):
    async with Client(site.url) as client, cutting(site.url, 3000) as way:
        turn = await begin(client)
        told = await run_node(
            "durable_streams", mode="whole", log=log_of(way.url, turn), user="ann", live=live
        )
        assert way.cuts_left == 0 or live == "long-poll"
    whole(told, turn)


async def test_begun_natively_and_finished_here(run_node, site):
    async with Client(site.url) as client:
        turn = await begin(client)
        native = await client.follow(turn["id"], Reply(), most=10)
        log = log_of(site.url, turn)
        told = await run_node(
            "durable_streams", mode="whole", log=log, user="ann", live="sse", offset=native.cursor
        )
    for item in told["items"]:
        assert item["seq"] == native.next
        native.next += 1
        native.text += item.get("text", "")
    assert native.text == expected_text("x", 80)


async def test_what_there_is(run_node, site):
    async with Client(site.url) as client:
        turn = await begin(client, "test/test-30-0-0")
        await client.follow(turn["id"])
        told = await run_node("durable_streams", mode="catchUp", log=log_of(site.url, turn), user="ann")
    whole(told, turn, 30)
    assert told["head"]["exists"] is True
    assert told["head"]["streamClosed"] is True
    assert told["head"]["offset"] == told["offset"]


@pytest.mark.parametrize("live", LIVE)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_killed_pod(run_node, make_site, kind, live):
    site = await make_site(kind)
    async with Client(site.url) as client:
        turn = await begin(client, "test/test-150-30-0")
        log = log_of(site.url, turn)
        reading = asyncio.create_task(
            run_node("durable_streams", mode="whole", log=log, user="ann", live=live)
        )
        await kill_the_pod_that_answers(site, client)
        told = await reading
    whole(told, turn, 150)
