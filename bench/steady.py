"""What running turns cost a pod while they get no tokens, and what it costs to take them over.

steady    one pod with few and with many running turns, in turn: CPU time, PostgreSQL's transactions a second
takeover  a pod with few and with many running turns is killed (SIGKILL): time until the turns run again, at
          another pod (PostgreSQL) or at one started on the same file at once (SQLite), and its CPU time

The model is ``antiphon test-model``, which takes each request and never answers; turns are submitted over
HTTP by as many users, and nobody reads. That a turn runs is seen at the model, so that nobody asks the pod.
Pods are on CPU 0, all else on CPU 1.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

import machine
from engines import COUNTERS, Engines
from measure import Pods, add_common_options, database, write

MODEL = "openai/test-100-50-0-stall0"
STORES = {"sqlite": (), "postgres": ("postgres",)}
AT_ONCE = 16
POLL_S = 0.02
PATIENCE_S = 300.0
# Longer than anything here takes: no turn may end.
FOREVER_S = "86400"
UNENDING = {
    "ANTIPHON_FIRST_TOKEN_TIMEOUT": FOREVER_S,
    "ANTIPHON_IDLE_TIMEOUT": FOREVER_S,
    "ANTIPHON_MAX_TURN_SECONDS": FOREVER_S,
}


class Model:
    """The scripted model, and what it has seen."""

    def __init__(self, processes: machine.Processes, port: int) -> None:
        self.port = port
        command = [sys.executable, "-m", "antiphon", "test-model", "--port", port]
        process = processes.start("model", command, cpu=machine.OTHER_CPU)
        machine.wait_until_answered(f"http://127.0.0.1:{port}/v1/models", process)

    def stats(self) -> Mapping[str, int]:
        """Return how many requests came so far, and how many replies are under way."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats") as response:
            return json.loads(response.read())  # type: ignore[no-any-return]

    def wait(self, turns: int, requests: int = 0) -> float:
        """Return when so many turns run, and were asked for since there were so many requests."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            seen, at = self.stats(), time.monotonic()
            if seen["live"] >= turns and seen["requests"] >= requests + turns:
                return at
            if at > deadline:
                raise SystemExit(f"Only {seen} of {turns} turns run after {PATIENCE_S:g} s.")
            time.sleep(POLL_S)

    def wait_for_none(self) -> None:
        """Return once no reply is under way."""
        while self.stats()["live"]:
            time.sleep(POLL_S)


class Bench:
    """The model and the engines, and a way to have a pod with running turns."""

    def __init__(
        self, options: argparse.Namespace, work: Path, processes: machine.Processes, engines: Engines
    ) -> None:
        self.options = options
        self.work = work
        self.processes = processes
        self.engines = engines
        model_port, *self.ports = machine.free_ports(3)
        self.model = Model(processes, model_port)
        self._count = 0

    def steady(self, store: str, turns: int) -> dict[str, float]:
        """Measure a pod that has so many running turns and nothing to do, a second."""
        env = self._environment(store)
        with Pods(self.processes) as pods:
            pod = pods.start(f"{store}-steady", self.ports[0], env)
            self._fill(self.ports[0], turns)
            time.sleep(self.options.settle)
            before = self._readings(store, pod.pid)
            time.sleep(self.options.window)
            after = self._readings(store, pod.pid)
            self._see_all(turns)
        self.model.wait_for_none()
        seconds = after.pop("wall") - before["wall"]
        return {name: (value - before[name]) / seconds for name, value in after.items()}

    def takeover(self, store: str, turns: int) -> dict[str, float]:
        """Kill a pod that has so many running turns and watch them come back."""
        env = self._environment(store)
        with Pods(self.processes) as pods:
            victim = pods.start(f"{store}-victim", self.ports[0], env)
            self._fill(self.ports[0], turns)
            if store != "sqlite":
                heir = pods.start(f"{store}-heir", self.ports[1], env)
            # A pod that has just begun waits for a lease before it declares another dead.
            time.sleep(self.options.settle)
            requests, engines = self.model.stats()["requests"], self.engines.cpu_seconds()
            had = 0.0 if store == "sqlite" else self._cpu(heir.pid)
            killed = time.monotonic()
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait()
            if store == "sqlite":
                heir = pods.start(f"{store}-heir", self.ports[1], env)
            # The first may be asked for again before the last one's connection is seen to be gone.
            first = self.model.wait(1, requests)
            every = self.model.wait(turns, requests)
            had, engines = self._cpu(heir.pid) - had, self.engines.cpu_seconds() - engines
            self._see_all(turns)
        self.model.wait_for_none()
        return {"first_s": first - killed, "all_s": every - killed, "cpu_s": had, "engine_s": engines}

    def _environment(self, store: str) -> dict[str, str]:
        self._count += 1
        directory = self.work / f"{self._count}-{store}"
        directory.mkdir()
        most = max(self.options.turns)
        env = machine.pod_environment(self.model.port, most, **UNENDING)
        return env | database(directory, self.engines, STORES[store])

    def _fill(self, port: int, turns: int) -> None:
        requests = self.model.stats()["requests"]
        asyncio.run(submit(port, turns))
        self.model.wait(turns, requests)

    def _see_all(self, turns: int) -> None:
        live = self.model.stats()["live"]
        if live != turns:
            raise SystemExit(f"{live} turns run, not {turns}: what was measured is something else.")

    def _cpu(self, pid: int) -> float:
        return machine.cpu_seconds(machine.tree(pid))[0]

    def _readings(self, store: str, pid: int) -> dict[str, float]:
        found = {"wall": time.monotonic(), "cpu": self._cpu(pid)}
        if STORES[store]:
            found["engine"] = self.engines.cpu_seconds()
            found |= self.engines.counters()
        return found


async def submit(port: int, turns: int) -> None:
    """Submit turns, each in a session of its own user, some at a time."""
    numbers = iter(range(turns))
    run = f"{os.getpid()}-{time.monotonic_ns()}"

    async def one_after_the_other(client: aiohttp.ClientSession) -> None:
        for number in numbers:
            session, headers = f"steady-{run}-{number}", {"X-User-ID": f"steady-{number}"}
            await _post(client, "/api/sessions", {"id": session}, headers)
            message = {"text": "Think about it.", "model": MODEL}
            await _post(client, f"/api/sessions/{session}/messages", message, headers)

    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(AT_ONCE):
            group.create_task(one_after_the_other(client))


async def _post(client: aiohttp.ClientSession, path: str, body: Any, headers: Mapping[str, str]) -> None:
    async with client.post(path, json=body, headers=headers) as response:
        if response.status >= 300:
            raise SystemExit(f"POST {path}: {response.status} {await response.text()}")


def medians(runs: list[dict[str, float]]) -> dict[str, float | None]:
    """Return the median of each figure."""
    return {name: machine.median([run[name] for run in runs]) for name in runs[0]}


def steady_table(done: dict[str, list[dict[str, float]]]) -> str:
    """Return the steady cost for people: all of it a second."""
    lines = [["steady", "turns", "pod ms/s", "(runs)", "engine ms/s", *(f"{name}/s" for name in COUNTERS)]]
    for key, runs in done.items():
        told = medians(runs)
        each = " ".join(_ms(run["cpu"]) for run in runs)
        counters = [machine.figure(told.get(name), 1) for name in COUNTERS]
        lines.append([*key.split(), _ms(told["cpu"]), each, _ms(told.get("engine")), *counters])
    return machine.columns(lines)


def takeover_table(done: dict[str, list[dict[str, float]]]) -> str:
    """Return the cost of takeovers for people.

    A turn's is the difference to the fewest turns; what is left of those then is what a takeover costs as
    such, the start of the process included where there is one.
    """
    lines = [
        [
            "takeover",
            "turns",
            "first s",
            "all s",
            "pod CPU s",
            "engine CPU s",
            "pod us/turn",
            "engine us/turn",
        ]
    ]
    for key, runs in done.items():
        told, (store, turns) = medians(runs), key.split()
        fewest = min(
            (other for other in done if other.startswith(f"{store} ")), key=lambda it: int(it.split()[1])
        )
        more = int(turns) - int(fewest.split()[1])
        base = medians(done[fewest])
        costs = [
            machine.figure(1e6 * ((told[name] or 0) - (base[name] or 0)) / more, 0) if more else "-"
            for name in ("cpu_s", "engine_s")
        ]
        figures = [machine.figure(told[name], 2) for name in ("first_s", "all_s", "cpu_s", "engine_s")]
        lines.append([store, turns, *figures, *costs])
    return machine.columns(lines)


def _ms(seconds: float | None) -> str:
    return machine.figure(None if seconds is None else 1000 * seconds, 1)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--turns", type=int, nargs="+", default=[10, 5000])
    parser.add_argument("--stores", nargs="+", choices=list(STORES), default=["postgres", "sqlite"])
    parser.add_argument("--only", choices=["steady", "takeover"], help="measure one of the two")
    parser.add_argument("--window", type=float, default=60, help="seconds that the steady cost is taken over")
    parser.add_argument(
        "--settle",
        type=float,
        default=15,
        help="seconds before, not measured; PostgreSQL tells of a transaction up to 10 s after it",
    )
    add_common_options(parser)
    return parser.parse_args()


def run(bench: Bench, options: argparse.Namespace) -> dict[str, dict[str, list[dict[str, float]]]]:
    """Measure everything, in rounds; interrupted, return what there is."""
    done: dict[str, dict[str, list[dict[str, float]]]] = {}
    parts = {"steady": bench.steady, "takeover": bench.takeover}
    try:
        for number in range(options.rounds):
            for part, measure in parts.items():
                if options.only not in (None, part):
                    continue
                for store in options.stores:
                    for turns in options.turns:
                        key = f"{store} {turns}"
                        print(f"round {number + 1}/{options.rounds}: {part} {key}", file=sys.stderr)
                        done.setdefault(part, {}).setdefault(key, []).append(measure(store, turns))
    except KeyboardInterrupt:
        print("interrupted: what was measured is told", file=sys.stderr)
    return done


def main() -> None:
    """Measure and tell."""
    options = arguments()
    machine.allow_many_files()
    os.sched_setaffinity(0, {machine.OTHER_CPU})
    about = machine.about() | {"filesystem": machine.filesystem(options.dir)}
    needed = {engine for store in options.stores for engine in STORES[store]}
    with (
        machine.directory_on_disk(options.dir) as work,
        machine.Processes(work) as processes,
        Engines(work, needed) as engines,
    ):
        done = run(Bench(options, work, processes, engines), options)
    for part, tell in (("steady", steady_table), ("takeover", takeover_table)):
        if part in done:
            print(tell(done[part]))
    write(options, about, **done)


if __name__ == "__main__":
    main()
