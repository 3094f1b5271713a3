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
import sys
import time
from typing import Any

import uvloop

import machine
from slots import Load, Native, Proxy, Shape, Slot, Window, now

PERCENTILES = (0.5, 0.95, 0.99)


class Accounts:
    """Readings of clocks, to be told apart by subtraction.

    Families are looked up at each reading: an engine's processes come and go. What one that has gone had used
    is in its parent's account by then.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        server, model = machine.tree(*options.pid), [options.model_pid] if options.model_pid else []
        engines = {name: machine.tree(pid) for name, pid in options.engine}
        self.wall = now()
        self.server, self.server_waited = machine.cpu_seconds(server)
        self.model, _ = machine.cpu_seconds(model)
        self.engines = {name: machine.cpu_seconds(pids)[0] for name, pids in engines.items()}
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
    engines = {name: had - before.engines[name] for name, had in after.engines.items()}
    return {
        "success": round(window.whole / replies, 5) if replies else None,
        "whole": window.whole,
        "faults": dict(window.faults),
        "tokens_s": round(window.tokens / seconds),
        "us_token": round(1e6 * server / window.tokens, 2) if window.tokens and server else None,
        "engines_us_token": {name: round(1e6 * it / window.tokens, 2) for name, it in engines.items()}
        if window.tokens
        else {},
        "engines_cpu": round(sum(engines.values()) / seconds, 3),
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
    slots = _slots(options, load)
    memory_before = machine.memory_kib(machine.tree(*options.pid))
    gc.collect()
    gc.freeze()
    gc.disable()
    tasks = await _ramp(slots, load, options.ramp)
    await asyncio.sleep(options.settle)
    warm_up, windows = load.window, []
    everything = Window()
    for number in range(options.windows):
        before = Accounts(options)
        window = load.window = Window()
        await _watch(slots, load, options.window)
        windows.append(figures(window, before, Accounts(options)))
        everything.first_token += window.first_token
        everything.lateness += window.lateness
        if not options.quiet:
            print(_line(number, windows[-1]), file=sys.stderr, flush=True)
    memory_after = machine.memory_kib(machine.tree(*options.pid))
    _stop(slots, load, tasks)
    return {
        "target": options.target,
        "streams": options.streams,
        "model": shape.model,
        "offered_tokens_s": round(options.streams * 1000 / shape.delay_ms) if shape.delay_ms else None,
        "warm_up": {"whole": warm_up.whole, "faults": dict(warm_up.faults)},
        "first_token_ms": percentiles_ms(everything.first_token),
        "lateness_ms": percentiles_ms(everything.lateness),
        "rss_kib": [memory_before[0], memory_after[0]],
        "kib_stream": round((memory_after[0] - memory_before[0]) / options.streams, 1)
        if options.pid
        else None,
        "windows": windows,
    }


def _slots(options: argparse.Namespace, load: Load) -> list[Slot]:
    """Return the slots, none of them connected yet."""
    shared = Proxy(load.shape)
    return [
        Slot(
            load,
            shared
            if options.target == "proxy"
            else Native(load.shape, f"bench-{number}", options.session_replies),
        )
        for number in range(options.streams)
    ]


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


def _stop(slots: list[Slot], load: Load, tasks: list["asyncio.Task[None]"]) -> None:
    """End all slots in the middle of what they do."""
    load.stopped = True
    for slot in slots:
        slot.busy = False
        if slot.transport is not None:
            slot.transport.abort()
    for task in tasks:
        task.cancel()


def _line(number: int, it: dict[str, Any]) -> str:
    return (
        f"  window {number + 1}: whole {it['success']} of {it['whole'] + sum(it['faults'].values())}"
        f"  tokens/s {it['tokens_s']}  us/token {it['us_token']}  first token ms {it['first_token_ms']}"
        f"  lateness ms {it['lateness_ms']}  tokens/read {it['tokens_read']}"
        f"  cpu server {it['server_cpu']} (waited {it['server_waited']})"
        f" client {it['client_cpu']} model {it['model_cpu']} engines {it['engines_cpu']}"
        f"{'  ' + str(it['faults']) if it['faults'] else ''}"
    )


def _engine(text: str) -> tuple[str, int]:
    name, _, pid = text.partition("=")
    return name, int(pid)


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
    parser.add_argument(
        "--pid", type=int, action="append", default=[], help="a server, for CPU time and memory; several add"
    )
    parser.add_argument(
        "--engine", type=_engine, action="append", default=[], help="NAME=PID of what the server stands on"
    )
    parser.add_argument("--model-pid", type=int, default=0)
    parser.add_argument("--quiet", action="store_true", help="only the JSON at the end")
    return parser.parse_args()


if __name__ == "__main__":
    machine.allow_many_files()
    with contextlib.suppress(KeyboardInterrupt):
        print(json.dumps(uvloop.run(run(arguments()))))
