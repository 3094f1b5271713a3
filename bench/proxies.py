"""Compare a chat completion through Antiphon with nginx as a plain proxy and with LiteLLM.

All take OpenAI's chat completions and ask the same model. The server under test is alone on CPU 0, model and
load are on CPU 1. In each round every target gets a fresh server and the same load, one after the other; the
time that a target adds to the first token is taken against the model itself in the same round.

LiteLLM is no dependency: a virtual environment of its own is made for it, or given with --litellm. It runs as
its documentation tells for production, one worker, without a database, and gets no settings of this machine.
"""

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import machine
from engines import Engines
from measure import TARGETS, Bench, Target, add_load_options, write

LITELLM = "litellm[proxy]==1.106.2"
CONFIG = """
model_list:
  - model_name: {model}
    litellm_params: {{model: openai/{model}, api_base: "http://127.0.0.1:{port}/v1", api_key: sk-bench}}
"""
STARTS_S = 120.0
TARGETS |= {
    "chat": Target("Antiphon, chat completions", "proxy"),
    "litellm": Target("LiteLLM", "proxy"),
}
DEFAULT = ("direct", "nginx", "chat", "litellm")


class Proxies(Bench):
    """Bench with one more kind of server."""

    @contextlib.contextmanager
    def _pods(self, name: str, directory: Path, settings: Mapping[str, str]) -> Iterator[list[int]]:
        if name != "litellm":
            with super()._pods(name, directory, settings) as pids:
                yield pids
            return
        it, port = self.options, self.ports[0]
        config = directory / "config.yaml"
        model = f"mock-{it.tokens}-{it.delay}-0"
        config.write_text(CONFIG.format(model=model, port=self.model_port))
        environment = machine.server_environment(
            HOME=str(directory),
            LITELLM_LOCAL_MODEL_COST_MAP="True",
            LITELLM_LOG="ERROR",
            LITELLM_MODE="PRODUCTION",
            # The load's key, which it refuses as too weak anywhere but here: it listens on loopback only.
            LITELLM_MASTER_KEY="sk-1234",
            LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY="true",
        )
        command = [it.litellm / "bin" / "litellm", "--config", config, "--host", "127.0.0.1", "--port", port]
        process = self.processes.start(
            "litellm", [*command, "--telemetry", "False"], cpu=self.cpu, env=environment
        )
        try:
            machine.wait_until_answered(
                f"http://127.0.0.1:{port}/health/liveliness", process, within=STARTS_S
            )
            yield [process.pid]
        except RuntimeError as error:
            raise SystemExit(f"{error}\n{self.processes.log('litellm')}") from error
        finally:
            self.processes.end(process)


