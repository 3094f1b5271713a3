"""The official SDK, sync and async: {url, stats: of the model} -> what it made of each call."""

import asyncio
import json
import sys
import urllib.request

import openai
from pydantic import BaseModel

GIVEN = json.loads(sys.argv[1])
URL = GIVEN["url"]
SYNC = openai.OpenAI(base_url=f"{URL}/v1", api_key="sk-x", max_retries=0)
ASYNC = openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="sk-x", max_retries=0)
HI = [{"role": "user", "content": "hi"}]
TOOLS = [{"type": "function", "function": {"name": "lookup", "parameters": {"type": "object"}}}]


class Asked(BaseModel):
    asked: str


def replies():
    create = SYNC.chat.completions.create
    whole = create(model="test/test-60-2-0", messages=HI, temperature=0.2, stop=["zzz"])
    usage = {"include_usage": True}
    chunks = list(create(model="test/test-60-2-0", messages=HI, stream=True, stream_options=usage))
    return {
        "whole": whole.choices[0].message.content,
        "total_tokens": whole.usage.total_tokens,
        "streamed": "".join(c.choices[0].delta.content or "" for c in chunks if c.choices),
        "streamed_tokens": chunks[-1].usage.total_tokens,
        "request_id": whole._request_id,
    }


async def replies_async():
    create = ASYNC.chat.completions.create
    whole = await create(model="test/test-60-2-0", messages=HI)
    stream = await create(model="test/test-60-2-0", messages=HI, stream=True)
    return {
        "whole": whole.choices[0].message.content,
        "streamed": "".join([chunk.choices[0].delta.content or "" async for chunk in stream]),
    }


def tools():
    """Ask, call, hand the result back, and read the reply: whole, and by the SDK's own accumulation."""
    asked = SYNC.chat.completions.create(model="test/test-20-0-0-tool", messages=HI, tools=TOOLS)
    (call,) = asked.choices[0].message.tool_calls
    result = {"role": "tool", "tool_call_id": call.id, "content": "42"}
    messages = [*HI, asked.choices[0].message, result]
    answered = SYNC.chat.completions.create(model="test/test-20-0-0-tool", messages=messages, tools=TOOLS)
    with SYNC.chat.completions.stream(model="test/test-20-0-0-tool", messages=HI, tools=TOOLS) as stream:
        kinds = {event.type for event in stream}
        streamed = stream.get_final_completion().choices[0]
    return {
        "reason": asked.choices[0].finish_reason,
        "call": [call.function.name, call.function.arguments],
        "answered": answered.choices[0].message.content,
        "streamed_call": [
            [each.function.name, each.function.arguments] for each in streamed.message.tool_calls
        ],
        "streamed_text": streamed.message.content,
        "streamed_done": "tool_calls.function.arguments.done" in kinds,
    }


def formats():
    create = SYNC.chat.completions.create
    mode = create(model="test/test-0-0-0-json", messages=HI, response_format={"type": "json_object"})
    parsed = SYNC.chat.completions.parse(model="test/test-0-0-0-json", messages=HI, response_format=Asked)
    return {
        "mode": json.loads(mode.choices[0].message.content),
        "parsed": parsed.choices[0].message.parsed.asked,
    }


def refused(client=SYNC, **body):
    try:
        answer = client.chat.completions.create(**{"messages": HI, **body})
        said = "".join(chunk.choices[0].delta.content or "" for chunk in answer) if body.get("stream") else ""
    except openai.APIError as error:
        status = getattr(error, "status_code", None)
        return {"error": type(error).__name__, "status": status, "code": error.code, "param": error.param}
    return {"error": None, "said": said}


def midway():
    said = ""
    try:
        for chunk in SYNC.chat.completions.create(model="test/test-40-2-0-cut20", messages=HI, stream=True):
            said += chunk.choices[0].delta.content or ""
    except openai.APIError as error:
        return {"said": said, "error": type(error).__name__, "code": error.code}
    return {"said": said, "error": None}


def asked():
    """Return how many requests the model has had."""
    with urllib.request.urlopen(GIVEN["stats"]) as answer:
        return json.load(answer)["requests"]


def errors():
    hasty = SYNC.with_options(timeout=1)
    patient = SYNC.with_options(max_retries=2)
    before = asked()
    in_vain = refused(patient, model="test/test-5-0-0-status401")
    in_vain["asked"] = asked() - before - 1  # the question how many is one too
    return {
        "not_found": refused(model="nope"),
        "bad": refused(model="echo", n=2),
        "limited": refused(model="test/test-5-0-0-status429-retry60"),
        "limited_stream": refused(model="test/test-5-0-0-status429-retry60", stream=True),
        "broken": refused(model="test/test-5-0-0-status503-retry60", stream=True),
        "slow": refused(hasty, model="test/test-5-0-3000"),
        "in_vain": in_vain,
    }


def embeddings():
    floats = SYNC.embeddings.create(model="test/embed-8", input=["a", "b"], encoding_format="float")
    packed = SYNC.embeddings.create(model="test/embed-8", input=["a", "b"])  # the SDK asks for base64
    return {
        "floats": [each.embedding for each in floats.data],
        "packed": [list(each.embedding) for each in packed.data],
    }


def models():
    return {
        "listed": [model.id for model in SYNC.models.list()],
        "one": SYNC.models.retrieve("test/test-20-0-0").id,
    }


async def main():
    found = {
        "sync": replies(),
        "async": await replies_async(),
        "tools": tools(),
        "formats": formats(),
        "errors": errors(),
        "midway": midway(),
        "slow_start": refused(model="test/test-20-0-11000", stream=True),
        "embeddings": embeddings(),
        "models": models(),
    }
    print(json.dumps(found))


asyncio.run(main())
