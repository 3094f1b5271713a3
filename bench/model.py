"""A model that costs next to nothing: OpenAI's streaming chat completions at a set pace.

The shape of a reply is told by the model's name, ``mock-<tokens>-<delay_ms>-<first_ms>``: how many tokens,
milliseconds between two, milliseconds to the first. Each token is ``~`` and 12 digits, the microseconds of
the machine's monotonic clock when it was sent; so whoever gets it on the same machine can count tokens by
counting ``~``, and tell how late one is, without parsing anything.

One timer wheel of 1 ms serves all streams, and what is sent in a tick is encoded once for all of them.
"""

import argparse
import asyncio
import gc
import os
import re
import socket
import time

import uvloop

SHAPE = re.compile(rb'"model"\s*:\s*"[^"]*mock-(\d+)-(\d+)-(\d+)"')
STREAMS = re.compile(rb'"stream"\s*:\s*true')
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
TICK_S = 0.001
WHEEL = 1 << 14
MOST_UNSENT = 1 << 16

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)
EVENT = (
    b'data: {"id":"chatcmpl-mock00000000000000000001","object":"chat.completion.chunk","created":1700000000,'
    b'"model":"mock","choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n'
)
MODELS = b'{"object":"list","data":[{"id":"mock-100-50-0","object":"model","created":1,"owned_by":"mock"}]}'
REFUSAL = (
    b'{"error":{"message":"This model only streams, and its name is mock-TOKENS-DELAY-FIRST.","code":400}}'
)


def framed(body: bytes) -> bytes:
    """Return one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(body), body)


END = framed(EVENT % (b"{}", b'"stop"')) + framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Stream(asyncio.Protocol):
    """A connection, and the reply that is under way on it."""

    __slots__ = ("begun", "delay", "left", "live", "received", "socket", "transport", "wheel")

    def __init__(self, wheel: "Wheel") -> None:
        self.wheel = wheel
        self.received = b""
        self.live = self.begun = False
        self.left = self.delay = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = transport
        self.socket = connection.fileno()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is given
        """Let the wheel drop the stream when it comes by."""
        self.live = False
        self.socket = -1

    def data_received(self, data: bytes) -> None:
        """Gather a request and answer it."""
        data = self.received + data
        head = data.find(b"\r\n\r\n")
        if head < 0:
            self.received = data
            return
        length = LENGTH.search(data, 0, head)
        end = head + 4 + (int(length[1]) if length else 0)
        if len(data) < end:
            self.received = data
            return
        self.received = b""
        if data.startswith(b"GET"):
            self._answer(b"200 OK", MODELS)
            return
        shape = SHAPE.search(data, head)
        if shape is None or not STREAMS.search(data, head):
            self._answer(b"400 Bad Request", REFUSAL)
            return
        self.left, self.delay, first = (max(1, int(number)) for number in shape.groups())
        self.live, self.begun = True, False
        self.wheel.add(self, first)

    def send(self, data: bytes) -> bool:
        """Send, straight to the socket while it takes everything; whether there was room."""
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            if unsent > MOST_UNSENT:
                return False
            self.transport.write(data)
            return True
        try:
            sent = os.write(self.socket, data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.live = False
            self.transport.abort()
            return True
        if sent < len(data):
            self.transport.write(data[sent:])
        return True

    def _answer(self, status: bytes, body: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )


class Wheel:
    """When each stream is due."""

    def __init__(self) -> None:
        self._slots: list[list[Stream]] = [[] for _ in range(WHEEL)]
        self._tick = 0

    def add(self, stream: Stream, ticks: int) -> None:
        """Serve the stream in so many milliseconds."""
        self._slots[(self._tick + min(ticks, WHEEL - 1)) % WHEEL].append(stream)

    async def turn(self) -> None:
        """Go round, catching up on ticks that came late."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            due = int((loop.time() - begun) / TICK_S)
            while self._tick < due:
                self._tick += 1
                if self._slots[self._tick % WHEEL]:
                    self._serve()
            await asyncio.sleep(TICK_S)

    def _serve(self) -> None:
        streams, self._slots[self._tick % WHEEL] = self._slots[self._tick % WHEEL], []
        stamp = b"~%012d" % int(time.monotonic() * 1e6)
        token = framed(EVENT % (b'{"content":"%b"}' % stamp, b"null"))
        first = HEAD + framed(EVENT % (b'{"role":"assistant","content":"%b"}' % stamp, b"null"))
        for stream in streams:
            if not stream.live:
                continue
            if not stream.left:
                if stream.send(END):
                    stream.live = False
                else:
                    self.add(stream, 1)
            elif stream.send(token if stream.begun else first):
                stream.begun = True
                stream.left -= 1
                # The end follows the last token at once.
                self.add(stream, stream.delay if stream.left else 1)
            else:
                self.add(stream, 1)


async def serve(port: int) -> None:
    """Serve until killed."""
    wheel = Wheel()
    server = await asyncio.get_running_loop().create_server(
        lambda: Stream(wheel), "127.0.0.1", port, backlog=8192
    )
    gc.collect()
    gc.freeze()
    gc.disable()
    async with server:
        await wheel.turn()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=9100)
    uvloop.run(serve(parser.parse_args().port))
