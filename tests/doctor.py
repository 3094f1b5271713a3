"""``antiphon doctor`` as a user runs it, and what it found."""

import json
import os
import subprocess
import sys

ENVIRONMENT = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "PORT": "0"}


def run_doctor(folder, *arguments, **environment):
    """Run the command in a folder, with nothing but this in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "antiphon", "doctor", *arguments],
        check=False,
        cwd=folder,
        env=ENVIRONMENT | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def read_findings(code, out):
    """Return what was found as (topic, level, text); it agrees with the exit code, and faults have advice."""
    told = json.loads(out)
    assert told["ok"] == (code == 0)
    for finding in told["findings"]:
        assert finding["advice"] or finding["level"] == "ok", finding
    return [(f["topic"], f["level"], f["text"]) for f in told["findings"]]
