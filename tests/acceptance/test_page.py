"""The page in a real browser; the tests themselves are in ``page/`` (Node, Playwright)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "page"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def missing():
    """Tell what is not there and how to get it."""
    if shutil.which("npm") is None:
        return "npm is not installed (Node 20 or newer)"
    if not Path(CHROMIUM).exists():
        return f"{CHROMIUM} is not installed (Debian: apt-get install chromium; or set CHROMIUM)"
    return None


def run(*command, **more):
    result = subprocess.run(
        command, cwd=FOLDER, capture_output=True, text=True, timeout=400, check=False, **more
    )
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    return result.stdout


def test_the_page_in_chromium():
    lacking = missing()
    if lacking:
        if os.environ.get("CI"):
            pytest.fail(lacking)
        pytest.skip(lacking)
    run("npm", "ci", "--no-audit", "--no-fund")
    environment = {
        **os.environ,
        "ANTIPHON_CMD": str(Path(sys.executable).with_name("antiphon")),
        "CHROMIUM": CHROMIUM,
    }
    print(run("npm", "test", env=environment))
