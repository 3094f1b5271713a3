"""What a token costs over a WebSocket, against server-sent events: one server, windows of each in turn.

All streams of a window come over one transport, each on a connection of its own, one reply after another in a
session of its own. A figure is the CPU time of the server's processes by the tokens that came (see load.py).
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import uvloop

import machine
from measure import SERVE
from slots import TEXT, Load, Native, Shape, Slot

HERE = Path(__file__).parent
HANDSHAKE = (
    "GET /api/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nX-User-ID: {user}\r\n\r\n"
)


def masked(payload: bytes) -> bytes:
    """Return a client's text frame; its mask is all zeros, which changes nothing."""
    return b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload


class Talk(asyncio.Protocol):
    """One reply after another on one WebSocket. Only tokens (``~``) and ends are looked for."""

    def __init__(self, load: Load, user: str, *, whole_session: bool) -> None:
        self.load = load
        self.user = user
        self.whole_session = whole_session
        self.transport: Any = None
        self._tail = b""
        self._tokens = 0

    async def connect(self) -> None:
        """Open the connection."""
        shape = self.load.shape
        await self.load.loop.create_connection(lambda: self, shape.host, shape.port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands; the first reply is asked for once the answer is there."""
        self.transport = transport
        self.transport.write(HANDSHAKE.format(user=self.user).encode())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is given
        """Count a connection that broke."""
        self.load.fault("closed")

    def data_received(self, data: bytes) -> None:
        """Count; ask again at an end."""
        # Frames of more than 125 bytes have a "~" behind their first byte, and those of 126 one at their end.
        count = data.count(b"~") - data.count(b"\x81~") - data.count(b"~{")
        self.load.window.tokens += count
        self.load.window.reads += bool(count)
        self._tokens += count
        seen = self._tail + data
        self._tail = data[-40:]
        if b"\r\n\r\n" in seen and b"101 Switching" in data:
            if self.whole_session:
                self._ask({"type": "follow", "session_id": self.user})
            self._submit()
        elif b'"type":"end"' in seen:
            self._tail = b""
            if self._tokens == self.load.shape.tokens:
                self.load.window.whole += 1
            else:
                self.load.fault("tokens")
            self._submit()

    def _submit(self) -> None:
        self._tokens = 0
        if not self.load.stopped:
            model = f"openai/{self.load.shape.model}"
            asked = {"session_id": self.user, "text": TEXT, "model": model, "create": True}
            self._ask({"type": "submit", **asked})

    def _ask(self, request: dict[str, Any]) -> None:
        self.transport.write(masked(json.dumps(request).encode().ljust(126)))


async def window(
    kind: str, shape: Shape, pid: int, options: argparse.Namespace, number: int
) -> dict[str, Any]:
    """Load the server over one transport; return the cost of a token in microseconds and what came."""
    load = Load(shape)
    talks: list[Any] = []
    for n in range(options.streams):
        user = f"{kind.replace(' ', '-')}-{number}-{n}"
        if kind == "sse":
            talks.append(Slot(load, Native(shape, user, 10)))
        else:
            talks.append(Talk(load, user, whole_session=kind == "websocket session"))
        await talks[-1].connect()
        await asyncio.sleep(options.tokens * options.delay / 1000 / options.streams)
    await asyncio.sleep(options.settle)
    load.window.tokens = load.window.reads = load.window.whole = 0
    before, _ = machine.cpu_seconds(machine.tree(pid))
    await asyncio.sleep(options.window)
    after, _ = machine.cpu_seconds(machine.tree(pid))
    tokens = load.window.tokens
    told = {"us_token": 1e6 * (after - before) / tokens, "tokens": tokens, "whole": load.window.whole}
    told["tokens_a_read"] = tokens / load.window.reads
    told["faults"] = dict(load.window.faults)
    load.stopped = True
    for talk in talks:
        if talk.transport is not None:
            talk.transport.abort()
    await asyncio.sleep(1)
    return told


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=100, help="tokens a reply")
    parser.add_argument("--delay", type=int, default=50, help="ms between two tokens of a stream")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--window", type=float, default=5, help="seconds")
    parser.add_argument("--settle", type=float, default=2, help="seconds after the ramp, not measured")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp"), help="for the database; must be a disk")
    options = parser.parse_args()
    kinds = ("sse", "websocket", "websocket session")
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory(dir=options.dir) as folder, machine.Processes(Path(folder)) as processes:
        model_port, port = machine.free_ports(2)
        model = [sys.executable, HERE / "model.py", "--port", model_port]
        process = processes.start("model", model, cpu=machine.OTHER_CPU)
        machine.wait_until_answered(f"http://127.0.0.1:{model_port}/v1/models", process)
        env = machine.pod_environment(
            model_port, options.streams, DATABASE_URL=f"sqlite:///{folder}/antiphon.db", PORT=str(port)
        )
        server = processes.start("server", SERVE, cpu=machine.SERVER_CPU, env=env)
        machine.wait_until_answered(f"http://127.0.0.1:{port}/health", server)
        shape = Shape(
            host="127.0.0.1", port=port, tokens=options.tokens, delay_ms=options.delay, first_ms=options.delay
        )
        for number in range(options.rounds):
            for kind in kinds:
                found[kind].append(uvloop.run(window(kind, shape, server.pid, options, number)))
                print(f"round {number + 1}: {kind}: {found[kind][-1]}", file=sys.stderr)
    lines = [["transport", "us/token", "against sse", "tokens a read"]]
    for kind, windows in found.items():
        cost = statistics.median(each["us_token"] for each in windows)
        pairs = zip(windows, found["sse"], strict=True)
        ratio = statistics.median(each["us_token"] / sse["us_token"] for each, sse in pairs)
        reads = statistics.median(each["tokens_a_read"] for each in windows)
        lines.append([kind, f"{cost:.1f}", f"{ratio:.2f}", f"{reads:.2f}"])
    print(machine.columns(lines))


if __name__ == "__main__":
    main()
