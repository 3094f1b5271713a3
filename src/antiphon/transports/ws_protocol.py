"""Uvicorn's WebSocket protocol with two things added: frames written in one go, and word of what arrived.

``antiphon.frames`` (to send): ``frames`` are text frames as bytes; with a ``mark`` (bytes), a ping follows
them, and ``antiphon.arrived`` is received with that mark once the peer has answered it: it has got all that
was sent before (RFC 6455, 5.5.3). Nothing else tells what a client has got that acknowledges nothing itself.
"""

import logging
from typing import Any, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame

MARK = b"m"
"""What the payloads of these pings begin with; Uvicorn's own have four bytes."""

# Uvicorn would log each handshake with its query, where user ids and cursors are.
_quiet = logging.getLogger("antiphon.websocket")
_quiet.setLevel(logging.WARNING)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _quiet

    async def send(self, message: Any) -> None:
        """See the module; everything else is Uvicorn's."""
        if message["type"] != "antiphon.frames":
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected or self.close_sent:
            raise ClientDisconnected
        try:
            for frame in message["frames"]:
                self.conn.send_text(frame)
            if message.get("mark") is not None:
                self.conn.send_ping(MARK + message["mark"])
        except InvalidState as error:
            raise ClientDisconnected from error
        self.transport.write(b"".join(self.conn.data_to_send()))

    def handle_pong(self, event: Frame) -> None:
        """Pass on that a mark was answered."""
        data = bytes(event.data)
        if data.startswith(MARK) and len(data) > 1 + 4:
            told = {"type": "antiphon.arrived", "mark": data[1:]}
            self.queue.put_nowait(cast("Any", told))
        else:
            super().handle_pong(event)
