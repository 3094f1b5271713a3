"""Contract F with the clients that people use, unchanged: the official SDKs, LangChain, LlamaIndex."""

from antiphon.testing.embedding import expected_vector
from antiphon.testing.model_server import expected_text

TEXT = expected_text("hi", 60)
ANSWER = expected_text("hi", 20)
CALL = ["lookup", '{"key": "value"}']
VECTORS = [expected_vector("a", 8), expected_vector("b", 8)]


def midway(found):
    """Check what a client made of a reply that broke in the middle."""
    assert found["error"] == "APIError"
    assert found["code"] == "provider_garbled"
    assert found["said"]
    assert expected_text("hi", 40).startswith(found["said"])


async def test_openai_python(site, run_python):
    found = await run_python("openai_chat", url=site.url, stats=site.model.url.replace("/v1", "/stats"))
    sync = found["sync"]
    assert (sync["whole"], sync["streamed"]) == (TEXT, TEXT)
    assert sync["total_tokens"] == sync["streamed_tokens"] == 61
    assert sync["request_id"]
    assert found["async"] == {"whole": TEXT, "streamed": TEXT}
    tools = found["tools"]
    assert (tools["reason"], tools["call"], tools["answered"]) == ("tool_calls", CALL, ANSWER)
    assert (tools["streamed_call"], tools["streamed_text"]) == ([CALL], ANSWER)
    assert tools["streamed_done"]
    assert found["formats"] == {"mode": {"asked": "hi"}, "parsed": "hi"}
    assert found["slow_start"] == {"error": None, "said": ANSWER}
    midway(found["midway"])
    assert found["embeddings"] == {"floats": VECTORS, "packed": VECTORS}
    assert found["models"]["one"] == "test/test-20-0-0"
    assert {"sizebot", "test/test-20-0-0"} <= set(found["models"]["listed"])
    told = {name: (each["error"], each["status"], each["code"]) for name, each in found["errors"].items()}
    assert told == {
        "not_found": ("NotFoundError", 404, "model_not_found"),
        "bad": ("BadRequestError", 400, "unsupported_parameter"),
        "limited": ("RateLimitError", 429, "rate_limit_exceeded"),
        "limited_stream": ("RateLimitError", 429, "rate_limit_exceeded"),
        "broken": ("InternalServerError", 502, "provider_unreachable"),
        "slow": ("APITimeoutError", None, None),
        "in_vain": ("InternalServerError", 502, "provider_refused"),
    }
    assert found["errors"]["bad"]["param"] == "n"
    assert found["errors"]["in_vain"]["asked"] == 1


async def test_openai_node(site, run_node):
    found = await run_node("openai_chat", url=site.url)
    assert found["whole"] == TEXT
    assert found["requestId"]
    assert found["streamed"] == {"text": TEXT, "tokens": 61}
    assert found["tools"] == {"answered": ANSWER, "handed": [{"key": "value"}]}
    told = {name: (each["error"], each["status"], each["code"]) for name, each in found["errors"].items()}
    midway(found["errors"]["midway"])
    told.pop("midway")
    assert told == {
        "notFound": ("NotFoundError", 404, "model_not_found"),
        "bad": ("BadRequestError", 400, "unsupported_parameter"),
        "limited": ("RateLimitError", 429, "rate_limit_exceeded"),
        "slow": ("APIConnectionTimeoutError", None, None),
    }
    assert found["embedded"] == VECTORS
    assert found["one"] == "test/test-20-0-0"
    assert {"sizebot", "test/test-20-0-0"} <= set(found["listed"])


async def test_langchain(site, run_python):
    found = await run_python("openai_langchain", url=site.url)
    assert (found["invoked"], found["streamed"]) == (TEXT, TEXT)
    assert (found["usage"], found["reason"]) == (61, "stop")
    assert found["calls"] == found["streamed_calls"] == [["lookup", {"key": "value"}]]
    assert found["answered"] == ANSWER
    assert found["embedded"] == VECTORS
    assert found["json"] == {"asked": "hi"}


async def test_llama_index(site, run_python):
    found = await run_python("openai_llama_index", url=site.url)
    assert set(found) == {"completed", "chatted", "streamed", "stream_completed"}
    assert set(found.values()) == {TEXT}
