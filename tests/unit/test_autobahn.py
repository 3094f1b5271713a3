"""The Autobahn test suite against the WebSocket protocol: 301 cases without those of compression.

Runs under Python 2.7 only (``virtualenv -p python2.7``, ``pip install autobahntestsuite==0.8.2``), so it is
run where WSTEST names its program. NON-STRICT are cases in which a text that is not UTF-8 is refused at its
end instead of amid its fragments (6.4), or what came before a bad frame in one piece with it is not echoed
(3, 4, 5.15): both are allowed. INFORMATIONAL ones have no right answer.
"""

import asyncio
import json
import os

import pytest

from sockets import Served

WSTEST = os.environ.get("WSTEST")


@pytest.mark.skipif(not WSTEST, reason="needs the Autobahn suite: WSTEST=…/bin/wstest, see the file")
async def test_no_case_fails(tmp_path):
    with Served(ws_max_size=20_000_000) as served:
        agent = {"agent": "antiphon", "url": f"ws://127.0.0.1:{served.port}/echo"}
        spec = {"outdir": "report", "servers": [agent], "cases": ["*"], "exclude-cases": ["12.*", "13.*"]}
        (tmp_path / "spec.json").write_text(json.dumps(spec | {"exclude-agent-cases": {}}))
        command = (WSTEST, "-m", "fuzzingclient", "-s", "spec.json")
        process = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        assert await asyncio.wait_for(process.wait(), 300) == 0
    cases = json.loads((tmp_path / "report" / "index.json").read_text())["antiphon"]
    assert len(cases) == 301
    good = ("OK", "NON-STRICT", "INFORMATIONAL")
    bad = {n: it for n, it in cases.items() if it["behavior"] not in good or it["behaviorClose"] not in good}
    assert not bad