def summary(rounds: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return medians over rounds of what each target did at one level."""
    return {name: _summary(name, rounds) for name in rounds[0]}


def _summary(name: str, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    mine = [each[name] for each in rounds]
    windows = [window for run in mine for window in run["windows"]]
    whole = sum(window["whole"] for window in windows)
    replies = whole + sum(sum(window["faults"].values()) for window in windows)
    costs = [_cost(each, name) for each in rounds]
    ratios = [
        cost / plain
        for cost, plain in zip(costs, (_cost(each, "nginx") for each in rounds), strict=True)
        if cost and plain
    ]
    return {
        "success": round(whole / replies, 5) if replies else None,
        "tokens_s": machine.median([window["tokens_s"] for window in windows]),
        "us_token": machine.median(costs),
        "ratio_to_nginx": machine.median(ratios),
        "server_cpu": machine.median([window["server_cpu"] for window in windows]),
        "first_token_ms": [_first(mine, i) for i in range(3)],
        "added_first_token_ms": [_added(name, rounds, i) for i in range(3)],
        "rss_mib": machine.median([run["rss_kib"][1] / 1024 for run in mine]),
    }


def _cost(done: dict[str, Any], name: str) -> float | None:
    return machine.median([window["us_token"] for window in done[name]["windows"]]) if name in done else None


def _first(runs: list[dict[str, Any]], i: int) -> float | None:
    return machine.median([run["first_token_ms"][i] for run in runs if run["first_token_ms"]])


def _added(name: str, rounds: list[dict[str, Any]], i: int) -> float | None:
    told = [[each[n]["first_token_ms"] for n in (name, "direct")] for each in rounds if "direct" in each]
    return machine.median([mine[i] - direct[i] for mine, direct in told if mine and direct])


def table(streams: int, told: dict[str, dict[str, Any]]) -> str:
    """Return a level's summary for people."""
    heads = ["target", "whole", "tokens/s", "us/token", "x nginx", "added first token ms p50/p95/p99"]
    lines = [[f"{streams} streams: {heads[0]}", *heads[1:], "first token ms p50/p95/p99", "cpu", "MiB"]]
    for name, it in told.items():
        whole = "-" if it["success"] is None else f"{100 * it['success']:.2f} %"
        lines.append(
            [
                TARGETS[name].title,
                whole,
                _figure(it["tokens_s"]),
                _figure(it["us_token"], 1),
                _figure(it["ratio_to_nginx"], 2),
                " / ".join(_figure(value, 1) for value in it["added_first_token_ms"]),
                " / ".join(_figure(value, 1) for value in it["first_token_ms"]),
                _figure(it["server_cpu"], 2),
                _figure(it["rss_mib"]),
            ]
        )
    return machine.columns(lines)


def _figure(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def make_litellm(work: Path) -> Path:
    """Make LiteLLM's own environment and return it."""
    place = work / "litellm"
    print(f"installing {LITELLM} in {place}", file=sys.stderr)
    uv = Path(sys.executable).with_name("uv")
    for command in (["venv", place], ["pip", "install", "--python", place / "bin" / "python", LITELLM]):
        subprocess.run([uv, *command, "--quiet"], check=True)
    return place


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_load_options(parser)
    parser.add_argument("--levels", default="20,50,200", help="streams at once, one level after the other")
    parser.add_argument("--targets", default=",".join(DEFAULT), help=f"of {', '.join(DEFAULT)}")
    parser.add_argument("--litellm", type=Path, help="an environment that has it; made where not given")
    parser.add_argument("--litellm-most", type=int, default=20, help="the highest level for LiteLLM")
    options = parser.parse_args()
    options.targets = options.targets.split(",")
    options.levels = [int(level) for level in options.levels.split(",")]
    for name in options.targets:
        if name not in DEFAULT:
            parser.error(f"there is no target {name!r}")
    return options


def main() -> None:
    """Measure and tell."""
    options = arguments()
    machine.allow_many_files()
    about = machine.about() | {"litellm": LITELLM}
    levels: dict[int, list[dict[str, Any]]] = {}
    with (
        machine.directory_on_disk(options.dir) as work,
        machine.Processes(work) as processes,
        Engines(work, ()) as engines,
    ):
        if "litellm" in options.targets and options.litellm is None:
            options.litellm = make_litellm(work)
        for level in options.levels:
            options.streams = level
            place = work / str(level)
            place.mkdir()
            bench = Proxies(options, place, processes, engines)
            rounds = levels[level] = []
            for number in range(options.rounds):
                done: dict[str, Any] = {}
                for name in options.targets:
                    if name == "litellm" and level > options.litellm_most:
                        continue
                    title = TARGETS[name].title
                    print(f"{level} streams, round {number + 1}: {title}", file=sys.stderr)
                    done[name] = bench.measure(name)
                rounds.append(done)
            print(table(level, summary(rounds)), flush=True)
            processes.end(bench.model)
    told = {str(level): summary(rounds) for level, rounds in levels.items()}
    write(options, about, summary=told, rounds={str(level): rounds for level, rounds in levels.items()})


if __name__ == "__main__":
    main()
