"""Users of the session socket (contract C): 10, 100, 500 and 1,000 of them, five messages each.

Each user has a session and a socket of its own, sends a message, waits for the whole reply, and sends the
next one at once. A reply counts if its ``complete`` frame has exactly the text expected and the chunks add up
to it. Every level gets a fresh server on SQLite, on CPU 0; model and users share CPU 1. All users are
connected before the first one sends; they begin spread over ``--spread`` seconds. Beside each level stands
what the specification of that system claims for itself.
"""

import argparse
import asyncio
import gc
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec
import uvloop

import machine
from antiphon.testing.script import expected_text
from frames import Socket, connect
from measure import Pods, add_common_options, write

CUSTOMER = {"customer_name": "Bench", "customer_email": "bench@example.org"}
CLAIMED = {10: "90%+ <5s", 100: "80%+ <10s", 500: "70%+ <20s", 1000: "60%+ <30s"}
COLUMNS = (
    "users",
    "bot",
    "success",
    "response s avg/p95/p99",
    "first chunk ms avg/p99",
    "tokens/s",
    "us/token",
    "server CPU",
    "claimed there",
)
AT_ONCE = 50
SIZEBOT = ["Hello, I am customer {user}", "Jeans", "180 cm and 75 kg", "thank you", "bye"]
now = time.monotonic


class Frame(msgspec.Struct):
    """What matters of a frame."""

    type: str
    content: str = ""
    message_id: str | None = None


_decode = msgspec.json.Decoder(Frame).decode


class Reply(NamedTuple):
    """One reply as a user saw it, times in seconds."""

    text: str | None
    first: float
    took: float


