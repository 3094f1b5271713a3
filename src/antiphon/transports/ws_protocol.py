"""Uvicorn's WebSocket protocol with bounds it lacks, and with three messages more.

- ``antiphon.frames`` (to send): ``data`` are whole frames, written as they are, so that what many readers get
  is framed once. With a ``mark`` (4 to 124 bytes), a ping follows them, and
- ``antiphon.arrived`` is received with that mark once the peer has answered it: it has got all that was sent
  before (RFC 6455, 5.5.3). Nothing else tells what a client has got that acknowledges nothing itself.
- ``antiphon.drop`` (to send, never waits): close with ``code`` and ``reason`` right behind what is in the
  buffers, and cut the connection if the peer does not take that.
"""

import asyncio
import collections
import logging
from typing import Any, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

MARK = b"m"
"""What the payloads of these pings begin with; Uvicorn's own have four bytes."""
MOST_MARKS = 1024
FLUSH_WITHIN_S = 10.0
"""How long a connection that is being closed may take to take what was sent on it."""
LINGER_S = 2.0
"""How long a peer that broke the protocol has to read why."""
LEAVE_WITHIN_S = 1.0
"""How long a leaving server waits for sockets to be closed, and then for that to be answered."""
_REFUSED = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

# Uvicorn would log each handshake with its query, where user ids and cursors are.
_quiet = logging.getLogger("antiphon.websocket")
_quiet.setLevel(logging.WARNING)


class _Transport(asyncio.Transport):
    """A transport that closes for good: a peer that takes nothing cannot keep it open.

    Closing waits until what was written has gone, and that is as long as the peer likes.
    """

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._inner = inner
        self._loop = loop
        self.write = inner.write  # type: ignore[method-assign]
        self.is_closing = inner.is_closing  # type: ignore[method-assign]
        self.write_eof = inner.write_eof  # type: ignore[method-assign]
        self.can_write_eof = inner.can_write_eof  # type: ignore[method-assign]
        self.get_extra_info = inner.get_extra_info  # type: ignore[method-assign]
        self.get_write_buffer_size = inner.get_write_buffer_size  # type: ignore[method-assign]
        self.pause_reading = inner.pause_reading  # type: ignore[method-assign]
        self.resume_reading = inner.resume_reading  # type: ignore[method-assign]

    def close(self) -> None:
        """Close it once what was written has gone, or in a while."""
        if not self._inner.is_closing():
            self._inner.close()
            if self._inner.get_write_buffer_size():
                self._loop.call_later(FLUSH_WITHIN_S, self._inner.abort)


