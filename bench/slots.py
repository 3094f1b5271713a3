"""One streamed reply after another on one kept connection, and how each API is asked for them.

Nothing is parsed on the hot path: tokens are counted as ``~`` bytes (see model.py), and the first bytes of an
answer tell an error. What came is counted in the window that is open (see load.py).
"""

import asyncio
import json
import os
import time
from collections import Counter
from typing import Any, Protocol

import msgspec

LAST_CHUNK = b"0\r\n\r\n"
LATENESS_EVERY = 16
TEXT = "Tell me a story about a fast server. " * 4

now = time.monotonic


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the model, and where."""

    host: str
    port: int
    tokens: int
    delay_ms: int
    first_ms: int

    @property
    def model(self) -> str:
        """The name that makes the model answer so."""
        return f"mock-{self.tokens}-{self.delay_ms}-{self.first_ms}"

    @property
    def patience(self) -> float:
        """Seconds after which a reply is given up."""
        return 4 * (self.tokens * self.delay_ms + self.first_ms) / 1000 + 15


class Target(Protocol):
    """How one API is asked."""

    def prepare(self) -> bytes | None:
        """Return a request that must be answered before the next one for a reply, if there is one."""
        ...

    def ask(self) -> bytes:
        """Return the request for a reply."""
        ...

    def complete(self, end: bytes) -> bool:
        """Whether the end of the body says that the reply is complete."""
        ...

    def failed(self) -> None:
        """Learn that a reply was not whole."""
        ...


def post(shape: Shape, path: str, body: Any, *headers: str) -> bytes:
    """Return the bytes of a request."""
    data = json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {shape.host}:{shape.port}",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


class Proxy:
    """Chat completions; all slots send the same bytes."""

    def __init__(self, shape: Shape) -> None:
        messages = [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": TEXT},
        ]
        body = {"model": shape.model, "stream": True, "messages": messages}
        headers = ("Accept: text/event-stream", "Authorization: Bearer sk-1234")
        self._ask = post(shape, "/v1/chat/completions", body, *headers)

    def prepare(self) -> bytes | None:
        """See Target."""
        return None

    def ask(self) -> bytes:
        """See Target."""
        return self._ask

    def complete(self, end: bytes) -> bool:
        """See Target."""
        return b"data: [DONE]\n\n" in end

    def failed(self) -> None:
        """See Target."""


class Native:
    """Antiphon's API, as one user with one session after another."""

    def __init__(self, shape: Shape, user: str, session_replies: int) -> None:
        self._shape = shape
        self._user = f"X-User-ID: {user}"
        self._session_replies = session_replies
        self._sessions = 0
        self._left = 0
        self._path = ""
        self._id = f"{user}-{os.getpid()}"
        self._ask = b""

    def prepare(self) -> bytes | None:
        """See Target: a session, when the old one has had its replies."""
        if self._left:
            return None
        self._left = self._session_replies
        self._sessions += 1
        session = f"{self._id}-{self._sessions}"
        path = f"/api/sessions/{session}/messages"
        body = {"text": TEXT, "model": f"openai/{self._shape.model}"}
        self._ask = post(self._shape, path, body, "Accept: text/event-stream", self._user)
        return post(self._shape, "/api/sessions", {"id": session}, self._user)

    def ask(self) -> bytes:
        """See Target."""
        self._left -= 1
        return self._ask

    def complete(self, end: bytes) -> bool:
        """See Target."""
        _, found, event = end.rpartition(b'"type":"end"')
        return bool(found) and b'"state":"complete"' in event

    def failed(self) -> None:
        """See Target: begin anew."""
        self._left = 0


class Window:
    """What came within one window."""

    def __init__(self) -> None:
        self.tokens = self.reads = self.whole = 0
        self.faults: Counter[str] = Counter()
        self.first_token: list[float] = []
        self.lateness: list[float] = []