class User:
    """One user on one socket."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.replies: list[Reply] = []
        self._chunks: list[str] = []
        self._first = 0.0
        self._done: asyncio.Future[str | None] | None = None
        self.socket: Socket | None = None

    def heard(self, payload: bytes) -> None:
        """Take a frame."""
        frame = _decode(payload)
        if self._done is None or self._done.done():
            return
        if frame.type == "chunk":
            self._first = self._first or now()
            self._chunks.append(frame.content)
        elif frame.type == "complete":
            self._done.set_result(frame.content if frame.content == "".join(self._chunks) else None)
        elif frame.type == "error":
            self._done.set_result(None)

    async def talk(self, texts: list[str], asked: dict[str, str], after: float, patience: float) -> None:
        """Send the messages one after the other."""
        await asyncio.sleep(after)
        assert self.socket is not None
        for text in texts:
            self._done = asyncio.get_running_loop().create_future()
            self._chunks, self._first, began = [], 0.0, now()
            self.socket.send({"message": text, **asked})
            try:
                async with asyncio.timeout(patience):
                    got = await self._done
            except TimeoutError:
                got = None
            self.replies.append(Reply(got, (self._first or now()) - began, now() - began))
        self.socket.close()


async def prepare(port: int, count: int) -> list[User]:
    """Return users with a session and an open socket each."""
    users = [User(number) for number in range(count)]
    room = asyncio.Semaphore(AT_ONCE)

    async def one(user: User, http: aiohttp.ClientSession) -> None:
        async with room:
            async with http.post(f"http://127.0.0.1:{port}/chat/session", json=CUSTOMER) as answer:
                session = (await answer.json())["session_id"]
            user.socket = await connect(port, f"/ws/{session}/web", user.heard)

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        await asyncio.gather(*(one(user, http) for user in users))
    return users


async def level(options: argparse.Namespace, port: int, pid: int, count: int, bot: str) -> dict[str, Any]:
    """Let so many users talk, and return what they saw."""
    users = await prepare(port, count)
    gc.collect()
    if bot == "model":
        asked = {"model": f"openai/test-{options.tokens}-{options.delay}-0"}
        scripts = [[f"Question {i} of {u.number}" for i in range(options.messages)] for u in users]
        expected = [[expected_text(text, options.tokens) for text in script] for script in scripts]
    else:
        asked = {"bot": "sizebot"}
        scripts = [[text.format(user=u.number) for text in SIZEBOT] for u in users]
        (first,) = await prepare(port, 1)
        await first.talk([text.format(user="x") for text in SIZEBOT], asked, 0, options.patience)
        expected = [[reply.text or "" for reply in first.replies]] * count
    pids = machine.tree(pid)
    cpu, begun = machine.cpu_seconds(pids)[0], now()
    await asyncio.gather(
        *(
            user.talk(script, asked, options.spread * user.number / count, options.patience)
            for user, script in zip(users, scripts, strict=True)
        )
    )
    seconds, had = now() - begun, machine.cpu_seconds(pids)[0] - cpu
    seen = [reply for user in users for reply in user.replies]
    good = sum(
        reply.text == text
        for user, texts in zip(users, expected, strict=True)
        for reply, text in zip(user.replies, texts, strict=True)
    )
    tokens = (
        len(seen) * options.tokens if bot == "model" else sum(len(r.text.split()) for r in seen if r.text)
    )
    return {
        "users": count,
        "bot": bot,
        "replies": len(seen),
        "success": good / len(seen),
        "seconds": seconds,
        "response": spread([reply.took for reply in seen]),
        "first_chunk": spread([reply.first for reply in seen]),
        "tokens_s": tokens / seconds,
        "us_token": 1e6 * had / tokens,
        "server_cpu": had / seconds,
    }


def spread(values: list[float]) -> dict[str, float]:
    """Return mean and percentiles."""
    ordered = sorted(values)
    at = {f"p{p}": ordered[min(len(ordered) - 1, len(ordered) * p // 100)] for p in (50, 95, 99)}
    return {"mean": statistics.fmean(ordered)} | at


def table(rows: list[dict[str, Any]]) -> str:
    """Return the figures as text."""
    lines = [list(COLUMNS)]
    for row in rows:
        response, first = row["response"], row["first_chunk"]
        lines.append(
            [
                str(row["users"]),
                row["bot"],
                f"{100 * row['success']:.2f}%",
                "/".join(f"{response[key]:.2f}" for key in ("mean", "p95", "p99")),
                "/".join(f"{1000 * first[key]:.0f}" for key in ("mean", "p99")),
                f"{row['tokens_s']:.0f}",
                f"{row['us_token']:.1f}",
                f"{row['server_cpu']:.2f}",
                CLAIMED.get(row["users"], "-"),
            ]
        )
    return machine.columns(lines)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--users", default="10,100,500,1000")
    parser.add_argument("--bots", default="model,sizebot")
    parser.add_argument("--messages", type=int, default=5, help="messages a user, to the model")
    parser.add_argument("--tokens", type=int, default=40, help="tokens a reply of the model")
    parser.add_argument("--delay", type=int, default=20, help="ms between two tokens")
    parser.add_argument("--spread", type=float, default=2.0, help="seconds within which users begin")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds until a reply is given up")
    add_common_options(parser)
    return parser.parse_args()


def main() -> None:
    """Measure and tell."""
    options = arguments()
    machine.allow_many_files()
    about = machine.about()
    rows: list[dict[str, Any]] = []
    counts = [int(count) for count in options.users.split(",")]
    with machine.directory_on_disk(options.dir) as work, machine.Processes(work) as processes:
        model_port, port = machine.free_ports(2)
        model = [sys.executable, "-m", "antiphon", "test-model", "--port", model_port]
        process = processes.start("model", model, cpu=machine.OTHER_CPU)
        machine.wait_until_answered(f"http://127.0.0.1:{model_port}/v1/models", process)
        os.sched_setaffinity(0, {machine.OTHER_CPU})
        for bot in options.bots.split(","):
            for count in counts:
                rows.append(measure(options, work, processes, model_port, port, count, bot))
                print(table(rows[-1:]), file=sys.stderr, flush=True)
    print(table(rows))
    write(options, about, rows=rows)


def measure(
    options: argparse.Namespace,
    work: Path,
    processes: machine.Processes,
    model_port: int,
    port: int,
    count: int,
    bot: str,
) -> dict[str, Any]:
    """Start a server and let so many users talk to it."""
    env = machine.pod_environment(model_port, count)
    env |= {"DATABASE_URL": f"sqlite:///{work}/{bot}-{count}.db"}
    with Pods(processes) as pods:
        pod = pods.start(f"{bot}-{count}", port, env)
        return uvloop.run(level(options, port, pod.pid, count, bot))


if __name__ == "__main__":
    main()
