"""Compare Antiphon with nginx as a plain proxy: server CPU a token, time to first token, memory.

The model and the load are on CPU 1, the server under test alone on CPU 0; the engines that it stands on are
on CPU 1, too. In each round every target gets a fresh server and the same load, one after the other; what is
told is medians over rounds, and ratios taken within a round, because the speed of a shared machine drifts.
"""

import argparse
import sys
from typing import Any

import machine
from engines import Engines
from measure import TARGETS, Bench, add_load_options, write

DEFAULT = ("direct", "nginx", "sqlite", "memory")


def summary(rounds: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return medians of each target, and of the ratios within each round."""
    return {name: _summary(name, [each for each in rounds if name in each]) for name in rounds[0]}


def _summary(name: str, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    mine = [each[name] for each in rounds]
    windows = [window for run in mine for window in run["windows"]]
    whole = sum(window["whole"] for window in windows)
    faults = sum(sum(window["faults"].values()) for window in windows)
    warm_up_faults = sum(sum(run["warm_up"]["faults"].values()) for run in mine)
    added = [
        each[name]["first_token_ms"][2] - each["direct"]["first_token_ms"][2]
        for each in rounds
        if each[name]["first_token_ms"] and "direct" in each and each["direct"]["first_token_ms"]
    ]
    ratios = [
        _median(each[name], "us_token") / _median(each["nginx"], "us_token")
        for each in rounds
        if "nginx" in each and _median(each[name], "us_token") and _median(each["nginx"], "us_token")
    ]
    told = {
        key: _rounded(machine.median([_median(run, key) for run in mine]))
        for key in (
            "us_token",
            "tokens_s",
            "server_cpu",
            "server_waited",
            "client_cpu",
            "model_cpu",
            "engines_cpu",
            "tokens_read",
        )
    }
    return {
        "success": round(whole / (whole + faults), 5) if whole + faults else None,
        "faults": faults,
        "warm_up_faults": warm_up_faults,
        **told,
        "engines_us_token": {
            engine: _rounded(machine.median([w["engines_us_token"].get(engine) for w in windows]))
            for engine in TARGETS[name].engines
        },
        "us_token_windows": [window["us_token"] for window in windows],
        "ratio_to_nginx": _rounded(machine.median(ratios)),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "added_first_token_p99_ms": _rounded(machine.median(added)),
        "first_token_ms": _percentiles(mine, "first_token_ms"),
        "lateness_ms": _percentiles(mine, "lateness_ms"),
        "kib_stream": _rounded(machine.median([run["kib_stream"] for run in mine])),
        "rss_mib": _rounded(machine.median([run["rss_kib"][1] / 1024 for run in mine])),
    }


def _median(run: dict[str, Any], key: str) -> float:
    return machine.median([window[key] for window in run["windows"]]) or 0.0


def _percentiles(runs: list[dict[str, Any]], key: str) -> list[float | None]:
    return [_rounded(machine.median([run[key][i] for run in runs if run[key]])) for i in range(3)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def table(told: dict[str, dict[str, Any]], offered: int | None) -> str:
    """Return the summary for people."""
    heads = [
        "target",
        "whole",
        "tokens/s",
        "us/token",
        "x nginx",
        "engine us/token",
        "first token ms p50/p95/p99",
        "added p99",
        "late ms p50/p95/p99",
        "tok/read",
        "cpu srv/wait/cli/model/engine",
        "KiB/stream",
    ]
    lines = [heads]
    for name, it in told.items():
        whole = "-" if it["success"] is None else f"{100 * it['success']:.2f} %"
        cpus = ("server_cpu", "server_waited", "client_cpu", "model_cpu", "engines_cpu")
        lines.append(
            [
                TARGETS[name].title,
                whole,
                f"{it['tokens_s']:.0f}",
                machine.figure(it["us_token"]),
                machine.figure(it["ratio_to_nginx"]),
                engine_cell(it["engines_us_token"]),
                "/".join(map(machine.figure, it["first_token_ms"])),
                machine.figure(it["added_first_token_p99_ms"]),
                "/".join(map(machine.figure, it["lateness_ms"])),
                machine.figure(it["tokens_read"]),
                "/".join(machine.figure(it[key], 2) for key in cpus),
                machine.figure(it["kib_stream"]),
            ]
        )
    return machine.columns(lines) + (f"\noffered: {offered} tokens/s" if offered else "")


def engine_cell(engines: dict[str, float | None]) -> str:
    """Return the sum, and of several also the parts."""
    known = [value or 0.0 for value in engines.values()]
    parts = "+".join(machine.figure(value, 1) for value in known)
    return "-" if not known else parts if len(known) == 1 else f"{sum(known):.1f} ({parts})"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_load_options(parser)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--targets", default=",".join(DEFAULT), help=f"of {', '.join(TARGETS)}")
    options = parser.parse_args()
    options.targets = options.targets.split(",")
    for name in options.targets:
        if name not in TARGETS:
            parser.error(f"there is no target {name!r}")
    return options


def main() -> None:
    """Measure and tell."""
    options = arguments()
    machine.allow_many_files()
    about = machine.about() | {"filesystem": machine.filesystem(options.dir)}
    needed = {engine for name in options.targets for engine in TARGETS[name].engines}
    rounds: list[dict[str, Any]] = []
    with (
        machine.directory_on_disk(options.dir) as work,
        machine.Processes(work) as processes,
        Engines(work, needed) as engines,
    ):
        bench = Bench(options, work, processes, engines)
        try:
            for number in range(options.rounds):
                done: dict[str, Any] = {}
                for name in options.targets:
                    print(f"round {number + 1}/{options.rounds}: {TARGETS[name].title}", file=sys.stderr)
                    done[name] = bench.measure(name)
                rounds.append(done)
        except KeyboardInterrupt:
            print("interrupted: whole rounds are told", file=sys.stderr)
    if not rounds:
        raise SystemExit(1)
    told = summary(rounds)
    print(table(told, round(options.streams * 1000 / options.delay) if options.delay else None))
    write(options, about, summary=told, rounds=rounds)


if __name__ == "__main__":
    main()
