"""Compare Antiphon with nginx as a plain proxy: server CPU a token, time to first token, memory.

The model and the load are on CPU 1, the server under test alone on CPU 0. In each round every target gets a
fresh server and the same load, one after the other; what is told is medians over rounds, and ratios taken
within a round, because the speed of a shared machine drifts.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import machine

HERE = Path(__file__).parent
NGINX = """
worker_processes 1; daemon off; pid nginx.pid; error_log stderr crit; worker_rlimit_nofile {files};
events {{ worker_connections {connections}; multi_accept on; }}
http {{
  access_log off; keepalive_requests 1000000;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  upstream model {{ server 127.0.0.1:{model}; keepalive 4096; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=8192;
    location = /health {{ return 200; }}
    location / {{
      proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 300s;
    }}
  }}
}}
"""


class Target(NamedTuple):
    """Something to be measured."""

    title: str
    api: str
    log: str | None = None


TARGETS = {
    "direct": Target("the model itself", "proxy"),
    "nginx": Target("nginx, plain proxy", "proxy"),
    "sqlite": Target("Antiphon, durable on SQLite", "native", "auto"),
    "memory": Target("Antiphon, log in memory", "native", "memory"),
}


class Bench:
    """One run: the model, and servers one after the other."""

    def __init__(self, options: argparse.Namespace, work: Path, processes: machine.Processes) -> None:
        self.options = options
        self.work = work
        self.processes = processes
        self.port, self.model_port = machine.free_ports(2)
        model = [sys.executable, HERE / "model.py", "--port", self.model_port]
        self.model = processes.start("model", model, cpu=machine.OTHER_CPU)
        machine.wait_until_answered(f"http://127.0.0.1:{self.model_port}/v1/models", self.model)
        self._count = 0

    def measure(self, name: str) -> dict[str, Any]:
        """Load one target with a fresh server."""
        with self._server(name) as (pid, port):
            return self._load(TARGETS[name].api, pid, port)

    @contextmanager
    def _server(self, name: str) -> Iterator[tuple[int, int]]:
        if name == "direct":
            yield self.model.pid, self.model_port
            return
        self._count += 1
        directory = self.work / f"{self._count}-{name}"
        directory.mkdir()
        process = self._nginx(directory) if name == "nginx" else self._antiphon(name, directory)
        try:
            machine.wait_until_answered(f"http://127.0.0.1:{self.port}/health", process)
            yield process.pid, self.port
        except RuntimeError as error:
            raise SystemExit(f"{error}\n{self.processes.log(name)}") from error
        finally:
            self.processes.end(process)
            shutil.rmtree(directory, ignore_errors=True)

    def _nginx(self, directory: Path) -> "subprocess.Popen[bytes]":
        streams = self.options.streams
        text = NGINX.format(
            port=self.port, model=self.model_port, connections=3 * streams + 1000, files=4 * streams + 1000
        )
        (directory / "nginx.conf").write_text(text)
        command = ["nginx", "-p", directory, "-e", "stderr", "-c", directory / "nginx.conf"]
        return self.processes.start("nginx", command, cpu=machine.SERVER_CPU)

    def _antiphon(self, name: str, directory: Path) -> "subprocess.Popen[bytes]":
        env = machine.server_environment(
            PORT=str(self.port),
            DATABASE_URL=f"sqlite:///{directory}/antiphon.db",
            OPENAI_API_KEY="sk-bench",
            OPENAI_BASE_URL=f"http://127.0.0.1:{self.model_port}/v1",
            ANTIPHON_RATE_LIMITS="off",
            ANTIPHON_CHUNK_LOG=TARGETS[name].log or "auto",
            ANTIPHON_MAX_RUNNING_TURNS=str(max(2000, 2 * self.options.streams)),
            ANTIPHON_MAX_CONNECTIONS=str(max(10_000, 2 * self.options.streams)),
        )
        command = [sys.executable, "-m", "antiphon", "serve"]
        return self.processes.start(name, command, cpu=machine.SERVER_CPU, env=env)

    def _load(self, api: str, pid: int, port: int) -> dict[str, Any]:
        it = self.options
        command = [sys.executable, HERE / "load.py", api, "--port", port, "--pid", pid]
        command += ["--model-pid", self.model.pid, "--streams", it.streams, "--tokens", it.tokens]
        command += ["--delay", it.delay, "--windows", it.windows, "--window", it.window]
        command += ["--ramp", max(2.0, it.tokens * it.delay / 1000), "--settle", it.settle]
        command += ["--session-replies", it.session_replies]
        result = self.work / "result.json"
        process = self.processes.start("load", command, cpu=machine.OTHER_CPU, out=result)
        try:
            code = process.wait()
        finally:
            self.processes.end(process)
        if code:
            raise SystemExit(f"The load client failed ({code}).")
        return json.loads(result.read_text())  # type: ignore[no-any-return]


def summary(rounds: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return medians of each target, and of the ratios within each round."""
    return {name: _summary(name, [each for each in rounds if name in each]) for name in rounds[0]}


def _summary(name: str, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    mine = [each[name] for each in rounds]
    whole = sum(window["whole"] for run in mine for window in run["windows"])
    faults = sum(sum(window["faults"].values()) for run in mine for window in run["windows"])
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
            "tokens_read",
        )
    }
    return {
        "success": round(whole / (whole + faults), 5) if whole + faults else None,
        "faults": faults,
        "warm_up_faults": warm_up_faults,
        **told,
        "us_token_windows": [window["us_token"] for run in mine for window in run["windows"]],
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
        "first token ms p50/p95/p99",
        "added p99",
        "late ms p50/p95/p99",
        "tok/read",
        "cpu srv/wait/cli/model",
        "KiB/stream",
    ]
    lines = [heads]
    for name, it in told.items():
        whole = "-" if it["success"] is None else f"{100 * it['success']:.2f} %"
        cpus = "/".join(
            f"{it[key]:.2f}" for key in ("server_cpu", "server_waited", "client_cpu", "model_cpu")
        )
        lines.append(
            [
                TARGETS[name].title,
                whole,
                f"{it['tokens_s']:.0f}",
                _text(it["us_token"]),
                _text(it["ratio_to_nginx"]),
                "/".join(map(_text, it["first_token_ms"])),
                _text(it["added_first_token_p99_ms"]),
                "/".join(map(_text, it["lateness_ms"])),
                _text(it["tokens_read"]),
                cpus,
                _text(it["kib_stream"]),
            ]
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    text = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )
    return text + (f"\noffered: {offered} tokens/s" if offered else "")


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--tokens", type=int, default=100, help="tokens a reply")
    parser.add_argument("--delay", type=int, default=50, help="ms between two tokens of a stream")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--windows", type=int, default=3, help="windows a target and round")
    parser.add_argument("--window", type=float, default=4, help="seconds a window")
    parser.add_argument("--settle", type=float, default=2, help="seconds after the ramp, not measured")
    parser.add_argument("--session-replies", type=int, default=10, help="replies before a new session")
    parser.add_argument("--targets", default=",".join(TARGETS), help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp"), help="for databases; must be a disk")
    parser.add_argument("--out", type=Path, help="where to write everything as JSON")
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
    rounds: list[dict[str, Any]] = []
    with machine.directory_on_disk(options.dir) as work, machine.Processes(work) as processes:
        bench = Bench(options, work, processes)
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
    if options.out:
        settings = {
            key: str(value) if isinstance(value, Path) else value for key, value in vars(options).items()
        }
        everything = {"about": about, "options": settings, "summary": told, "rounds": rounds}
        options.out.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
