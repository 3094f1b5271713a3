"""Programs of others that tests run to their end, and what to do where one is not there."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

CI = bool(os.environ.get("CI"))
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
NO_CHROMIUM = f"{CHROMIUM} is not installed (Debian: apt-get install chromium; or set CHROMIUM)"
NO_NGINX = "needs nginx (Debian: apt-get install nginx-light)"
SHOWN = 10_000


def lacking(told):
    """Skip the test for want of something; in CI that is a failure."""
    if CI:
        pytest.fail(told)
    pytest.skip(told)


async def run(*command, cwd, env, timeout_s, name=None):
    """Run a program and return what it told; one that fails or does not end in time fails the test."""
    name = name or Path(command[0]).name
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=cwd,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # Of its own, so that servers and browsers that it has begun do not outlive it.
        start_new_session=True,
    )
    talk = asyncio.create_task(process.communicate())
    try:
        in_time, _ = await asyncio.wait([talk], timeout=timeout_s)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    out, error = (part.decode(errors="replace") for part in await talk)
    if not in_time:
        pytest.fail(f"{name} did not end in {timeout_s} s:\n{out[-SHOWN:]}{error[-SHOWN:]}")
    if process.returncode:
        pytest.fail(f"{name} ended with {process.returncode}:\n{out[-SHOWN:]}{error[-SHOWN:]}")
    return out
