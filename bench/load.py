"""Closed-loop load: each of N slots holds one streamed reply after another on a kept connection.

``proxy``: OpenAI's chat completions, to a proxy or to the model itself. ``native``: Antiphon's own API; a
slot makes a session, then sends messages to it and reads the turn's events.

Nothing is parsed on the hot path: tokens are counted as ``~`` bytes (see model.py). A reply is whole if it
has exactly the tokens asked for and its end says that it is complete. CPU time of the server is the
scheduler's own account of its process tree. Figures of each window go to stderr, all as JSON to stdout.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import sys
import time
from collections import Counter
from typing import Any, Protocol

import msgspec
import uvloop

import machine

LAST_CHUNK = b"0\r\n\r\n"
LATENESS_EVERY = 16
PERCENTILES = (0.5, 0.95, 0.99)
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


class Accounts:
    """Readings of clocks, to be told apart by subtraction."""

    def __init__(self, server: list[int], model: list[int]) -> None:
        self.wall = now()
        self.server, self.server_waited = machine.cpu_seconds(server)
        self.model, _ = machine.cpu_seconds(model)
        self.client = time.process_time()


def percentiles_ms(values: list[float]) -> list[float] | None:
    """Return the percentiles in milliseconds."""
    ordered = sorted(values)
    if not ordered:
        return None
    return [round(1000 * ordered[min(len(ordered) - 1, int(p * len(ordered)))], 2) for p in PERCENTILES]


def figures(window: Window, before: Accounts, after: Accounts) -> dict[str, Any]:
    """Return what a window says."""
    seconds = after.wall - before.wall
    replies = window.whole + window.faults.total()
    server = after.server - before.server
    return {
        "success": round(window.whole / replies, 5) if replies else None,
        "whole": window.whole,
        "faults": dict(window.faults),
        "tokens_s": round(window.tokens / seconds),
        "us_token": round(1e6 * server / window.tokens, 2) if window.tokens and server else None,
        "server_cpu": round(server / seconds, 3),
        "server_waited": round((after.server_waited - before.server_waited) / seconds, 3),
        "client_cpu": round((after.client - before.client) / seconds, 3),
        "model_cpu": round((after.model - before.model) / seconds, 3),
        "first_token_ms": percentiles_ms(window.first_token),
        "lateness_ms": percentiles_ms(window.lateness),
        "tokens_read": round(window.tokens / window.reads, 2) if window.reads else None,
    }


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """Ramp up, measure window after window, and return all figures."""
    shape = Shape(
        host=options.host,
        port=options.port,
        tokens=options.tokens,
        delay_ms=options.delay,
        first_ms=options.first,
    )
    load = Load(shape)
    shared = Proxy(shape)
    slots = [
        Slot(
            load,
            shared
            if options.target == "proxy"
            else Native(shape, f"bench-{number}", options.session_replies),
        )
        for number in range(options.streams)
    ]
    server = machine.tree(options.pid) if options.pid else []
    model = [options.model_pid] if options.model_pid else []
    memory_before = machine.memory_kib(server)
    gc.collect()
    gc.freeze()
    gc.disable()
    tasks = await _ramp(slots, load, options.ramp)
    await asyncio.sleep(options.settle)
    warm_up, windows = load.window, []
    everything = Window()
    server = machine.tree(options.pid) if options.pid else []
    for number in range(options.windows):
        before = Accounts(server, model)
        window = load.window = Window()
        await _watch(slots, load, options.window)
        windows.append(figures(window, before, Accounts(server, model)))
        everything.first_token += window.first_token
        everything.lateness += window.lateness
        if not options.quiet:
            print(_line(number, windows[-1]), file=sys.stderr, flush=True)
    memory_after = machine.memory_kib(server)
    load.stopped = True
    for slot in slots:
        slot.busy = False
        if slot.transport is not None:
            slot.transport.abort()
    for task in tasks:
        task.cancel()
    return {
        "target": options.target,
        "streams": options.streams,
        "model": shape.model,
        "offered_tokens_s": round(options.streams * 1000 / shape.delay_ms) if shape.delay_ms else None,
        "warm_up": {"whole": warm_up.whole, "faults": dict(warm_up.faults)},
        "first_token_ms": percentiles_ms(everything.first_token),
        "lateness_ms": percentiles_ms(everything.lateness),
        "rss_kib": [memory_before[0], memory_after[0]],
        "kib_stream": round((memory_after[0] - memory_before[0]) / options.streams, 1) if server else None,
        "windows": windows,
    }


async def _ramp(slots: list[Slot], load: Load, seconds: float) -> list["asyncio.Task[None]"]:
    """Begin the slots evenly over time, so that they do not all end at once ever after."""
    tasks = []
    begun = now()
    for number, slot in enumerate(slots):
        tasks.append(load.loop.create_task(slot.connect()))
        early = begun + seconds * (number + 1) / len(slots) - now()
        if early > 0.002:
            await asyncio.sleep(early)
    return tasks


async def _watch(slots: list[Slot], load: Load, seconds: float) -> None:
    """Let a window pass; give up replies that take too long."""
    end = now() + seconds
    while (left := end - now()) > 0:
        await asyncio.sleep(min(0.5, left))
        oldest = now() - load.shape.patience
        for slot in slots:
            if slot.busy and slot.asked_at < oldest:
                slot.fail("timeout")


def _line(number: int, it: dict[str, Any]) -> str:
    return (
        f"  window {number + 1}: whole {it['success']} of {it['whole'] + sum(it['faults'].values())}"
        f"  tokens/s {it['tokens_s']}  us/token {it['us_token']}  first token ms {it['first_token_ms']}"
        f"  lateness ms {it['lateness_ms']}  tokens/read {it['tokens_read']}"
        f"  cpu server {it['server_cpu']} (waited {it['server_waited']})"
        f" client {it['client_cpu']} model {it['model_cpu']}"
        f"{'  ' + str(it['faults']) if it['faults'] else ''}"
    )


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("target", choices=["proxy", "native"])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=100, help="tokens a reply")
    parser.add_argument("--delay", type=int, default=50, help="ms between two tokens")
    parser.add_argument("--first", type=int, default=0, help="ms the model takes to the first token")
    parser.add_argument("--session-replies", type=int, default=10, help="replies before a new session")
    parser.add_argument("--ramp", type=float, default=5, help="seconds to begin all streams in")
    parser.add_argument("--settle", type=float, default=1, help="seconds before the first window")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--window", type=float, default=4, help="seconds a window")
    parser.add_argument("--pid", type=int, default=0, help="the server, for its CPU time and memory")
    parser.add_argument("--model-pid", type=int, default=0)
    parser.add_argument("--quiet", action="store_true", help="only the JSON at the end")
    return parser.parse_args()


if __name__ == "__main__":
    machine.allow_many_files()
    with contextlib.suppress(KeyboardInterrupt):
        print(json.dumps(uvloop.run(run(arguments()))))
