"""One WebSocket as contracts see it: frames in one at a time, frames out by plain calls."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from antiphon.transports.asgi import Request
from antiphon.transports.outlet import Outlet

# Closing codes: RFC 6455 and the registry's below 4000, Antiphon's from there. PROTOCOL.md lists them.
NORMAL = 1000
GOING_AWAY = 1001
SERVICE_RESTART = 1012
TRY_AGAIN = 1013


class Closed(Exception):
    """The peer has gone, or is being sent away."""


class FrameOutlet(Outlet):
    """The frames of one socket; what waits for a slow reader goes out in one write."""

    __slots__ = ("closing", "mark")

    def __init__(self, request: Request, most_waiting: int, overflow: Callable[[], None]) -> None:
        super().__init__(request.send, most_waiting, overflow)  # type: ignore[arg-type]
        self.closing = (NORMAL, "")
        self.mark: Callable[[], bytes | None] = _no_mark

    def _message(self, pieces: list[bytes]) -> dict[str, Any]:
        return {"type": "antiphon.frames", "frames": pieces, "mark": self.mark()}

    def _last(self) -> dict[str, Any]:
        code, reason = self.closing
        return {"type": "websocket.close", "code": code, "reason": reason}


def _no_mark() -> bytes | None:
    return None


class Socket:
    """A WebSocket.

    ``arrived`` is called with each mark that the peer has answered; ``outlet.mark`` is asked at each write
    whether one is to follow it (at least 4 bytes), see ws_protocol.py.
    """

    def __init__(self, request: Request, most_waiting: int) -> None:
        self.request = request
        self.outlet = FrameOutlet(request, most_waiting, self.drop)
        self.arrived: Callable[[bytes], None] = lambda _: None
        self.task: asyncio.Task[Any] | None = None

    async def accept(self, subprotocol: str | None = None) -> None:
        """Open it. Raises Closed if the peer has gone already."""
        message = await self.request.receive()
        if message["type"] != "websocket.connect":
            raise Closed
        await self.request.accept(subprotocol)
        self.task = asyncio.current_task()

    async def receive(self) -> bytes:
        """Return the next frame, text or binary, as bytes. Raises Closed."""
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

    def send(self, *frames: bytes) -> None:
        """Send text frames now, or as soon as the reader has room. Never waits."""
        for frame in frames:
            self.outlet.write(frame)

    def send_json(self, value: Any) -> None:
        """Send one frame."""
        self.outlet.write(msgspec.json.encode(value))

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close it after what was sent."""
        self.outlet.closing = (code, reason)
        self.outlet.finish()

    def go_away(self) -> None:
        """Send the reader away to come back elsewhere."""
        self.close(SERVICE_RESTART, "This pod is leaving. Connect again.")

    def heartbeat(self) -> None:
        """Do nothing: the protocol's own pings keep it open."""

    def drop(self) -> None:
        """Let a reader go that does not read; it may resume."""
        if self.task is not None:
            self.task.cancel()
