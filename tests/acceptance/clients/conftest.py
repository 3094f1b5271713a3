"""Sites to point clients at, and the clients: what ``make clients`` installs."""

import asyncio
import contextlib
import json
import os
import shutil
from pathlib import Path

import pytest

import sites
from chaos.front import Front

CLIENTS = Path(__file__).parents[2] / "clients"
PYTHON = CLIENTS / "python" / ".venv" / "bin" / "python"
NODE = CLIENTS / "node"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
TIMEOUT_S = 120
# A client has only the settings that its script gives it.
_OWN = ("ANTIPHON_", "OPENAI_", "LANGCHAIN_", "LANGSMITH_", "DATABASE_URL", "REDIS_URL", "NATS_URL")


def lacking(told):
    """Skip the test for want of something; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)


def check(kind):
    """A fleet is nginx's too; TEST_FRONT=turns does without it, where a person knows why. Not in CI."""
    forgone = os.environ.get("TEST_FRONT") == "turns" and not os.environ.get("CI")
    if kind == "fleet" and not Front.possible() and not forgone:
        lacking("needs nginx (Debian: apt-get install nginx-light), or TEST_FRONT=turns to do without")


@pytest.fixture(scope="session", params=sites.KINDS)
def site(request, tmp_path_factory):
    """A site that all tests share, so nobody may kill or configure it."""
    check(request.param)
    loop = sites.Loop()
    opened = sites.OPEN[request.param](tmp_path_factory.mktemp(request.param))
    try:
        yield loop.run(opened.__aenter__())
        loop.run(opened.__aexit__(None, None, None))
    finally:
        loop.close()


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
        lacking(f"{CHROMIUM} is not installed (Debian: apt-get install chromium; or set CHROMIUM)")
    return CHROMIUM


@pytest.fixture(scope="session")
def run_python():
    """``await run_python(script, **args)``: run a script of ``tests/clients/python``; return what it told."""
    if not PYTHON.with_name("schemathesis").exists():
        lacking("the Python clients are not installed: run `make clients`")

    async def run(script, *, timeout_s=TIMEOUT_S, **args):
        return await _run(timeout_s, PYTHON, CLIENTS / "python" / f"{script}.py", args)

    return run


@pytest.fixture(scope="session")
def run_node():
    """``await run_node(script, **args)``: run a script of ``tests/clients/node``; return what it told."""
    if shutil.which("node") is None or not (NODE / "node_modules" / "openai").exists():
        lacking("the Node clients are not installed: run `make clients`")

    async def run(script, *, timeout_s=TIMEOUT_S, **args):
        return await _run(timeout_s, "node", NODE / f"{script}.mjs", args)

    return run


async def _run(timeout_s, program, script, args):
    """Run a client with its arguments as one JSON object; its last line is the JSON object it found out."""
    process = await asyncio.create_subprocess_exec(
        str(program),
        str(script),
        json.dumps(args),
        cwd=script.parent,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, error = await process.communicate()
    except TimeoutError:
        process.kill()
        out, error = await process.communicate()
        pytest.fail(f"{script.name} did not end in {timeout_s} s:\n{_said(out, error)}")
    lines = out.decode().strip().split("\n")  # texts have line separators of other kinds in them
    if process.returncode or not lines[-1]:
        pytest.fail(f"{script.name} ended with {process.returncode}:\n{_said(out, error)}")
    return json.loads(lines[-1])


def _said(out, error):
    return out.decode(errors="replace")[-6000:] + error.decode(errors="replace")[-6000:]


def environment():
    """Return the environment of a client: nobody's keys, no proxy, no word to anybody else."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(_OWN) and not k.lower().endswith("_proxy")}
    return {**own, "DO_NOT_TRACK": "1", "NODE_NO_WARNINGS": "1", "PYTHONUNBUFFERED": "1"}