class _Connection(ServerProtocol):
    """The protocol's state machine."""

    def recv_frame(self, frame: Frame) -> None:
        """Let a peer close in the middle of a message: it may (RFC 6455, 5.4)."""
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection. Frames are not compressed: that costs time and memory, and holds frames back."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _quiet
        self.conn = _Connection(max_size=self.config.ws_max_size, logger=_quiet)
        self._marks: collections.deque[bytes] = collections.deque(maxlen=MOST_MARKS)
        self._pong = b""
        self._waiting = 0
        self._taken = False
        self._failed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        super().connection_made(_Transport(cast("asyncio.Transport", transport), self.loop))

    def eof_received(self) -> None:
        """See asyncio.Protocol."""
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol. What comes after a failure is read and thrown away."""
        if self._failed:
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # Headers that the HTTP server lets pass but this protocol does not; Uvicorn would wait for ever.
            self._failed = self.handshake_complete = True
            self.transport.write(b"".join(self.conn.data_to_send()) or _REFUSED)
            self.transport.close()

    def resume_writing(self) -> None:
        """See asyncio.BaseProtocol."""
        super().resume_writing()
        self._taken = True
        pong, self._pong = self._pong, b""
        if pong and self.conn.state is State.OPEN:
            self.transport.write(pong)

    async def send(self, message: Any) -> None:
        """See the module; everything else is Uvicorn's."""
        kind = message["type"]
        if kind == "antiphon.frames":
            await self.writable.wait()
            self._write_frames(message["data"], message["mark"])
        elif kind == "antiphon.drop":
            self._drop(message["code"], message["reason"])
        else:
            await super().send(message)
            if kind == "websocket.http.response.body" and not message.get("more_body", False):
                self.handshake_complete = True  # it was refused, and that is an end as well

    def _write_frames(self, data: bytes, mark: bytes | None) -> None:
        if self.disconnected or self.conn.state is not State.OPEN:
            raise ClientDisconnected
        if mark is not None:
            self._marks.append(mark)
            self.conn.send_ping(MARK + mark)
            data += b"".join(self.conn.data_to_send())
        if data:
            self.transport.write(data)

    def _drop(self, code: int, reason: str) -> None:
        if self.conn.state is State.OPEN and not self.disconnected:
            self.conn.send_close(code, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self._tell_disconnected(code, reason)
        self.transport.close()

    def _tell_disconnected(self, code: int, reason: str) -> None:
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    def handle_cont(self, event: Frame) -> None:
        """Put a message together as it comes: fragments kept one by one, even empty ones, would add up."""
        begun: bytes | bytearray = self.frames[0]
        message = begun if isinstance(begun, bytearray) else bytearray(begun)
        message += event.data
        self.frames = [message]  # type: ignore[list-item]
        if event.fin:
            self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        """Pass a message on; a text that is not UTF-8 fails the connection, without a word in the log."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                self.frames[0].decode()
            except UnicodeDecodeError as error:
                self.conn.fail(CloseCode.INVALID_DATA, f"{error.reason} at position {error.start}")
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """Tell the peer what it did wrong and that this is all, then read on for a while.

        To close over what it has sent already would reset the connection, and the reason would not arrive.
        """
        self._failed = True
        self.stop_keepalive()
        told = self.conn.close_sent
        self._tell_disconnected(*(told.code, told.reason) if told else (CloseCode.PROTOCOL_ERROR, ""))
        self.close_sent = True
        if told is None:  # frames before the handshake was answered
            self.disconnected = self.handshake_complete = True
            self.transport.close()
            return
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(LINGER_S, self.transport.close)

    def handle_ping(self) -> None:
        """Answer, or, while the peer takes nothing, keep only the newest answer (RFC 6455, 5.5.3)."""
        answers = self.conn.data_to_send()
        if self.writable.is_set() or self.conn.state is not State.OPEN:
            self.transport.write(b"".join(answers))
        elif answers:
            self._pong = answers[-1]

    def handle_pong(self, event: Frame) -> None:
        """Pass on that a mark was answered, and with it all before it."""
        data = bytes(event.data)
        mark = data[len(MARK) :]
        if not data.startswith(MARK) or mark not in self._marks:
            super().handle_pong(event)
            return
        while self._marks.popleft() != mark:
            pass
        told = {"type": "antiphon.arrived", "mark": mark}
        self.queue.put_nowait(cast("Any", told))

    def send_keepalive_ping(self) -> None:
        """Note what waits before the ping."""
        self._waiting, self._taken = self.transport.get_write_buffer_size(), False
        super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        """Give a peer time that has not come to the ping yet, but takes what was sent before it."""
        waiting = self.transport.get_write_buffer_size()
        if (self._taken or waiting < self._waiting) and self.ping_timeout is not None:
            self._waiting, self._taken = waiting, False
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
        else:
            super().keepalive_timeout()

    def shutdown(self) -> None:
        """Leave: a socket has a moment to be closed by its application, and one for the peer to answer."""
        if self.handshake_complete and not self.transport.is_closing():
            self.loop.call_later(LEAVE_WITHIN_S, self._end)
        else:
            super().shutdown()

    def _end(self) -> None:
        if self.conn.state is State.OPEN and not self.disconnected:
            self.conn.send_close(CloseCode.SERVICE_RESTART)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self._tell_disconnected(CloseCode.SERVICE_RESTART, "")
            self.close_timer = self.loop.call_later(LEAVE_WITHIN_S, self.transport.close)
        else:
            self.transport.close()
