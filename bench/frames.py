"""A WebSocket client that costs little, so that the load is not what is measured.

It reads what servers send (RFC 6455, 5.2): whole text frames, not masked; and it answers pings.
"""

import asyncio
import base64
import json
import os
from collections.abc import Callable
from typing import Any

TEXT, CLOSE, PING = 0x81, 0x88, 0x89
_MASK = b"\0\0\0\0"  # valid, and masks nothing: this client talks to a server of its own only


class Socket(asyncio.Protocol):
    """One connection; ``heard`` is called with the payload of each text frame."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard
        self._data = b""
        self._open = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed before it was open"))

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        data = self._data + data if self._data else data
        if not self._open:
            head, found, rest = data.partition(b"\r\n\r\n")
            if not found:
                self._data = data
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                self.opened.set_exception(ConnectionError(head.partition(b"\r\n")[0].decode()))
                self.transport.abort()
                return
            self._open, data = True, rest
            self.opened.set_result(None)
        self._data = self._frames(data)

    def _frames(self, data: bytes) -> bytes:
        """Take the frames that are whole; return the rest."""
        at = 0
        while len(data) >= at + 2:
            size, head = data[at + 1], 2
            if size >= 126:
                head = 4 if size == 126 else 10
                if len(data) < at + head:
                    break
                size = int.from_bytes(data[at + 2 : at + head], "big")
            if len(data) < at + head + size:
                break
            payload = data[at + head : at + head + size]
            if data[at] == TEXT:
                self._heard(payload)
            elif data[at] == PING:
                self.transport.write(b"\x8a%c%b%b" % (0x80 | size, _MASK, payload))
            elif data[at] == CLOSE:
                self.transport.close()
            at += head + size
        return data[at:]

    def send(self, value: Any) -> None:
        """Send a value as JSON, in a text frame."""
        payload = json.dumps(value).encode()
        size = len(payload)
        length = b"%c" % (0x80 | size) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self.transport.write(b"\x81" + length + _MASK + payload)

    def close(self) -> None:
        """Close it in order."""
        self.transport.write(b"\x88\x82" + _MASK + b"\x03\xe8")


async def connect(port: int, path: str, heard: Callable[[bytes], None]) -> Socket:
    """Open a socket."""
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(lambda: Socket(heard), "127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
    ]
    socket.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n")
    await socket.opened
    return socket
