"""Schemathesis asks every route of ``/openapi.json`` for what it says and for what it does not say."""

import json
import re

import pytest

from clients.conftest import PYTHON, environment
from other_programs import lacking, run
from serving import Client

# These answer for as long as the reader stays, which no client of this kind does.
ENDLESS = ("/api/sse", "/api/sessions/{session_id}/events", "/stats/events")
# A body may fit its type and yet name a model that does not exist: then it is refused, and rightly.
UNFIT = ("positive_data_acceptance",)
EXAMPLES = 10
TIMEOUT_S = 240


@pytest.fixture
def schemathesis():
    program = PYTHON.with_name("schemathesis")
    if not program.exists():
        lacking("the Python clients are not installed: run `make clients`")
    return program


async def test_every_answer_is_as_documented(make_site, schemathesis, tmp_path):
    site = await make_site()
    excluded = [word for path in ENDLESS for word in ("--exclude-path", path)]
    said = await run(
        schemathesis,
        "run",
        f"{site.url}/openapi.json",
        *("--max-examples", str(EXAMPLES), "--generation-deterministic", "--continue-on-failure"),
        *("--exclude-checks", ",".join(UNFIT), *excluded),
        *("--header", "X-User-ID: fuzz", "--request-timeout", "30", "--warnings", "off", "--no-color"),
        *("--output-sanitize", "false"),
        cwd=tmp_path,
        env={**environment(), "COLUMNS": "160"},
        timeout_s=TIMEOUT_S,
    )
    tested = int(re.search(r"Tested: (\d+)", said)[1])
    async with Client(site.url) as client:
        document = await client.call("GET", "/openapi.json")
    assert tested == sum(len(operations) for operations in document["paths"].values()) - len(ENDLESS)
    assert "request_crashed" not in site.log


async def test_the_document_is_sound(make_site):
    site = await make_site()
    async with Client(site.url) as client:
        document = await client.call("GET", "/openapi.json")
    named = set(re.findall(r"#/components/schemas/([^\"]+)\"", json.dumps(document)))
    assert named == document["components"]["schemas"].keys()
    operations = [(f"{m} {path}", o) for path, of in document["paths"].items() for m, o in of.items()]
    identifiers = [operation["operationId"] for _, operation in operations]
    assert len(identifiers) == len(set(identifiers))
    for name, operation in operations:
        assert operation["summary"], name
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                if int(status) >= 400:
                    assert content["schema"], f"{name} {status}"
