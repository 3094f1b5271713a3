"""What the terminal chat knows of a reply, and what can go wrong on the way to it."""

import asyncio
import secrets
from typing import Any

import msgspec


class ChatError(Exception):
    """Something to tell the user, in one line."""


class Unreachable(ChatError):
    """No answer. ``at_once``: the very first connection failed, so there is nothing worth waiting for."""

    def __init__(self, message: str, *, at_once: bool = False) -> None:
        super().__init__(message)
        self.at_once = at_once


class Refused(ChatError):
    """The server answered, with an error."""

    def __init__(self, message: str, *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class Problem(msgspec.Struct):
    """The part of problem details (RFC 9457) that people are told."""

    detail: str = ""
    code: str = ""
    retry_after: float | None = None


class Event(msgspec.Struct):
    """One event of a turn; which fields are there depends on ``type``, see PROTOCOL.md."""

    type: str
    id: str = ""
    number: int = 0
    seq: int = -1
    text: str = ""
    data: Any = None


class End(msgspec.Struct):
    """How a reply ended."""

    state: str
    error: Problem | None = None


class _Failure(msgspec.Struct):
    code: str = ""
    message: str = ""


class _EndData(msgspec.Struct):
    state: str
    error: _Failure | None = None


class Reply:
    """A message to send and the reply to it, as far as it was received.

    The key makes sending safe to repeat: however often it is sent, there is one message and one reply.
    """

    def __init__(
        self,
        session: str,
        text: str = "",
        *,
        bot: str | None = None,
        model: str | None = None,
        turn_id: str | None = None,
    ) -> None:
        self.session = session
        self.body = {"text": text, "idempotency_key": secrets.token_hex(16)}
        self.body |= {name: value for name, value in (("bot", bot), ("model", model)) if value}
        self.turn_id = turn_id
        self.number = 0
        self.received = 0
        self.sends = 0
        self.end: End | None = None
        self.known = asyncio.Event()
        if turn_id:
            self.known.set()

    @property
    def cursor(self) -> str | None:
        """Where to go on; None before the first chunk."""
        return f"{self.number}.{self.received}" if self.received else None

    def take(self, event: Event) -> bool:
        """Note an event; whether it is a chunk that was not received before.

        Raises:
            Unreachable: chunks are missing before this one, so this connection is of no use.
        """
        if event.type == "turn":
            self.turn_id, self.number = event.id, event.number
            self.known.set()
            return False
        if event.seq < self.received:
            return False
        if event.seq > self.received:
            raise Unreachable("a piece of the reply is missing")
        self.received += 1
        if event.type == "end":
            end = msgspec.convert(event.data, _EndData)
            failure = end.error
            self.end = End(end.state, Problem(failure.message, failure.code) if failure else None)
        return True

    def begin_again(self) -> None:
        """Forget what was received: it cannot be gone on from."""
        self.received = 0
