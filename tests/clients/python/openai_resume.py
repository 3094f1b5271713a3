"""The official SDK goes on with a response whose stream breaks, at another pod each time.

{urls, model, text, most: events to read of each stream, or null} -> the texts and numbers of all of it.
"""

import itertools
import json
import sys
import time

import httpx
import openai

given = json.loads(sys.argv[1])
clients = [openai.OpenAI(base_url=f"{url}/v1", api_key="sk-resume", max_retries=0) for url in given["urls"]]
ENDS = ("response.completed", "response.incomplete", "response.failed")
BROKEN = (openai.APIConnectionError, httpx.HTTPError)
found, breaks = [], []


def take(stream):
    """Read a stream until it breaks or enough came of it."""
    try:
        for n, event in enumerate(stream, 1):
            found.append(event)
            if n == given["most"]:
                stream.close()
                return
    except BROKEN as error:
        breaks.append(type(error).__name__)


asked = {"model": given["model"], "input": given["text"], "background": True, "stream": True}
take(clients[0].responses.create(**asked))
response_id = found[0].response.id
deadline = time.monotonic() + 60
for client in itertools.cycle(clients[1:]):
    if found[-1].type in ENDS or time.monotonic() > deadline:
        break
    try:
        stream = client.responses.retrieve(response_id, stream=True, starting_after=found[-1].sequence_number)
    except (openai.APIConnectionError, openai.InternalServerError):
        time.sleep(0.1)
        continue
    take(stream)
last = found[-1]
told = {
    "breaks": len(breaks),
    "numbers": [event.sequence_number for event in found],
    "last": last.type,
    "text": "".join(event.delta for event in found if event.type == "response.output_text.delta"),
    "final": last.response.output_text if last.type in ENDS else None,
    "kept": clients[-1].responses.retrieve(response_id).output_text,
}
print(json.dumps(told))
