"""A plain client of OpenAI's API, and what its answers must be like."""

import json

from openai_schema import validate
from serving import Caller

PATH = "/v1/chat/completions"
HI = [{"role": "user", "content": "hi"}]


class API(Caller):
    """OpenAI's API as a program with a key uses it, and no cookies."""

    def __init__(self, url):
        super().__init__(url, headers={"Authorization": "Bearer sk-x"})

    async def chat(self, status=200, path=PATH, **body):
        async with self.http.post(self.url + path, json=body) as response:
            answer = await response.json()
            assert response.status == status, answer
            assert response.headers["x-request-id"]
            assert "set-cookie" not in response.headers
            self.headers = response.headers
            return answer

    async def refusal(self, status, **body):
        return validate("ErrorResponse", await self.chat(status, **body))["error"]

    async def stream(self, **body):
        """Return the JSON of each event, the last one perhaps ``[DONE]``."""
        found = []
        async with self.http.post(self.url + PATH, json={"messages": HI, **body, "stream": True}) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            assert response.headers["x-request-id"]
            assert "set-cookie" not in response.headers
            async for raw in response.content:
                if raw.startswith(b"data: "):
                    data = raw[6:].strip()
                    found.append("[DONE]" if data == b"[DONE]" else json.loads(data))
        return found


def chunks(events):
    """Return the events of a stream that ended well."""
    assert events[-1] == "[DONE]"
    found = [validate("CreateChatCompletionStreamResponse", event) for event in events[:-1]]
    assert len({event["id"] for event in found}) == 1
    assert found[0]["id"].startswith("chatcmpl-")
    assert found[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    return found


def joined(events, field="content"):
    return "".join(
        choice["delta"].get(field) or "" for event in events for choice in event.get("choices", ())
    )