class Load:
    """What all slots share."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.window = Window()
        self.stopped = False
        self.loop = asyncio.get_running_loop()

    def fault(self, what: str) -> None:
        """Count a reply that was not whole."""
        if not self.stopped:
            self.window.faults[what] += 1


class Slot(asyncio.Protocol):
    """One reply after another on one connection."""

    __slots__ = (
        "asked_at",
        "busy",
        "end",
        "first_at",
        "load",
        "preparing",
        "reads",
        "target",
        "tokens",
        "transport",
        "wanted",
    )

    def __init__(self, load: Load, target: Target) -> None:
        self.load = load
        self.target = target
        self.wanted = load.shape.tokens
        self.transport: asyncio.Transport | None = None
        self.busy = self.preparing = False
        self.reads = self.tokens = 0
        self.asked_at = self.first_at = 0.0
        self.end = b""

    async def connect(self) -> None:
        """Open the connection, again and again if need be."""
        while not self.load.stopped:
            try:
                await self.load.loop.create_connection(
                    lambda: self, self.load.shape.host, self.load.shape.port
                )
            except OSError as error:
                self.load.fault(type(error).__name__)
                await asyncio.sleep(0.5)
            else:
                return

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        self.transport = transport
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is given
        """Connect again, a little later if that was in the middle of something."""
        self.transport = None
        if self.busy:
            self.fail("closed")
        if not self.load.stopped:
            self.load.loop.call_later(0.25, lambda: self.load.loop.create_task(self.connect()))

    def data_received(self, data: bytes) -> None:
        """Count."""
        load = self.load
        window = load.window
        count = data.count(b"~")
        if count:
            window.tokens += count
            window.reads += 1
            if not self.tokens:
                self.first_at = now()
            self.tokens += count
            self.reads += 1
            if not self.reads % LATENESS_EVERY:
                self._sample(data)
        elif not self.tokens and not self._begins_well(data):
            return
        if self.tokens >= self.wanted or data.endswith(LAST_CHUNK):
            self.end += data
            if self.end.endswith(LAST_CHUNK):
                self._ended()

    def fail(self, what: str) -> None:
        """Give up what is under way."""
        self.busy = False
        self.target.failed()
        self.load.fault(what)
        if self.transport is not None:
            self.transport.abort()

    def _next(self) -> None:
        assert self.transport is not None
        if self.load.stopped:
            self.transport.close()
            return
        preparation = self.target.prepare()
        self.preparing = preparation is not None
        self.busy = True
        self.tokens = 0
        self.end = b""
        self.asked_at = now()
        self.transport.write(preparation or self.target.ask())

    def _begins_well(self, data: bytes) -> bool:
        """Whether reading goes on as for a reply: no error, no answer to a preparation."""
        if data.startswith(b"HTTP/1.") and data[9:10] != b"2":
            self.fail(data[9:12].decode())
            return False
        if not self.preparing:
            return True
        self.end += data
        head, found, body = self.end.partition(b"\r\n\r\n")
        if found and len(body) >= _content_length(head):
            self.preparing = False
            self.end = b""
            self.asked_at = now()
            assert self.transport is not None
            self.transport.write(self.target.ask())
        return False

    def _ended(self) -> None:
        self.busy = False
        if self.tokens == self.wanted and self.target.complete(self.end):
            self.load.window.whole += 1
            self.load.window.first_token.append(self.first_at - self.asked_at)
            self._next()
        else:
            what = "incomplete" if self.tokens == self.wanted else f"{self.tokens} tokens"
            self.fail(what)

    def _sample(self, data: bytes) -> None:
        """Note how late the tokens of this read are, all of them: the older ones in it waited longer."""
        at = now()
        for piece in data.split(b"~")[1:]:
            stamp = piece[:12]
            if len(stamp) == 12 and stamp.isdigit():
                self.load.window.lateness.append(at - int(stamp) / 1e6)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError(f"The answer has no length: {head!r}")
