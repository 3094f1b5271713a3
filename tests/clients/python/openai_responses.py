"""The official SDK's Responses: created, streamed, with tools, in the background, stopped, deleted, refused.

{url, model, tool_model, slow_model, text} -> what came of each.
"""

import json
import sys
import time

import openai

given = json.loads(sys.argv[1])
client = openai.OpenAI(base_url=f"{given['url']}/v1", api_key="sk-responses", max_retries=0)
responses = client.responses
LOOKUP = {
    "type": "function",
    "name": "lookup",
    "description": "Looks up.",
    "parameters": {"type": "object", "properties": {}},
    "strict": False,
}


def whole():
    """Create a response and look it up."""
    made = responses.create(model=given["model"], input=given["text"], metadata={"a": "b"})
    found = responses.retrieve(made.id)
    kept = made.to_dict() == found.to_dict()
    return {"text": made.output_text, "status": made.status, "kept": kept, "tokens": made.usage.total_tokens}


def streamed():
    """Stream it raw, and by the helper that puts a response together."""
    raw = list(responses.create(model=given["model"], input=given["text"], stream=True))
    text = "".join(event.delta for event in raw if event.type == "response.output_text.delta")
    with responses.stream(model=given["model"], input=given["text"]) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    last = raw[-1]
    return {"text": text, "last": last.type, "snapshot": snapshots[-1], "final": final.output_text}


def helped():
    """Go on with a stream by the helper, which puts the whole together and tells what is new."""
    asked = {"model": given["model"], "input": given["text"], "background": True, "stream": True}
    stream = responses.create(**asked)
    read = [next(stream) for _ in range(10)]
    stream.close()
    where = {"response_id": read[0].response.id, "starting_after": read[-1].sequence_number}
    with responses.stream(**where) as rest:
        numbers = [event.sequence_number for event in rest]
        final = rest.get_final_response()
    return {"first": numbers[0], "gapless": numbers == sorted(set(numbers)), "final": final.output_text}


def tools():
    """Have a function called and answer the call, by the previous response and with all items sent again."""
    asked = {"model": given["tool_model"], "tools": [LOOKUP]}
    first = responses.create(input=given["text"], **asked)
    (call,) = [item for item in first.output if item.type == "function_call"]
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "42"}
    second = responses.create(input=[output], previous_response_id=first.id, **asked)
    items = [{"role": "user", "content": given["text"]}, *first.output, output]
    third = responses.create(input=items, store=False, **asked)
    listed = [item.type for item in responses.input_items.list(second.id, order="asc", limit=2)]
    return {
        "called": [call.name, json.loads(call.arguments)],
        "texts": [second.output_text, third.output_text],
        "types": [[item.type for item in answer.output] for answer in (second, third)],
        "listed": listed,
    }


def polled():
    """Begin in the background and ask until it has ended."""
    response = responses.create(model=given["model"], input=given["text"], background=True)
    began = response.status
    while response.status in ("queued", "in_progress"):
        time.sleep(0.05)
        response = responses.retrieve(response.id)
    return {"began": began, "status": response.status, "text": response.output_text}


def cancelled():
    """Stop a response in mid-stream; delete it; look for it."""
    stream = responses.create(model=given["slow_model"], input=given["text"], background=True, stream=True)
    created = next(stream)
    response_id = created.response.id
    types, status = [], None
    for event in stream:
        types.append(event.type)
        if status is None and event.type == "response.output_text.delta":
            status = responses.cancel(response_id).status
    again = responses.cancel(response_id).status
    responses.delete(response_id)
    return {
        "status": status,
        "again": again,
        "last": types[-1],
        "gone": refused(responses.retrieve, response_id),
    }


def refused(call, *args, **asked):
    """Return the kind of error that a call raises, and what it tells."""
    try:
        call(*args, **asked)
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code, error.param]
    return None


def errors():
    """Ask for what cannot be."""
    model, text = given["model"], given["text"]
    limited, faulty = model + "-status429-retry60", model + "-status503"
    return {
        "model": refused(responses.create, model="none", input=text),
        "tool": refused(responses.create, model=model, input=text, tools=[{"type": "web_search"}]),
        "previous": refused(responses.create, model=model, input=text, previous_response_id="resp_0"),
        "limited": refused(responses.create, model=limited, input=text),
        "faulty": refused(responses.create, model=faulty, input=text),
    }


parts = (whole, streamed, helped, tools, polled, cancelled, errors)
print(json.dumps({part.__name__: part() for part in parts}))
