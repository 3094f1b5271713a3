"""Sites to point clients at, and the clients: what ``make clients`` installs."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import pytest

import sites
from chaos.front import Front
from other_programs import CHROMIUM, CI, NO_CHROMIUM, NO_NGINX, lacking, run

CLIENTS = Path(__file__).parents[2] / "clients"
PYTHON = CLIENTS / "python" / ".venv" / "bin" / "python"
NODE = CLIENTS / "node"
TIMEOUT_S = 120
# A client has only the settings that its script gives it.
_OWN = ("ANTIPHON_", "OPENAI_", "LANGCHAIN_", "LANGSMITH_", "DATABASE_URL", "REDIS_URL", "NATS_URL")


def check(kind):
    """A fleet is nginx's too; TEST_FRONT=turns does without it, where a person knows why. Not in CI."""
    forgone = os.environ.get("TEST_FRONT") == "turns" and not CI
    if kind == "fleet" and not Front.possible() and not forgone:
        lacking(f"{NO_NGINX}, or TEST_FRONT=turns to do without")


@pytest.fixture(scope="session", params=sites.KINDS)
def site(request, tmp_path_factory):
    """A site that all tests share, so nobody may kill or configure it."""
    check(request.param)
    with sites.kept(sites.OPEN[request.param](tmp_path_factory.mktemp(request.param))) as opened:
        yield opened


@pytest.fixture
async def make_site(tmp_path):
    """``await make_site(kind, **settings)``: a site of the test's own, to be killed or configured."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(kind="embedded", **settings):
            check(kind)
            folder = tmp_path / f"site-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return await stack.enter_async_context(sites.OPEN[kind](folder, **settings))

        yield make


@pytest.fixture(scope="session")
def chromium():
    """Where a Chromium is."""
    if not Path(CHROMIUM).exists():
        lacking(NO_CHROMIUM)
    return CHROMIUM


@pytest.fixture(scope="session")
def run_python():
    """``await run_python(script, **args)``: run a script of ``tests/clients/python``; return what it told."""
    if not PYTHON.with_name("schemathesis").exists():
        lacking("the Python clients are not installed: run `make clients`")

    async def run_script(script, *, timeout_s=TIMEOUT_S, **args):
        return await _run(timeout_s, PYTHON, CLIENTS / "python" / f"{script}.py", args)

    return run_script


@pytest.fixture(scope="session")
def run_node():
    """``await run_node(script, **args)``: run a script of ``tests/clients/node``; return what it told."""
    if shutil.which("node") is None or not (NODE / "node_modules" / "openai").exists():
        lacking("the Node clients are not installed: run `make clients`")

    async def run_script(script, *, timeout_s=TIMEOUT_S, **args):
        return await _run(timeout_s, "node", NODE / f"{script}.mjs", args)

    return run_script


async def _run(timeout_s, program, script, args):
    """Run a client with its arguments as one JSON object; its last line is the JSON object it found out."""
    command = (program, script, json.dumps(args))
    said = await run(*command, cwd=script.parent, env=environment(), timeout_s=timeout_s, name=script.name)
    # Texts have line separators of other kinds in them.
    return json.loads(said.strip().rpartition("\n")[2])


def environment():
    """Return the environment of a client: nobody's keys, no proxy, no word to anybody else."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(_OWN) and not k.lower().endswith("_proxy")}
    return {**own, "DO_NOT_TRACK": "1", "NODE_NO_WARNINGS": "1", "PYTHONUNBUFFERED": "1"}
