"""Both ends of a provider's wire: scripted servers on real sockets, and what reads from them."""

import asyncio
import contextlib

import msgspec

from antiphon.providers.openai import OpenAIProvider
from antiphon.providers.port import Prompt, PromptMessage
from antiphon.providers.stream_client import Endpoint, StreamClient
from antiphon.testing.model_server import serve

OK = b"HTTP/1.1 200 OK\r\n"


class Script:
    """A server on a real socket that answers each request with the next piece of a script.

    A piece is bytes to send, a float to wait, or None to cut; the connection stays open at the end.
    """

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.connections = 0
        self.gone = asyncio.Event()
        self.tasks = set()

    async def __aenter__(self):
        return await self.listen()

    async def listen(self, tls=None, host="127.0.0.1"):
        self.server = await asyncio.start_server(self.serve, host, 0, ssl=tls)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}/v1/x"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(size))
                for piece in self.answers.pop(0) if self.answers else [None]:
                    if piece is None:
                        return
                    if isinstance(piece, float):
                        await asyncio.sleep(piece)
                    else:
                        writer.write(piece)
                        await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            self.gone.set()
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


class Reader:
    """A receiver that keeps all it gets."""

    def __init__(self, *, collect=False, on_data=None):
        self.pieces = []
        self.collect = collect
        self.on_data = on_data
        self.arrived = asyncio.Event()

    def begin(self, head, exchange):
        self.head = head
        self.exchange = exchange
        return None if self.collect else self.data

    def data(self, data):
        self.pieces.append(data)
        self.arrived.set()
        if self.on_data:
            self.on_data(self)

    @property
    def body(self):
        return b"".join(self.pieces)


@contextlib.asynccontextmanager
async def client(**options):
    client = StreamClient(**options)
    try:
        yield client
    finally:
        await client.close()


async def get(client, server, reader=None, body=b"{}"):
    reader = reader or Reader()
    response = await client.send(Endpoint("POST", server.url), body, reader)
    return response, reader


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
SIZED = OK + b"Content-Length: 11\r\n\r\nhello world"
CLOSED = OK + b"X: y\r\n\r\nhello world"


KEY = "sk-proj-0123456789abcdef"


class Sink:
    """Collects; holds the sender back after ``room`` pieces."""

    def __init__(self, room=None):
        self.put = []
        self.room = room
        self.resumes = []

    def _room(self):
        return self.room is None or len(self.put) < self.room

    def content(self, text):
        self.put.append(("content", text))
        return self._room()

    def reasoning(self, text):
        self.put.append(("reasoning", text))
        return self._room()

    def tool(self, delta):
        self.put.append(("tool", delta))
        return self._room()

    def on_drain(self, resume):
        self.resumes.append(resume)

    def text(self, kind="content"):
        return "".join(text for each, text in self.put if each == kind)


def prompt(model="m", user="hello", prefix="", **params):
    return Prompt(
        model=model, messages=[PromptMessage(role="user", content=user)], prefix=prefix, params=params
    )


@contextlib.asynccontextmanager
async def provider(base_url, **options):
    made = OpenAIProvider(name="acme", base_url=base_url, api_key=KEY, **options)
    try:
        yield made
    finally:
        await made.close()


@contextlib.asynccontextmanager
async def model_server(**options):
    server = await serve()
    try:
        async with provider(server.url, continuation=True, **options) as made:
            made.server = server
            yield made
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def answering(body, status=200, headers="Content-Type: text/event-stream", **options):
    """A provider whose API answers every request with these bytes, and keeps what it was asked."""
    asked = []

    async def answer(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            asked.append((head.decode(), await reader.readexactly(size)))
            writer.write(f"HTTP/1.1 {status} -\r\n{headers}\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        async with provider(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/", **options) as made:
            made.asked = asked
            yield made
    finally:
        server.close()


def sse(*events):
    return b"".join(
        b"data: " + (event if isinstance(event, bytes) else msgspec.json.encode(event)) + b"\n\n"
        for event in events
    )


def delta(reason=None, **fields):
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": reason}]}


END = (delta("stop"), b"[DONE]")
