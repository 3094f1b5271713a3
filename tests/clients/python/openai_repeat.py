"""The official SDK repeats requests by itself when a pod dies: {url, model, text, count} -> what came."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import openai

given = json.loads(sys.argv[1])
client = openai.OpenAI(base_url=f"{given['url']}/v1", api_key="sk-repeat", max_retries=5)


def create(number):
    """Create a response under a key that makes repeating harmless; look it up by the same key again."""
    asked = {"model": given["model"], "input": given["text"]}
    key = {"Idempotency-Key": f"key-{number}"}
    first = client.responses.create(**asked, extra_headers=key)
    again = client.responses.create(**asked, extra_headers=key)
    return {"text": first.output_text, "once": first.id == again.id}


with ThreadPoolExecutor(given["count"]) as pool:
    print(json.dumps({"responses": list(pool.map(create, range(given["count"])))}))
