"""Page and widget in a real browser; the tests themselves are in ``page/`` (Node, Playwright)."""

import contextlib
import json
import os
import shutil
import sys
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

import sites
from chaos.front import Front
from other_programs import CHROMIUM, NO_CHROMIUM, NO_NGINX, lacking, run

FOLDER = Path(__file__).parent / "page"
# One server on SQLite answers in most of them; the first also run against a fleet.
REPLIES = "replies.test.mjs"
# These count what the browser spends: beside other tests they would be counting those.
SPEED = "speed.test.mjs"
FILES = [
    pytest.param(path.name, marks=pytest.mark.alone if path.name == SPEED else ())
    for path in sorted(FOLDER.glob("*.test.mjs"))
]
TIMEOUT_S = 500
MODELS = ("test-80-50-0", "test-20-5-0", "test-30-20-0-reason20", "test-20-0-0-status400")


def need(*, fleet=False):
    if shutil.which("node") is None:
        lacking("node is not installed (20 or newer)")
    if not (FOLDER / "node_modules" / "playwright-core").exists():
        lacking("what drives the browser is not installed: run `make clients`")
    if not Path(CHROMIUM).exists():
        lacking(NO_CHROMIUM)
    if fleet and not Front.possible():
        lacking(NO_NGINX)


async def run_tests(file, **environment):
    antiphon = Path(sys.executable).with_name("antiphon")
    env = {**os.environ, "ANTIPHON_CMD": str(antiphon), "CHROMIUM": CHROMIUM, **environment}
    command = ("node", "--test", "--test-concurrency=1", file)
    await run(*command, cwd=FOLDER, env=env, timeout_s=TIMEOUT_S, name=file)


@pytest.mark.parametrize("file", FILES)
async def test_in_chromium(file):
    need()
    await run_tests(file)


async def test_replies_of_two_pods_behind_nginx(tmp_path):
    need(fleet=True)
    names = ", ".join(f'"{name}"' for name in MODELS)
    async with sites.fleet(tmp_path, f"models = [{names}]\n") as site, control(site.servers) as url:
        await run_tests(REPLIES, FLEET=json.dumps({"url": site.url, "control": url}))


@contextlib.asynccontextmanager
async def control(servers):
    """Where the browser's tests have pods killed (by id) and begun again."""

    async def kill(request):
        for server in servers:
            if server.process.returncode is None and await pod_id(server) == request.match_info["pod"]:
                await server.kill()
                return web.Response()
        raise web.HTTPNotFound

    async def revive(_request):
        for server in servers:
            if server.process.returncode is not None:
                await server.start()
        return web.Response()

    application = web.Application()
    application.add_routes([web.post("/kill/{pod}", kill), web.post("/revive", revive)])
    runner = web.AppRunner(application)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    try:
        yield f"http://127.0.0.1:{listening._server.sockets[0].getsockname()[1]}"
    finally:
        await runner.cleanup()


async def pod_id(server):
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/health") as response:
        return (await response.json())["pod_id"]
