"""OpenAI's own SDKs, and LangChain, on the Responses API; streams that break are gone on with elsewhere."""

import asyncio

from antiphon.testing.model_server import expected_text
from serving import Client, events

MODEL = "test/test-40-5-0"
TOOL_MODEL = "test/test-20-5-0-tool"
SLOW_MODEL = "test/test-1000-20-0"
ASKED = {"model": MODEL, "tool_model": TOOL_MODEL, "slow_model": SLOW_MODEL, "text": "hello"}
RESUMED = {"resumed_model": "test/test-150-20-0"}
TEXT = expected_text("hello", 40)


async def test_the_python_sdk(site, run_python):
    told = await run_python("openai_responses", url=site.url, **ASKED)
    assert told["whole"] == {"text": TEXT, "status": "completed", "kept": True, "tokens": 41}
    assert told["streamed"] == {"text": TEXT, "last": "response.completed", "snapshot": TEXT, "final": TEXT}
    assert told["helped"] == {"first": 10, "gapless": True, "final": TEXT}
    assert told["tools"] == {
        "called": ["lookup", {"key": "value"}],
        "texts": [expected_text("hello", 20)] * 2,
        "types": [["message"]] * 2,
        "listed": ["message", "message", "function_call", "function_call_output"],
    }
    assert told["polled"].pop("began") in ("queued", "in_progress")
    assert told["polled"] == {"status": "completed", "text": TEXT}
    assert told["cancelled"] == {
        "status": "cancelled",
        "again": "cancelled",
        "last": "response.incomplete",
        "gone": ["NotFoundError", 404, "not_found", None],
    }
    assert told["errors"] == {
        "model": ["NotFoundError", 404, "model_not_found", "model"],
        "tool": ["BadRequestError", 400, "unsupported_value", "tools[0].type"],
        "previous": ["BadRequestError", 400, "previous_response_not_found", "previous_response_id"],
        "limited": ["RateLimitError", 429, "rate_limit_exceeded", None],
        "faulty": ["InternalServerError", 502, "provider_unreachable", None],
    }


async def test_the_node_sdk(site, run_node):
    told = await run_node("openai_responses", urls=[site.url, *site.pods], most=40, **ASKED, **RESUMED)
    assert told["whole"] == {"text": TEXT, "status": "completed", "kept": True}
    assert told["streamed"] == {"text": TEXT, "final": TEXT}
    assert told["helped"] == {"first": 10, "final": TEXT}
    assert told["tools"] == {
        "called": ["lookup", {"key": "value"}],
        "text": expected_text("hello", 20),
        "listed": ["message", "message", "function_call", "function_call_output"],
    }
    assert told["polled"] == {"status": "completed", "text": TEXT}
    assert told["cancelled"] == {
        "status": "cancelled",
        "last": "response.incomplete",
        "gone": ["NotFoundError", 404, "not_found", None],
    }
    assert told["errors"] == {
        "model": ["NotFoundError", 404, "model_not_found", "model"],
        "tool": ["BadRequestError", 400, "unsupported_value", "tools[0].type"],
        "limited": ["RateLimitError", 429, "rate_limit_exceeded", None],
    }
    check(told["resumed"], 150)


async def test_langchain(site, run_python):
    told = await run_python("openai_responses_langchain", url=site.url, **ASKED)
    assert told["text"] == told["streamed"] == TEXT
    assert told["pieces"] > 3
    assert told["tokens"] == 41
    assert told["second"] == expected_text("again", 40)
    assert told["called"] == ["lookup", {"key": "value"}]
    assert told["final"] == expected_text("hello", 20)


async def test_all_pods_tell_the_same_events(site):
    """Live at each pod, at a reader that comes late, and when all is over."""
    async with Client(site.pods[0], "ann") as ann, Client(site.pods[-1], "ann") as elsewhere:
        asked = {
            "model": "test/test-60-10-0-reason5-tool",
            "input": "hello",
            "background": True,
            "metadata": {"k": "v"},
        }
        response = await ann.call("POST", "/v1/responses", json=asked)
        path = f"/v1/responses/{response['id']}?stream=true"

        async def follow(client, delay):
            await asyncio.sleep(delay)
            async with client.http.get(client.url + path) as answer:
                assert answer.status == 200
                return [(event.id, event.name, event.data) async for event in events(answer)]

        told = await asyncio.gather(*(follow(c, n) for c in (ann, elsewhere) for n in (0, 0.3)))
        told.append(await follow(elsewhere, 0))
    assert [data["sequence_number"] for _, _, data in told[0]] == list(range(len(told[0])))
    assert told[0][-1][1] == "response.completed"
    assert all(each == told[0] for each in told)


def check(told, tokens):
    assert told["numbers"] == list(range(len(told["numbers"])))
    assert told["last"] == "response.completed"
    assert told["text"] == expected_text("hello", tokens)


async def test_the_python_sdk_goes_on_where_it_was_cut_off(site, run_python):
    urls = [*site.pods, *site.pods]
    told = await run_python("openai_resume", urls=urls, model="test/test-80-20-0", text="hello", most=20)
    check(told, 80)
    assert told["final"] == told["kept"] == told["text"]


async def test_the_python_sdk_goes_on_at_another_pod_when_its_pod_is_killed(make_site, run_python):
    await begun_then(
        await make_site("fleet"),
        lambda pod: pod.kill(),
        lambda urls: run_python(
            "openai_resume", urls=urls, model="test/test-150-20-0", text="hello", most=None
        ),
    )


async def test_the_python_sdk_goes_on_at_another_pod_when_its_pod_leaves(make_site, run_python):
    await begun_then(
        await make_site("fleet"),
        lambda pod: pod.stop(),
        lambda urls: run_python(
            "openai_resume", urls=urls, model="test/test-150-20-0", text="hello", most=None
        ),
    )


async def test_the_node_sdk_goes_on_at_another_pod_when_its_pod_is_killed(make_site, run_node):
    asked = {**ASKED, **RESUMED, "parts": ["resumed"], "most": None}

    async def run(urls):
        return (await run_node("openai_responses", urls=urls, **asked))["resumed"]

    await begun_then(await make_site("fleet"), lambda pod: pod.kill(), run)


async def test_the_python_sdk_repeats_a_request_whose_pod_is_killed(make_site, run_python):
    """Both attempts are the same response: nothing is generated or kept twice."""
    site = await make_site("fleet")
    asked = {"model": "test/test-150-20-0", "text": "hello", "count": 4}
    client = asyncio.create_task(run_python("openai_repeat", url=site.url, **asked))
    while site.model.chunks < 100:
        assert not client.done(), client
        await asyncio.sleep(0.01)
    await site.servers[0].kill()
    told = (await client)["responses"]
    assert told == [{"text": expected_text("hello", 150), "once": True}] * 4


async def begun_then(site, disturb, run):
    """Disturb the first pod while a client reads there; it must break, and go on at the other."""
    client = asyncio.create_task(run(site.pods))
    while site.model.chunks < 25:
        assert not client.done(), client
        await asyncio.sleep(0.01)
    await disturb(site.servers[0])
    told = await client
    assert told["breaks"] == 1
    check(told, 150)
