"""What can be measured, and one measurement: fresh servers on their CPU, the load, its figures."""

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import machine
from engines import Engines

HERE = Path(__file__).parent
SERVE = (sys.executable, "-m", "antiphon", "serve")
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
    """Something to be measured: ``roles`` are those of its pods, the first of which the load talks to."""

    title: str
    api: str = "native"
    log: str = "auto"
    engines: tuple[str, ...] = ()
    roles: tuple[str, ...] = ("all",)


FAR = ("api", "worker")
TARGETS = {
    "direct": Target("the model itself", "proxy"),
    "nginx": Target("nginx, plain proxy", "proxy"),
    "sqlite": Target("Antiphon, durable on SQLite"),
    "memory": Target("Antiphon, log in memory", log="memory"),
    "postgres": Target("PostgreSQL", engines=("postgres",)),
    "redis": Target("PostgreSQL + Redis", engines=("postgres", "redis")),
    "nats": Target("PostgreSQL + NATS", engines=("postgres", "nats")),
    "far-postgres": Target("PostgreSQL, readers elsewhere", engines=("postgres",), roles=FAR),
    "far-redis": Target("PostgreSQL + Redis, readers elsewhere", engines=("postgres", "redis"), roles=FAR),
    "far-nats": Target("PostgreSQL + NATS, readers elsewhere", engines=("postgres", "nats"), roles=FAR),
}


class Pods:
    """Antiphon's processes, each answering on a port of its own; those still there end with the block."""

    def __init__(self, processes: machine.Processes, cpu: int | str = machine.SERVER_CPU) -> None:
        self._processes = processes
        self._cpu = cpu
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            self._processes.end(process)

    def start(self, name: str, port: int, env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start a pod; return once it answers."""
        env = {**env, "PORT": str(port)}
        process = self._processes.start(name, SERVE, cpu=self._cpu, env=env)
        self._started.append(process)
        try:
            machine.wait_until_answered(f"http://127.0.0.1:{port}/health", process)
        except RuntimeError as error:
            raise SystemExit(f"{error}\n{self._processes.log(name)}") from error
        return process


class Bench:
    """One run: the model, and servers one after the other.

    ``options`` has the load's: streams, tokens, delay, windows, window, settle, session_replies.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        work: Path,
        processes: machine.Processes,
        engines: Engines,
        cpu: int | str = machine.SERVER_CPU,
    ) -> None:
        self.options = options
        self.work = work
        self.processes = processes
        self.engines = engines
        self.cpu = cpu
        # Pods of one target do not share a port; where there is one pod it has the first.
        self.model_port, *self.ports = machine.free_ports(1 + len(FAR))
        model = [sys.executable, HERE / "model.py", "--port", self.model_port]
        self.model = processes.start("model", model, cpu=machine.OTHER_CPU)
        machine.wait_until_answered(f"http://127.0.0.1:{self.model_port}/v1/models", self.model)
        self._count = 0

    def measure(self, name: str, processes: int = 1, **settings: str) -> dict[str, Any]:
        """Load one target with a fresh server. Raises SystemExit if it has not so many processes a pod."""
        with self._server(name, settings) as (pids, port):
            if len(machine.tree(*pids)) < processes * len(pids):
                raise SystemExit(f"{settings} did not make {processes} processes: is that built yet?")
            return self._load(TARGETS[name], pids, port)

    @contextlib.contextmanager
    def _server(self, name: str, settings: Mapping[str, str]) -> Iterator[tuple[list[int], int]]:
        if name == "direct":
            yield [self.model.pid], self.model_port
            return
        self._count += 1
        directory = self.work / f"{self._count}-{name}"
        directory.mkdir()
        try:
            with self._nginx(directory) if name == "nginx" else self._pods(name, directory, settings) as pids:
                yield pids, self.ports[0]
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @contextlib.contextmanager
    def _nginx(self, directory: Path) -> Iterator[list[int]]:
        streams, port = self.options.streams, self.ports[0]
        text = NGINX.format(
            port=port, model=self.model_port, connections=3 * streams + 1000, files=4 * streams + 1000
        )
        (directory / "nginx.conf").write_text(text)
        command = ["nginx", "-p", directory, "-e", "stderr", "-c", directory / "nginx.conf"]
        process = self.processes.start("nginx", command, cpu=self.cpu)
        try:
            machine.wait_until_answered(f"http://127.0.0.1:{port}/health", process)
            yield [process.pid]
        except RuntimeError as error:
            raise SystemExit(f"{error}\n{self.processes.log('nginx')}") from error
        finally:
            self.processes.end(process)

    @contextlib.contextmanager
    def _pods(self, name: str, directory: Path, settings: Mapping[str, str]) -> Iterator[list[int]]:
        target = TARGETS[name]
        env = machine.pod_environment(
            self.model_port, self.options.streams, ANTIPHON_CHUNK_LOG=target.log, **settings
        )
        env |= database(directory, self.engines, target.engines)
        with Pods(self.processes, self.cpu) as pods:
            yield [
                pods.start(f"{name}-{role}", port, env | {"ANTIPHON_ROLE": role}).pid
                for role, port in zip(target.roles, self.ports, strict=False)
            ]

    def _load(self, target: Target, pids: list[int], port: int) -> dict[str, Any]:
        it = self.options
        command = [sys.executable, HERE / "load.py", target.api, "--port", port]
        for pid in pids:
            command += ["--pid", pid]
        for name, pid in self.engines.of(target.engines).items():
            command += ["--engine", f"{name}={pid}"]
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


def database(directory: Path, engines: Engines, names: Iterable[str]) -> dict[str, str]:
    """Return the addresses of new databases, as settings: on the engines named, or a file."""
    return engines.fresh(names) or {"DATABASE_URL": f"sqlite:///{directory}/antiphon.db"}


def add_load_options(parser: argparse.ArgumentParser) -> None:
    """Add what all programs that load a server can be told."""
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=100, help="tokens a reply")
    parser.add_argument("--delay", type=int, default=50, help="ms between two tokens of a stream")
    parser.add_argument("--windows", type=int, default=3, help="windows a target and round")
    parser.add_argument("--window", type=float, default=4, help="seconds a window")
    parser.add_argument("--settle", type=float, default=2, help="seconds after the ramp, not measured")
    parser.add_argument("--session-replies", type=int, default=10, help="replies before a new session")
    add_common_options(parser)


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add what all programs that start servers can be told."""
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp"), help="for databases; must be a disk")
    parser.add_argument("--out", type=Path, help="where to write everything as JSON")


def write(options: argparse.Namespace, about: Mapping[str, Any], **told: Any) -> None:
    """Write everything as JSON, if that was asked for."""
    if options.out:
        settings = {key: str(it) if isinstance(it, Path) else it for key, it in vars(options).items()}
        everything = {"about": about, "options": settings, **told}
        options.out.write_text(json.dumps(everything, indent=1) + "\n")
