"""Every contract by which a reply can be read on after a cut, as a client of it sees it.

A leg reads one reply as ``(text, cursor)``: what came, and where the reader is after it (None: nowhere yet,
what follows belongs to it). ``begin`` asks and reads from the first chunk, ``go_on`` the rest after a cursor.
"""

import contextlib
import json
import uuid

import aiohttp

from serving import events

USER = "ann"
MODEL = "test/test-30-20-0"
WORDS = 30


class Place:
    """How far a reader has come with one reply."""

    def __init__(self, text):
        self.asked = text
        self.session = self.turn = self.cursor = None
        self.text = ""
        self.pieces = 0
        self._ahead = ""

    def take(self, text, cursor):
        self._ahead += text
        if cursor is not None:
            self.text += self._ahead
            self.pieces += bool(self._ahead)
            self.cursor, self._ahead = cursor, ""


class Pod:
    """A server as one user sees it."""

    def __init__(self, url, http):
        self.url = url
        self.http = http

    async def call(self, method, path, **more):
        async with self.http.request(method, self.url + path, **more) as response:
            assert response.status < 300, f"{response.status}: {await response.text()}"
            return await response.json()

    @contextlib.asynccontextmanager
    async def stream(self, method, path, **more):
        async with self.http.request(method, self.url + path, **more) as response:
            assert response.status == 200, f"{response.status}: {await response.text()}"
            yield events(response)

    @contextlib.asynccontextmanager
    async def socket(self, path, protocols=()):
        async with self.http.ws_connect(self.url + path, protocols=protocols) as socket:
            yield socket

    async def submit(self, place):
        """Ask natively."""
        place.session = (await self.call("POST", "/api/sessions", json={}))["id"]
        path = f"/api/sessions/{place.session}/messages"
        place.turn = (await self.call("POST", path, json={"text": place.asked, "model": MODEL}))["turn"]["id"]

    async def find_turn(self, place):
        """Learn the turn of a reply that was begun in a contract that has no word for it."""
        (turn,) = (await self.call("GET", f"/api/sessions/{place.session}"))["running"]
        place.turn = turn["id"]


def frames(socket):
    return (json.loads(message.data) async for message in socket if message.type is aiohttp.WSMsgType.TEXT)


async def native(stream):
    async for event in stream:
        data = event.data
        if data["type"] == "end":
            return
        if event.id:
            yield data.get("text", ""), event.id


class TurnEvents:
    """Native server-sent events of a turn."""

    async def begin(self, pod, place):
        place.session = (await pod.call("POST", "/api/sessions", json={}))["id"]
        path = f"/api/sessions/{place.session}/messages"
        given = {"text": place.asked, "model": MODEL}
        async with pod.stream("POST", path, json=given, headers={"Accept": "text/event-stream"}) as stream:
            place.turn = (await anext(stream)).data["id"]
            async for piece in native(stream):
                yield piece

    async def go_on(self, pod, place):
        headers = {"Last-Event-ID": place.cursor}
        async with pod.stream("GET", f"/api/turns/{place.turn}/events", headers=headers) as stream:
            async for piece in native(stream):
                yield piece


class SessionEvents:
    """Native server-sent events of a session."""

    async def begin(self, pod, place):
        place.session = (await pod.call("POST", "/api/sessions", json={}))["id"]
        async with pod.stream("GET", f"/api/sessions/{place.session}/events") as stream:
            given = {"text": place.asked, "model": MODEL}
            sent = await pod.call("POST", f"/api/sessions/{place.session}/messages", json=given)
            place.turn = sent["turn"]["id"]
            async for piece in native(stream):
                yield piece

    async def go_on(self, pod, place):
        query = {"cursor": place.cursor}
        async with pod.stream("GET", f"/api/sessions/{place.session}/events", params=query) as stream:
            async for piece in native(stream):
                yield piece


class NativeSocket:
    """The native WebSocket."""

    async def begin(self, pod, place):
        place.session = f"s-{uuid.uuid4().hex}"
        asked = {"type": "submit", "session_id": place.session, "text": place.asked, "model": MODEL}
        async with pod.socket("/api/ws") as socket:
            await socket.send_json({**asked, "create": True})
            async for piece in self._read(socket, place):
                yield piece

    async def go_on(self, pod, place):
        async with pod.socket("/api/ws") as socket:
            await socket.send_json({"type": "follow", "turn_id": place.turn, "cursor": place.cursor})
            async for piece in self._read(socket, place):
                yield piece

    async def _read(self, socket, place):
        async for frame in frames(socket):
            assert frame["type"] != "error", frame
            if frame["type"] == "submitted":
                place.turn = frame["turn"]["id"]
            elif frame["type"] == "end":
                return
            elif frame["type"] == "content":
                yield frame["text"], frame["cursor"]


class SessionSocket:
    """Contract C."""

    async def begin(self, pod, place):
        given = {"customer_name": "Ann", "customer_email": "ann@example.org"}
        place.session = (await pod.call("POST", "/chat/session", json=given))["session_id"]
        async with pod.socket(f"/ws/{place.session}/{uuid.uuid4().hex}") as socket:
            await socket.send_json({"message": place.asked})
            async for piece in self._read(socket):
                if place.turn is None:
                    await pod.find_turn(place)
                yield piece

    async def go_on(self, pod, place):
        path = f"/ws/{place.session}/{uuid.uuid4().hex}?cursor={place.cursor}"
        async with pod.socket(path) as socket:
            async for piece in self._read(socket):
                yield piece

    async def _read(self, socket):
        async for frame in frames(socket):
            assert frame["type"] != "error", frame
            if frame["type"] == "complete":
                return
            if frame["type"] == "chunk":
                yield frame["content"], frame["cursor"]


