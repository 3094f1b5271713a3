"""The AI SDK's UI message stream as a client sees it."""

from serving import events

MODEL = "test/test-30-10-0"


def said(text, message_id="u1", **more):
    return {"id": message_id, "role": "user", "parts": [{"type": "text", "text": text}], **more}


def body(*messages, chat="c", trigger="submit-message", model=MODEL, **more):
    return {"id": chat, "messages": list(messages), "trigger": trigger, "model": model, **more}


class UiReply:
    """A message as the AI SDK's clients put it together from the events; refuses what these refuse."""

    def __init__(self):
        self.message = {"role": "assistant", "parts": [], "metadata": {}}
        self.active = {}
        self.types = []
        self.cursor = None
        self.done = False
        self.finish = None

    @property
    def parts(self):
        return self.message["parts"]

    @property
    def text(self):
        return "".join(part["text"] for part in self.parts if part["type"] == "text")

    @property
    def id(self):
        return self.message["id"]

    @property
    def turn(self):
        return self.message["metadata"]["turn"]

    def take(self, event):
        self.cursor = event.id or self.cursor
        if event.text == "[DONE]":
            self.done = True
            return
        chunk = event.data
        self.types.append(chunk["type"])
        self.message["metadata"] |= chunk.get("messageMetadata") or {}
        subject, _, verb = chunk["type"].partition("-")
        if subject in ("text", "reasoning"):
            self.take_text(chunk, subject, verb)
        elif subject == "tool":
            self.take_tool(chunk, verb)
        elif chunk["type"] == "start":
            self.message["id"] = chunk["messageId"]
        elif chunk["type"] == "start-step":
            self.parts.append({"type": "step-start"})
        elif chunk["type"] == "reset-step":
            while self.parts[-1]["type"] != "step-start":
                self.parts.pop()
            self.active.clear()
        elif chunk["type"] in ("finish", "abort", "error"):
            self.finish = chunk

    def take_text(self, chunk, kind, verb):
        if verb == "start":
            assert chunk["id"] not in self.active
            self.active[chunk["id"]] = {"type": kind, "text": ""}
            self.parts.append(self.active[chunk["id"]])
        elif verb == "delta":
            self.active[chunk["id"]]["text"] += chunk["delta"]
        else:
            del self.active[chunk["id"]]

    def take_tool(self, chunk, verb):
        call = chunk["toolCallId"]
        if verb == "input-start":
            self.active[call] = {"type": f"tool-{chunk['toolName']}", "toolCallId": call, "raw": ""}
            self.parts.append(self.active[call])
        elif verb == "input-delta":
            self.active[call]["raw"] += chunk["inputTextDelta"]
        else:
            told = {name: value for name, value in chunk.items() if name in ("input", "output", "errorText")}
            self.active[call] |= {"state": verb, **told}


async def read(response, reply=None, most=None):
    reply = reply or UiReply()
    assert response.status == 200, await response.text()
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert response.content_type == "text/event-stream"
    taken = 0
    async for event in events(response):
        reply.take(event)
        taken += event.id is not None
        if taken == most:
            break
    return reply


async def post(client, request, most=None, **headers):
    async with client.http.post(f"{client.url}/api/chat", json=request, headers=headers) as response:
        return await read(response, most=most)


async def refused(client, request, status):
    async with client.http.post(f"{client.url}/api/chat", json=request) as response:
        assert response.status == status, await response.text()
        assert response.content_type == "text/plain"
        return await response.text()


async def resume(client, chat="c", reply=None, most=None, **params):
    """Resume as a useChat does, or the stream of a reply; None if there is nothing to resume."""
    headers = {"Last-Event-ID": reply.cursor} if reply else {}
    url = f"{client.url}/api/chat/{chat}/stream"
    async with client.http.get(url, headers=headers, params=params) as response:
        if response.status == 204:
            return None
        return await read(response, reply, most)
