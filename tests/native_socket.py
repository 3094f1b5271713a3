"""A client of the native WebSocket that puts replies together, and finds gaps, repeats and disagreement."""

import asyncio
import json

import aiohttp


class Reply:
    """A reply as one follow of it tells it."""

    def __init__(self, first=0):
        self.text = ""
        self.next = first
        self.end = None

    def take(self, frame):
        assert frame["seq"] == self.next, f"chunk {frame['seq']} came where {self.next} was due"
        assert self.end is None, "nothing follows the end"
        self.next += 1
        if frame["type"] == "content":
            self.text += frame["text"]
        elif frame["type"] == "reset":
            self.text = ""
        elif frame["type"] == "end":
            self.end = frame["data"]


class NativeClient:
    """One user's connection. ``replies`` and ``cursors`` outlive it: ``open`` again to go on."""

    def __init__(self, url, user="ann"):
        self.url = url.replace("http://", "ws://") + "/api/ws"
        self.headers = {"X-User-ID": user}
        self.replies: dict[tuple, Reply] = {}  # by session and turn's number
        self.cursors: dict[str, str] = {}  # by turn id, or by session id where the session is followed
        self.begins: dict[tuple, int] = {}  # where replies go on that were begun elsewhere
        self.other: list[dict] = []
        self.http = None
        self.ws = None
        self._count = 0

    async def __aenter__(self):
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120))
        return await self.open()

    async def __aexit__(self, *_):
        await self.http.close()

    async def open(self, url=None):
        if url is not None:
            self.url = url.replace("http://", "ws://") + "/api/ws"
        if self.ws is not None:
            await self.ws.close()
        self.ws = await self.http.ws_connect(self.url, headers=self.headers, max_msg_size=0)
        return self

    def cut(self):
        """End the connection without a word."""
        self.ws._response.connection.transport.abort()
        self.ws = None

    async def frame(self, within=30):
        """Return the next frame, having added it to its reply; None once the connection has ended."""
        message = await self.ws.receive(timeout=within)
        if message.type is not aiohttp.WSMsgType.TEXT:
            return None
        frame = json.loads(message.data)
        if "seq" in frame:
            key = frame["session_id"], frame["turn"]
            self.replies.setdefault(key, Reply(self.begins.get(key, 0))).take(frame)
            self.cursors[frame.get("turn_id", frame["session_id"])] = frame["cursor"]
        return frame

    async def until(self, condition, within=30):
        """Read until a frame fulfils the condition; return it."""
        async with asyncio.timeout(within):
            while True:
                frame = await self.frame(within)
                assert frame is not None, f"closed with {self.ws.close_code}"
                if condition(frame):
                    return frame
                self.other.append(frame)

    async def ask(self, kind, **fields):
        """Send a request and return its answer."""
        self._count += 1
        reference = f"r{self._count}"
        await self.ws.send_json({"type": kind, "id": reference, **fields})
        return await self.until(lambda frame: frame.get("id") == reference and frame["type"] != "turn")

    async def submit(self, session, text="x", **more):
        answer = await self.ask("submit", session_id=session, text=text, create=True, **more)
        assert answer["type"] == "submitted", answer
        return answer["turn"]

    async def whole(self, *turns):
        """Read until these turns have ended; return their texts."""
        keys = [(turn["session_id"], turn["number"]) for turn in turns]

        def ended():
            return all(key in self.replies and self.replies[key].end for key in keys)

        if not ended():
            await self.until(lambda _: ended())
        assert all(self.replies[key].end["state"] == "complete" for key in keys)
        return [self.replies[key].text for key in keys]