class Subscribe:
    """Contract D."""

    async def begin(self, pod, place):
        place.session = f"s-{uuid.uuid4().hex}"
        given = {"session_id": place.session, "user_id": USER, "message": place.asked, "model": MODEL}
        accepted = await pod.call("POST", "/api/chat", json=given)
        place.turn = accepted["correlation_id"]
        async for piece in self._follow(pod, place):
            yield piece

    async def go_on(self, pod, place):
        async for piece in self._follow(pod, place, last_event_id=place.cursor):
            yield piece

    async def _follow(self, pod, place, **query):
        query |= {"session_id": place.session, "user_id": USER}
        async with pod.stream("GET", "/api/sse", params=query) as stream:
            async for event in stream:
                if event.name == "chunk" and event.data["is_final"]:
                    return
                if event.name == "chunk":
                    yield event.data["chunk"], event.id


class Responses:
    """OpenAI's responses."""

    async def begin(self, pod, place):
        given = {"model": MODEL, "input": place.asked, "stream": True}
        async with pod.stream("POST", "/v1/responses", json=given) as stream:
            place.turn = (await anext(stream)).data["response"]["id"].replace("resp_", "turn_")
            place.session = (await pod.call("GET", f"/api/turns/{place.turn}"))["session_id"]
            async for piece in self._read(stream):
                yield piece

    async def go_on(self, pod, place):
        path = f"/v1/responses/{place.turn.replace('turn_', 'resp_')}?stream=true"
        async with pod.stream("GET", path, headers={"Last-Event-ID": place.cursor}) as stream:
            async for piece in self._read(stream):
                yield piece

    async def _read(self, stream):
        async for event in stream:
            if event.data["type"] == "response.output_text.delta":
                yield event.data["delta"], event.id
            elif event.data["type"] == "response.completed":
                return


class GraphQL:
    """A subscription of GraphQL."""

    SEND = "mutation($in: NewMessage!) { sendMessage(input: $in) { id } }"
    FOLLOW = (
        "subscription($turn: ID!, $cursor: String) { reply(turnId: $turn, cursor: $cursor) { text cursor } }"
    )

    async def begin(self, pod, place):
        place.session = (await pod.call("POST", "/api/sessions", json={}))["id"]
        message = {"sessionId": place.session, "text": place.asked, "model": MODEL}
        query = {"query": self.SEND, "variables": {"in": message}}
        place.turn = (await pod.call("POST", "/graphql", json=query))["data"]["sendMessage"]["id"]
        async for piece in self.go_on(pod, place):
            yield piece

    async def go_on(self, pod, place):
        payload = {"query": self.FOLLOW, "variables": {"turn": place.turn, "cursor": place.cursor}}
        async with pod.socket("/graphql", ("graphql-transport-ws",)) as socket:
            await socket.send_json({"type": "connection_init"})
            await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
            async for frame in frames(socket):
                assert frame["type"] != "error", frame
                if frame["type"] == "complete":
                    return
                if frame["type"] == "next":
                    assert "errors" not in frame["payload"], frame
                    event = frame["payload"]["data"]["reply"]
                    yield event["text"] or "", event["cursor"]


class UIMessages:
    """The AI SDK's UI message stream."""

    async def begin(self, pod, place):
        place.session = f"s-{uuid.uuid4().hex}"
        message = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": place.asked}]}
        given = {"id": place.session, "messages": [message], "trigger": "submit-message", "model": MODEL}
        async with pod.stream("POST", "/api/chat", json=given) as stream:
            async for piece in self._read(stream):
                if place.turn is None:
                    await pod.find_turn(place)
                yield piece

    async def go_on(self, pod, place):
        query = {"cursor": place.cursor}
        async with pod.stream("GET", f"/api/chat/{place.session}/stream", params=query) as stream:
            async for piece in self._read(stream):
                yield piece

    async def _read(self, stream):
        async for event in stream:
            if event.text == "[DONE]" or event.data["type"] == "finish":
                return
            if event.data["type"] == "text-delta":
                yield event.data["delta"], event.id


class DurableStream:
    """The log of a reply, by the Durable Streams protocol."""

    async def begin(self, pod, place):
        await pod.submit(place)
        async for piece in self._read(pod, place, "-1"):
            yield piece

    async def go_on(self, pod, place):
        async for piece in self._read(pod, place, place.cursor):
            yield piece

    async def _read(self, pod, place, offset):
        query = {"offset": offset, "live": "sse"}
        async with pod.stream("GET", f"/api/turns/{place.turn}/log", params=query) as stream:
            async for event in stream:
                if event.name == "control":
                    yield "", event.data["streamNextOffset"]
                    if event.data.get("streamClosed"):
                        return
                else:
                    text = "".join(
                        chunk.get("text", "") for chunk in event.data if chunk["type"] == "content"
                    )
                    yield text, None


LEGS = {
    "events of a turn": TurnEvents(),
    "events of a session": SessionEvents(),
    "WebSocket": NativeSocket(),
    "session socket": SessionSocket(),
    "submit and subscribe": Subscribe(),
    "responses": Responses(),
    "GraphQL": GraphQL(),
    "AI SDK": UIMessages(),
    "durable stream": DurableStream(),
}
"""Contract → how it is read."""
