"""A reply begun in one contract and finished in another, on another pod if there is one: whole and once."""

import asyncio
import contextlib
import itertools
import uuid

import aiohttp
import pytest

import sites
from antiphon.testing.model_server import expected_text
from clients.conftest import check
from legs import LEGS, MODEL, USER, WORDS, Place, Pod

CUT_AFTER = 3
PAIRS = list(itertools.product(LEGS, LEGS))


@pytest.fixture(scope="module", params=sites.KINDS)
def place_to_go(request, tmp_path_factory):
    """A site whose default bot is the test model: some contracts let nobody choose."""
    check(request.param)
    folder = tmp_path_factory.mktemp(f"any-{request.param}")
    with sites.kept(sites.OPEN[request.param](folder, ANTIPHON_DEFAULT_MODEL=MODEL)) as opened:
        yield opened


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[f"{a} - {b}" for a, b in PAIRS])
async def test_a_reply_begun_in_one_contract_is_finished_in_another(place_to_go, first, second):
    place = Place(f"Tell me about {uuid.uuid4()}.")
    headers = {"X-User-ID": USER}
    async with asyncio.timeout(60), aiohttp.ClientSession(headers=headers) as http:
        begun = Pod(place_to_go.pods[0], http)
        async with contextlib.aclosing(LEGS[first].begin(begun, place)) as pieces:
            async for piece in pieces:
                place.take(*piece)
                if place.pieces == CUT_AFTER and place.turn:
                    break
        whole = expected_text(place.asked, WORDS)
        assert whole.startswith(place.text)
        assert 0 < len(place.text) < len(whole), "it was not cut in the middle"

        finished = Pod(place_to_go.pods[-1], http)
        async with contextlib.aclosing(LEGS[second].go_on(finished, place)) as pieces:
            async for piece in pieces:
                place.take(*piece)
        assert place.text == whole
        path = f"/api/sessions/{place.session}/messages"
        stored = (await finished.call("GET", path))["messages"][-1]
        assert stored["content"] == whole
