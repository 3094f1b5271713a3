"""Contract F: models, and embeddings."""

import base64
import struct

import pytest

import sites
from antiphon.testing.embedding import expected_vector
from antiphon.testing.model_server import MODELS
from openai_schema import validate
from openai_schema.client import API

PATH = "/v1/embeddings"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    toml = '[bots.shop]\nmodel = "test/test-5-0-0"\n'
    with sites.kept(sites.embedded(tmp_path_factory.mktemp("shop"), toml)) as opened:
        yield opened


@pytest.fixture
async def api(shop):
    async with API(shop.url) as made:
        yield made


async def get(api, path, status=200):
    async with api.http.get(api.url + path) as response:
        answer = await response.json()
        assert response.status == status, answer
        assert "set-cookie" not in response.headers
        return answer


async def test_models_are_the_bots_and_what_providers_offer(api):
    listed = validate("ListModelsResponse", await get(api, "/v1/models"))["data"]
    names = {model["id"]: model["owned_by"] for model in listed}
    assert {"sizebot", "echo", "shop", "builtin/echo", *(f"test/{name}" for name in MODELS)} <= names.keys()
    assert (names["shop"], names["test/test-20-0-0"]) == ("antiphon", "test")


async def test_a_model_by_its_name_whichever_way_its_slash_is_written(api):
    for path in ("sizebot", "test/test-20-0-0", "test%2Ftest-20-0-0"):
        model = validate("Model", await get(api, f"/v1/models/{path}"))
        assert model["id"] == path.replace("%2F", "/")
    told = validate("ErrorResponse", await get(api, "/v1/models/a/b/c", 404))["error"]
    assert (told["code"], told["param"]) == ("model_not_found", "model")


@pytest.mark.parametrize(
    ("texts", "each"),
    [
        ("one", ["one"]),
        (["a", "b", "ü"], ["a", "b", "ü"]),
        ([1, 2], [[1, 2]]),
        ([[1], [2, 3]], [[1], [2, 3]]),
    ],
)
async def test_vectors_come_as_the_provider_makes_them(api, texts, each):
    body = {"model": "test/embed-8", "input": texts}
    validate("CreateEmbeddingRequest", body)
    answer = validate("CreateEmbeddingResponse", await api.chat(path=PATH, **body))
    assert answer["model"] == "test/embed-8"
    assert [made["embedding"] for made in answer["data"]] == [expected_vector(text, 8) for text in each]
    assert [made["index"] for made in answer["data"]] == list(range(len(each)))
    assert answer["usage"]["prompt_tokens"] > 0


async def test_parameters_reach_the_provider(api):
    body = {"input": "x", "encoding_format": "base64", "dimensions": 3, "user": "ann"}
    answer = await api.chat(path=PATH, model="test/embed-8", **body)
    raw = base64.b64decode(answer["data"][0]["embedding"])
    assert list(struct.unpack("<3f", raw)) == expected_vector("x", 3)


BAD = {
    "no model": ({"input": "x"}, 400, "model", "missing_required_parameter"),
    "no input": ({"model": "test/embed-8"}, 400, "input", "missing_required_parameter"),
    "empty": ({"model": "test/embed-8", "input": ""}, 400, "input", "invalid_value"),
    "nothing": ({"model": "test/embed-8", "input": []}, 400, "input", "invalid_value"),
    "an empty one": ({"model": "test/embed-8", "input": ["a", ""]}, 400, "input", "invalid_value"),
    "mixed": ({"model": "test/embed-8", "input": ["a", 1]}, 400, "input", "invalid_value"),
    "many": ({"model": "test/embed-8", "input": ["a"] * 2049}, 400, "input", "array_above_max_length"),
    "odd format": (
        {"model": "test/embed-8", "input": "x", "encoding_format": "hex"},
        400,
        "encoding_format",
        "invalid_value",
    ),
    "no dimensions": (
        {"model": "test/embed-8", "input": "x", "dimensions": 0},
        400,
        "dimensions",
        "invalid_value",
    ),
    "a bot": ({"model": "sizebot", "input": "x"}, 400, "model", "invalid_value"),
    "a provider without": ({"model": "builtin/echo", "input": "x"}, 400, "model", "invalid_value"),
    "unknown": ({"model": "nope", "input": "x"}, 404, "model", "model_not_found"),
    "unknown there": ({"model": "test/nope", "input": "x"}, 404, "model", "model_not_found"),
    "refused": ({"model": "test/embed-8-status400", "input": "x"}, 400, None, "provider_refused"),
    "not allowed": ({"model": "test/embed-8-status401", "input": "x"}, 502, None, "provider_refused"),
    "too often": ({"model": "test/embed-8-status429", "input": "x"}, 429, None, "rate_limit_exceeded"),
    "broken": ({"model": "test/embed-8-status500", "input": "x"}, 502, None, "provider_unreachable"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_refusal_is_told_with_its_place(api, case):
    body, status, param, code = BAD[case]
    told = validate("ErrorResponse", await api.chat(status, path=PATH, **body))["error"]
    assert (told["param"], told["code"]) == (param, code), told
    if status == 429:
        assert api.headers["retry-after"] == "1"
