"""WebSockets by the byte: a client that can do everything wrong, and a small server for it to talk to."""

import base64
import os
import socket
import struct
import threading
import time

import uvicorn
import uvloop

from antiphon.transports.socket import text_frame
from antiphon.transports.ws_protocol import WebSocketProtocol
from patience import PATIENCE_S

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(opcode, payload=b"", *, fin=True, rsv=0, masked=True, declared=None):
    """Return a client's frame; ``declared`` is a length that is not the payload's."""
    size = len(payload) if declared is None else declared
    head = bytes([fin << 7 | rsv << 4 | opcode])
    bit = masked << 7
    if size < 126:
        head += bytes([bit | size])
    elif size < 1 << 16:
        head += bytes([bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", size)
    if not masked:
        return head + payload
    key = os.urandom(4)
    stretched = (key * (len(payload) // 4 + 1))[: len(payload)]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(stretched, "big")
    return head + key + mixed.to_bytes(len(payload), "big")


def close(code, reason=b""):
    return frame(CLOSE, struct.pack("!H", code) + reason)


class Raw:
    """A connection; ``receive_buffer`` bytes wait at most for who does not read."""

    def __init__(self, port, path="/echo", *, receive_buffer=None, head=None, **headers):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))
        self._read = b""
        key = base64.b64encode(os.urandom(16)).decode()
        given = {
            "Host": "127.0.0.1",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [head or f"GET {path} HTTP/1.1", *(f"{n}: {v}" for n, v in given.items() if v is not None)]
        self.send("\r\n".join([*lines, "", ""]).encode())
        while b"\r\n\r\n" not in self._read:
            data = self.socket.recv(65536)
            assert data, f"closed without an answer: {self._read!r}"
            self._read += data
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        self.head = head.decode()
        self.status = int(head.split(b" ")[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *data):
        self.socket.sendall(b"".join(data))

    def _take(self, size):
        while len(self._read) < size:
            data = self.socket.recv(1 << 18)
            if not data:
                raise EOFError
            self._read += data
        taken, self._read = self._read[:size], self._read[size:]
        return taken

    def frame(self):
        """Return the next frame's opcode and payload. Raises EOFError."""
        first, second = self._take(2)
        assert first & 0xF0 == 0x80, "a server's frames are whole here, and have no reserved bits"
        assert second < 128, "a server does not mask"
        size = second
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        return first & 15, self._take(size)

    def rest(self):
        """Return all frames up to the end of the connection."""
        found = []
        while True:
            try:
                found.append(self.frame())
            except EOFError:
                return found

    def ended(self):
        """Whether the other side closes the connection in time, whatever it still sends."""
        try:
            while self.socket.recv(1 << 18):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True


class Served:
    """Uvicorn with our protocol on uvloop, in a thread; ``marks`` are those that were answered."""

    def __init__(self, **settings):
        self.running = 0
        self.marks = []
        self.codes = []
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            port=0,
            loop="none",
            http="httptools",
            ws=WebSocketProtocol,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=5,
            **{"ws_max_size": 100_000, **settings},
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: uvloop.run(self.server.serve()), daemon=True)

    def __enter__(self):
        self._thread.start()
        self.until(lambda: self.server.started)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        self.server.should_exit = True
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the server does not end"

    @property
    def connections(self):
        return len(self.server.server_state.connections)

    def until(self, condition, within=PATIENCE_S):
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, "it did not come to it in time"
            time.sleep(0.01)

    async def _app(self, scope, receive, send):
        if scope["type"] != "websocket":
            return
        self.running += 1
        try:
            assert (await receive())["type"] == "websocket.connect"
            await getattr(self, scope["path"].strip("/"))(receive, send)
        finally:
            self.running -= 1

    async def echo(self, receive, send):
        await send({"type": "websocket.accept"})
        while (message := await self._next(receive)) is not None:
            text = message.get("text")
            if text is None:
                await send({"type": "websocket.send", "bytes": bytes(message["bytes"])})
            elif text.startswith("mark "):
                data = text_frame(text.encode())
                await send({"type": "antiphon.frames", "data": data, "mark": text[5:].encode()})
            else:
                await send({"type": "antiphon.frames", "data": text_frame(text.encode()), "mark": None})

    async def refuse(self, receive, send):
        start = {"type": "websocket.http.response.start", "status": 404, "headers": [(b"x-why", b"none")]}
        await send(start)
        await send({"type": "websocket.http.response.body", "body": b"nothing here"})

    async def say(self, receive, send):
        """Send 20 MB, then wait for the end."""
        await send({"type": "websocket.accept"})
        for _ in range(20):
            data = text_frame(b"x" * 1_000_000)
            await send({"type": "antiphon.frames", "data": data, "mark": None})
        await self._next(receive)

    async def drop(self, receive, send):
        """Send 12 MB at once, then drop the reader."""
        await send({"type": "websocket.accept"})
        data = text_frame(b"x" * 12_000_000)
        await send({"type": "antiphon.frames", "data": data, "mark": None})
        await send({"type": "antiphon.drop", "code": 4008, "reason": "slow"})
        await self._next(receive)

    async def _next(self, receive):
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                self.codes.append(message.get("code"))
                return None
            if message["type"] != "antiphon.arrived":
                return message
            self.marks.append(message["mark"])
