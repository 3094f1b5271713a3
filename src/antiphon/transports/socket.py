"""One WebSocket as contracts see it: frames in one at a time, frames out by plain calls."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from antiphon.errors import BadRequest, Invalid
from antiphon.transports.asgi import Request
from antiphon.transports.outlet import Outlet

# Closing codes: RFC 6455 and the registry's below 4000, Antiphon's from there. PROTOCOL.md lists them.
NORMAL = 1000
SERVICE_RESTART = 1012
TRY_AGAIN = 1013
SLOW_READER = 4008
T = TypeVar("T")


class Closed(Exception):
    """The peer has gone, or is being sent away."""


def read_frame(decode: Callable[[bytes], T], data: bytes) -> T:
    """Read a client's frame. Raises BadRequest for what is no JSON, Invalid for JSON of another shape."""
    try:
        return decode(data)
    except msgspec.ValidationError as error:
        raise Invalid(f"The frame does not fit: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The frame is not valid JSON: {error}.") from error


def text_frame(payload: bytes) -> bytes:
    """Return a whole text frame as a server sends it: final, without a mask (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:  # noqa: PLR2004 - sizes from here on do not fit into the second byte
        return b"\x81%c%b" % (size, payload)
    if size < 1 << 16:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), payload)


class FrameOutlet(Outlet):
    """The frames of one socket; what waits for a slow reader goes out in one write."""

    __slots__ = ("closing", "mark")

    def __init__(self, request: Request, most_waiting: int, overflow: Callable[[], None]) -> None:
        super().__init__(request.send, most_waiting, overflow)  # type: ignore[arg-type]
        self.closing = (NORMAL, "")
        self.mark: Callable[[], bytes | None] = _no_mark

    async def room(self) -> None:
        """Wait until all that was written is on its way, but for the buffers' worth. Raises Closed."""
        while self._task is not None:
            await asyncio.wait([self._task])
        try:
            await self._send({"type": "antiphon.frames", "data": b"", "mark": None})
        except OSError as error:
            raise Closed from error

    def _message(self, pieces: list[bytes]) -> dict[str, Any]:
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return {"type": "antiphon.frames", "data": data, "mark": self.mark()}

    def _last(self) -> dict[str, Any]:
        code, reason = self.closing
        return {"type": "websocket.close", "code": code, "reason": reason}


def _no_mark() -> bytes | None:
    return None


class Socket:
    """A WebSocket.

    ``arrived`` is called with each mark that the peer has answered; ``outlet.mark`` is asked at each write
    whether one is to follow it (4 to 124 bytes), see ws_protocol.py.
    """

    def __init__(self, request: Request, most_waiting: int) -> None:
        self.request = request
        self.outlet = FrameOutlet(request, most_waiting, self.drop)
        self.arrived: Callable[[bytes], None] = lambda _: None

    async def accept(self, subprotocol: str | None = None) -> None:
        """Open it. Raises Closed if the peer has gone already."""
        message = await self.request.receive()
        if message["type"] != "websocket.connect":
            raise Closed
        try:
            await self.request.accept(subprotocol)
        except OSError as error:
            raise Closed from error

    async def receive(self) -> bytes:
        """Return the next frame, text or binary, as bytes. Raises Closed, also once it is closed here."""
        while True:
            message = await self.request.receive()
            match message["type"]:
                case "websocket.receive":
                    text: str | None = message.get("text")
                    return text.encode() if text is not None else bytes(message["bytes"])
                case "antiphon.arrived":
                    self.arrived(message["mark"])
                case "websocket.disconnect":
                    raise Closed
                case _:
                    continue

    def send(self, *payloads: bytes) -> None:
        """Send text frames now, or as soon as the reader has room. Never waits."""
        for payload in payloads:
            self.outlet.write(text_frame(payload))

    def send_json(self, value: Any) -> None:
        """Send one frame."""
        self.outlet.write(text_frame(msgspec.json.encode(value)))

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close it after what was sent; ``reason`` has at most 123 bytes. Receive until Closed."""
        self.outlet.closing = (code, reason)
        self.outlet.finish()

    def go_away(self) -> None:
        """Send the reader away to come back elsewhere."""
        self.close(SERVICE_RESTART, "This pod is leaving. Connect again.")

    def heartbeat(self) -> None:
        """Do nothing: the protocol's own pings keep it open."""

    def drop(self) -> None:
        """Let a reader go that does not read; it may resume."""
        self.outlet.close()
        # Done in place: it never waits, for a reader without room is what it is about.
        dropping: Any = self.request.send(
            {"type": "antiphon.drop", "code": SLOW_READER, "reason": "You read too slowly. Come back."}
        )
        try:
            dropping.send(None)
        except (StopIteration, OSError):
            return
