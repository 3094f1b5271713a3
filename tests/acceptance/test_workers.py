"""``antiphon serve --workers 2``: processes that share a port and a database."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from antiphon.testing.model_server import expected_text
from patience import until
from serving import Client, Reply, ServerProcess, model_toml


@pytest.fixture
async def workers(tmp_path, model):
    settings = {"ANTIPHON_WORKERS": "2", "ANTIPHON_LOG_LEVEL": "info"}
    async with ServerProcess(tmp_path, model_toml(model.port), **settings) as server:
        await pods(server, 2)
        yield server


async def pods(server, count):
    """Return the ids of that many processes, by asking until they have answered."""
    found = set()
    async with asyncio.timeout(30):
        while len(found) < count:
            async with aiohttp.ClientSession() as fresh, fresh.get(f"{server.url}/health") as response:
                found.add((await response.json())["pod_id"])
    return found


def children(server):
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pids):
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


async def read(server, turn):
    """Read a reply over ever new connections, which any of the processes may take."""
    reply = Reply()
    async with asyncio.timeout(40):
        while reply.end is None:
            try:
                async with Client(server.url) as client:
                    await client.follow(turn["id"], reply, most=10)
            except (aiohttp.ClientError, ConnectionError):
                await asyncio.sleep(0.05)
    return reply


async def test_readers_on_any_process_get_every_reply_whole(workers):
    async with Client(workers.url) as client:
        texts = [f"text {n}" for n in range(20)]
        turns = [await client.send(await client.session(), t, model="test/test-60-10-0") for t in texts]
        replies = await asyncio.gather(*(read(workers, turn) for turn in turns))
        for text, turn, reply in zip(texts, turns, replies, strict=True):
            assert reply.text == expected_text(text, 60)
            assert (await client.call("GET", f"/api/messages/{turn['message_id']}"))["content"] == reply.text


async def test_a_killed_process_is_replaced_and_its_replies_go_on(workers):
    async with Client(workers.url) as client:
        texts = [f"text {n}" for n in range(20)]
        turns = [await client.send(await client.session(), t, model="test/test-100-15-0") for t in texts]
        reading = asyncio.gather(*(read(workers, turn) for turn in turns))
        await asyncio.sleep(0.5)
        os.kill(children(workers)[0], signal.SIGKILL)
        replies = await reading
        assert [reply.text for reply in replies] == [expected_text(text, 100) for text in texts]
    await pods(workers, 2)


async def test_it_stops_as_one_and_leaves_nothing_behind(workers):
    below = children(workers)
    assert len(below) == 2
    assert await workers.stop() == 0
    assert not alive(below)
    assert not list((workers.folder / "data" / "antiphon.db.bus").glob("*.sock"))


async def test_processes_whose_supervisor_was_killed_leave(workers):
    below = children(workers)
    await workers.kill()
    await until(lambda: not alive(below))
