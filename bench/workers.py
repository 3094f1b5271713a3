"""What a second process brings: one port, ``ANTIPHON_WORKERS`` 1 and 2, in rounds 1 2 1 2 ….

cost      the same load, below what one core bears, on all that serves alone on CPU 0: CPU time a token
capacity  more load than one core bears, the server and its database allowed on both CPUs: tokens a second

Model and load stay on CPU 1, which the second process has to share with them. So on two CPUs the gain has a
ceiling below 2, told beside it: what both CPUs could bear, if each token cost what it cost in these windows
and no CPU were ever idle.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import machine
from engines import Engines
from measure import TARGETS, Bench, add_load_options, write

BOTH = f"{machine.SERVER_CPU},{machine.OTHER_CPU}"
CPUS = ("server_cpu", "server_waited", "client_cpu", "model_cpu", "engines_cpu")
WHOLE = 0.999


def run(options: argparse.Namespace, work: Path, engines: Engines, processes: machine.Processes) -> Any:
    """Measure everything; interrupted, return the whole rounds."""
    rounds: list[dict[str, Any]] = []
    bench = Bench(options, work, processes, engines)
    loads = [("cost", options.cost_streams), *(("capacity", int(n)) for n in options.streams.split(","))]
    options.streams = 0
    try:
        for number in range(options.rounds):
            done: dict[str, Any] = {}
            for target in options.targets.split(","):
                for kind, streams in loads:
                    for workers in options.workers:
                        key = f"{target} {kind} {streams} {workers}"
                        print(f"round {number + 1}/{options.rounds}: {key}", file=sys.stderr)
                        done[key] = _measure(bench, target, kind, streams, workers)
            rounds.append(done)
    except KeyboardInterrupt:
        print("interrupted: whole rounds are told", file=sys.stderr)
    return rounds


def _measure(bench: Bench, target: str, kind: str, streams: int, workers: int) -> dict[str, Any]:
    bench.options.streams = streams
    bench.cpu = BOTH if kind == "capacity" else machine.SERVER_CPU
    bench.engines.pin(BOTH if kind == "capacity" else machine.OTHER_CPU)
    # With one there is a single process; with several there is one more, which looks after them.
    settings = {"ANTIPHON_WORKERS": str(workers)} if workers > 1 else {}
    return bench.measure(target, processes=workers + (workers > 1), **settings)


def summary(rounds: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return medians of each setting."""
    return {key: _summary([each[key]["windows"] for each in rounds]) for key in rounds[0]}


def _summary(rounds: list[list[dict[str, Any]]]) -> dict[str, Any]:
    windows = [window for each in rounds for window in each]
    told: dict[str, Any] = {
        key: machine.median([window[key] for window in windows]) for key in ("tokens_s", "us_token", *CPUS)
    }
    whole = sum(window["whole"] for window in windows)
    ended = whole + sum(sum(window["faults"].values()) for window in windows)
    everything = sum(told[key] for key in CPUS if key != "server_waited")
    told["success"] = whole / ended if ended else None
    told["engine_us_token"] = 1e6 * told["engines_cpu"] / told["tokens_s"] if told["tokens_s"] else None
    told["used"] = everything
    told["ceiling"] = 2 * told["tokens_s"] / everything if everything else None
    return told


def gains(told: dict[str, dict[str, Any]], options: argparse.Namespace) -> list[str]:
    """Say what the further workers bring: of the loads that were borne whole, the highest rate counts."""
    lines = []
    for target in options.targets.split(","):
        rates = {}
        for workers in options.workers:
            rates[workers] = max(
                (
                    (it["tokens_s"], it["ceiling"])
                    for key, it in told.items()
                    if key.startswith(f"{target} capacity ")
                    and key.endswith(f" {workers}")
                    and (it["success"] or 0) >= WHOLE
                ),
                default=None,
            )
        base = rates[options.workers[0]]
        for workers, best in rates.items():
            if base is None or best is None:
                lines.append(f"{target}: no load was borne whole with {workers} worker(s)")
            else:
                lines.append(
                    f"{target}: {workers} worker(s) {best[0]:.0f} tokens/s, {best[0] / base[0]:.2f} x; "
                    f"two CPUs bear at most {best[1]:.0f} at this cost"
                )
    return lines


def table(told: dict[str, dict[str, Any]]) -> str:
    """Return the summary for people."""
    heads = ["target", "load", "streams", "workers", "whole", "tokens/s", "us/token"]
    lines = [[*heads, "engine us/token", "cpu srv/wait/cli/model/engine", "CPUs used"]]
    for key, it in told.items():
        target, *rest = key.split()
        whole = "-" if it["success"] is None else f"{100 * it['success']:.2f} %"
        cpus = "/".join(machine.figure(it[cpu], 2) for cpu in CPUS)
        rate, cost = machine.figure(it["tokens_s"], 0), machine.figure(it["us_token"], 1)
        engines = machine.figure(it["engine_us_token"] or None, 1)
        lines.append([TARGETS[target].title, *rest, whole, rate, cost, engines, cpus, f"{it['used']:.2f}"])
    return machine.columns(lines)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_load_options(parser)
    parser.add_argument("--streams", default="2000,3000", help="of the loads above one core; the best counts")
    parser.add_argument("--cost-streams", type=int, default=500, help="streams of the load below one core")
    parser.add_argument("--targets", default="sqlite,postgres")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="the first is compared with")
    return parser.parse_args()


def main() -> None:
    """Measure and tell."""
    options = arguments()
    machine.allow_many_files()
    about = machine.about() | {"filesystem": machine.filesystem(options.dir)}
    needed = {engine for name in options.targets.split(",") for engine in TARGETS[name].engines}
    asked = vars(options).copy()
    with (
        machine.directory_on_disk(options.dir) as work,
        machine.Processes(work) as processes,
        Engines(work, needed) as engines,
    ):
        rounds = run(options, work, engines, processes)
    if not rounds:
        raise SystemExit(1)
    told = summary(rounds)
    print(table(told), *gains(told, options), sep="\n")
    write(argparse.Namespace(**asked), about, summary=told, rounds=rounds)


if __name__ == "__main__":
    main()
