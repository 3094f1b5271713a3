"""Clients of the session socket (contract C), as those that exist: they acknowledge nothing."""

import json
from urllib.parse import quote

import aiohttp

from patience import until
from serving import Caller

CUSTOMER = {"customer_name": "Ann", "customer_email": "ann@example.org"}


class Told:
    """What one client was told, over all its connections. Finds gaps, repeats and what does not add up.

    With ``repeats`` a frame may come again, if it is the same; they are counted.
    """

    def __init__(self, repeats=False):
        self.repeats = 0 if repeats else None
        self.chunks: dict[str, list[str]] = {}
        self.complete: dict[str, dict] = {}
        self.errors: list[dict] = []
        self.others: list[dict] = []
        self.resets = 0
        self.cursor = None
        self.order: list[str] = []

    def take(self, frame):
        kind, message = frame["type"], frame.get("message_id")
        self.cursor = frame["cursor"]
        assert frame["timestamp"].endswith("Z")
        if kind == "chunk":
            self._chunk(message, frame)
        elif kind == "complete":
            if message in self.complete and self.repeats is not None:
                self.repeats += 1
            else:
                assert message not in self.complete, "complete twice"
            assert frame["content"] == "".join(self.chunks.get(message, []))
            assert frame["chunk_id"] == len(self.chunks.get(message, []))
            self.complete[message] = frame
        elif kind == "reset":
            assert frame["chunk_id"] == 0
            self.chunks[message] = []
            self.resets += 1
        elif kind == "error":
            self.errors.append(frame)
        else:
            self.others.append(frame)

    def _chunk(self, message, frame):
        assert message not in self.complete or self.repeats is not None
        had = self.chunks.setdefault(message, [])
        if self.repeats is not None and frame["chunk_id"] < len(had):
            assert had[frame["chunk_id"]] == frame["content"]
            self.repeats += 1
            return
        assert frame["chunk_id"] == len(had), f"chunk {frame['chunk_id']} came where {len(had)} was due"
        had.append(frame["content"])
        self.order.append(message)

    @property
    def texts(self):
        return [frame["content"] for frame in self.complete.values()]


class Chat(Caller):
    """One server, and sessions on it, as somebody who names no user."""

    def __init__(self, url, **headers):
        jar = aiohttp.DummyCookieJar()
        super().__init__(url, headers=headers, cookie_jar=jar, timeout=aiohttp.ClientTimeout())

    async def call(self, method, path, status=200, **more):
        async with self.http.request(method, self.url + path, **more) as response:
            body = await response.read()
            assert response.status == status, f"{response.status}: {body!r}"
            assert "set-cookie" not in response.headers
            return json.loads(body)

    async def session(self, **more):
        return (await self.call("POST", "/chat/session", json=CUSTOMER | more))["session_id"]

    async def context(self, session):
        return (await self.call("GET", f"/chat/session/{session}"))["context"]

    async def connect(self, session, client="c", told=None, cursor=None):
        where = f"{self.url}/ws/{quote(session, safe='')}/{quote(client, safe='')}"
        socket = await self.http.ws_connect(where, params={"cursor": cursor} if cursor else None)
        return Line(socket, Told() if told is None else told)

    async def refused(self, session, client="c", **params):
        """Return the status with which a socket is refused."""
        try:
            socket = await self.http.ws_connect(f"{self.url}/ws/{session}/{client}", params=params)
        except aiohttp.WSServerHandshakeError as error:
            return error.status
        await socket.close()
        return None

    async def health(self):
        return await self.call("GET", "/health")

    async def idle(self):
        """Wait until the server says that no connection is open."""

        async def alone():
            return not (await self.health())["active_connections"]

        await until(alone)


class Line:
    """One connection. The client answers pings only while it reads."""

    def __init__(self, socket, told):
        self.socket = socket
        self.told = told

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.socket.close()

    async def send(self, message, **more):
        await self.socket.send_json({"message": message, **more})

    async def frame(self, within=20):
        """Return the next frame; None if the connection has ended."""
        try:
            got = await self.socket.receive(timeout=within)
        except aiohttp.ClientConnectionError:  # it answered a ping of a server that is gone
            return None
        if got.type is not aiohttp.WSMsgType.TEXT:
            return None
        frame = json.loads(got.data)
        self.told.take(frame)
        return frame

    async def until(self, what):
        """Read until ``what(told)``; return what was told. False if the connection ended before."""
        while not what(self.told):
            if await self.frame() is None:
                return False
        return self.told

    async def replies(self, count):
        """Read until so many replies are complete, on this connection and those before."""
        told = await self.until(lambda told: len(told.complete) >= count)
        assert told, "the connection ended"
        return told

    async def quiet(self, seconds=0.4):
        """Return whether nothing more comes."""
        try:
            return await self.frame(seconds) is None
        except TimeoutError:
            return True

    def cut(self):
        """Break the connection without a word."""
        self.socket._response.connection.transport.abort()
