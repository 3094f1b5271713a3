"""The AI SDK's own client, with its defaults but for the address."""

import asyncio
import uuid

import pytest

from antiphon.testing.model_server import expected_text
from serving import Client
from sites import KINDS, cutting

SLOW = "test/test-80-20-0"


@pytest.fixture
def ui(run_node, site):
    """``await ui(mode, …)``: what the client told of a chat of its own."""

    async def run(mode, **args):
        return await run_node(
            "ai_sdk", **{"mode": mode, "url": site.url, "user": "ann", "chat": new_chat()} | args
        )

    return run


def new_chat():
    return f"chat-{uuid.uuid4().hex[:12]}"


def the_one_reply(told, text, tokens):
    """Check that the page shows the message and one whole reply, and return that."""
    assert told["status"] == "ready", told["errors"]
    user, reply = told["messages"]
    assert (user["role"], user["text"]) == ("user", text)
    assert reply["text"] == expected_text(text, tokens)
    return reply


async def test_the_transport_alone(ui):
    told = await ui("transport", text="x", model="test/test-20-5-0-reason3")
    assert told["message"]["text"] == expected_text("x", 20)
    assert told["message"]["reasoning"]
    assert told["message"]["metadata"]["usage"]["outputTokens"] == 23
    assert told["again"] is None, "nothing is under way any more"


async def test_a_conversation(ui, site):
    chat = new_chat()
    told = await ui("chat", chat=chat, texts=["one", "two"], model="test/test-20-5-0")
    assert told["status"] == "ready"
    assert [each["finishReason"] for each in told["finishes"]] == ["stop", "stop"]
    shown = [message["text"] for message in told["messages"]]
    assert shown == ["one", expected_text("one", 20), "two", expected_text("two", 20)]
    async with Client(site.url) as client:
        stored = await client.messages(chat)
    assert [message["content"] for message in stored] == shown
    assert stored[2]["parent_id"] == stored[1]["id"] == told["messages"][1]["id"]


async def test_a_cut_reply_is_resumed(ui, site):
    async with cutting(site.url, 4000) as way:
        told = await ui("chat", url=way.url, texts=["x"], model=SLOW)
        assert way.cuts_left == 0
    the_one_reply(told, "x", 80)
    assert len(told["errors"]) == 1


async def test_a_page_that_is_opened_again_shows_the_whole_reply(ui):
    told = await ui("reload", text="x", model=SLOW)
    assert len(told["before"]["messages"][1]["text"]) < len(expected_text("x", 80))
    reply = the_one_reply(told, "x", 80)
    assert reply["id"] == told["before"]["messages"][1]["id"]


async def test_begun_natively_and_finished_here(ui, site):
    async with Client(site.url) as client:
        chat = await client.session()
        turn = await client.send(chat, "x", model=SLOW)
        native = await client.follow(turn["id"], most=10)
        told = await ui("resume", chat=chat, model=SLOW)
        await client.follow(turn["id"], native)
    assert told["status"] == "ready"
    (reply,) = told["messages"]
    assert reply["text"] == native.text == expected_text("x", 80)
    assert reply["id"] == turn["message_id"]


async def test_regenerate(ui):
    told = await ui("regenerate", text="x", model="test/test-20-5-0")
    assert the_one_reply(told, "x", 20)["id"] != told["first"]


async def test_edit(ui):
    told = await ui("edit", text="x", other="y", model="test/test-20-5-0")
    the_one_reply(told, "y", 20)


async def test_tools_of_the_page(ui):
    told = await ui("tools", text="x", model="test/test-8-5-0-tool")
    _, reply = told["messages"]
    (tool,) = reply["tools"]
    assert (tool["state"], tool["input"], tool["output"]) == (
        "output-available",
        {"key": "value"},
        {"found": 7},
    )
    assert reply["text"] == 2 * expected_text("x", 8), "what was said before the call, and after it"


async def test_an_error_is_shown_in_words(ui):
    told = await ui("chat", texts=["x"], model="nowhere/x")
    (error,) = told["errors"]
    assert error.startswith("Error: There is no model 'nowhere/x'.")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_killed_pod(run_node, make_site, kind):
    site = await make_site(kind)
    chat = new_chat()
    running = asyncio.create_task(
        run_node(
            "ai_sdk",
            mode="chat",
            url=site.url,
            user="ann",
            chat=chat,
            texts=["x"],
            model="test/test-150-30-0",
        )
    )
    async with Client(site.url) as client:
        await kill_the_pod_that_answers(site, client)
        told = await running
        stored = await client.messages(chat)
    reply = the_one_reply(told, "x", 150)
    assert stored[1]["content"] == reply["text"]
    assert stored[1]["id"] == reply["id"]


async def kill_the_pod_that_answers(site, client):
    """Wait until the reply is under way, end its pod without a word and start it again."""
    while not (working := [each for each in site.servers if await replies(client, each)]):
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    (server,) = working
    await server.kill()
    await server.start()


async def replies(client, server):
    async with client.http.get(f"{server.url}/health") as response:
        return (await response.json())["active_buffers"] > 0
