"""One response body, or one socket's frames, written from outside its request's task.

ASGI's ``send`` is a coroutine, but it almost never waits. So a piece is sent by running that coroutine in
place; only when it does wait (the reader is slow, its buffers are full) is it handed to a task, and what
comes meanwhile is collected, up to a bound. That spares a task switch a token and reader. It is what
``asyncio.eager_task_factory`` does from Python 3.12 on.
"""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import structlog

logger = structlog.get_logger(__name__)
Send = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]


class Outlet:
    """The body of one streaming response.

    ``overflow`` is called once when more than ``most_waiting`` bytes wait for a slow reader.
    """

    __slots__ = (
        "_backlog",
        "_closed",
        "_finishing",
        "_most",
        "_overflow",
        "_send",
        "_task",
        "_waiting",
        "last",
        "stuck_since",
    )

    def __init__(self, send: Send, most_waiting: int, overflow: Callable[[], None]) -> None:
        self._send = send
        self._most = most_waiting
        self._overflow = overflow
        self._backlog: list[bytes] = []
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None
        self._finishing = False
        self._closed = False
        self.last = 0.0
        self.stuck_since = 0.0

    @property
    def alive(self) -> bool:
        """Whether what is written still goes out."""
        return not self._closed and not self._finishing

    def write(self, data: bytes) -> None:
        """Send bytes now, or as soon as the reader has room. Never waits."""
        if self._closed or self._finishing:
            return
        if self._task is None:
            self._start(self._message([data]))
            return
        self._backlog.append(data)
        self._waiting += len(data)
        if self._waiting > self._most:
            self.close()
            self._overflow()

    def finish(self) -> None:
        """End the body after what was written."""
        if not self._closed and not self._finishing:
            self._finishing = True
            if self._task is None:
                self._start(self._last())

    def close(self) -> None:
        """Send nothing more: the reader is gone."""
        self._closed = True
        self._backlog.clear()
        if self._task is not None:
            self._task.cancel()

    def _message(self, pieces: list[bytes]) -> dict[str, Any]:
        """Return what sends these pieces."""
        return {"type": "http.response.body", "body": b"".join(pieces), "more_body": True}

    def _last(self) -> dict[str, Any]:
        """Return what ends it all."""
        return {"type": "http.response.body", "body": b""}

    def _start(self, message: dict[str, Any]) -> None:
        sending = self._send(message)
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return
        except (OSError, RuntimeError) as error:  # the connection is gone, or what it carried is over
            logger.debug("send_failed", error=type(error).__name__)
            self._closed = True
            return
        self.stuck_since = asyncio.get_running_loop().time()
        self._task = asyncio.get_running_loop().create_task(self._drain(sending, waits_for))

    async def _drain(self, sending: Coroutine[Any, Any, None], waits_for: Any) -> None:
        """Wait for the reader, then send what was collected meanwhile."""
        try:
            await _continue(sending, waits_for)
            while self._backlog:
                backlog, self._backlog = self._backlog, []
                self._waiting = 0
                await self._send(self._message(backlog))
                self.stuck_since = asyncio.get_running_loop().time()
            if self._finishing:
                await self._send(self._last())
        except (OSError, RuntimeError) as error:
            logger.debug("send_failed", error=type(error).__name__)
            self._closed = True
        finally:
            self._task = None
            self.stuck_since = 0.0


@types.coroutine
def _continue(sending: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine that has already been started and waits for ``waits_for``."""
    while True:
        try:
            value = yield waits_for
        except BaseException as error:  # noqa: BLE001 - cancellation goes to where it waits
            step: Callable[[Any], Any] = sending.throw
            argument: Any = error
        else:
            step = sending.send
            argument = value
        try:
            waits_for = step(argument)
        except StopIteration:
            return
