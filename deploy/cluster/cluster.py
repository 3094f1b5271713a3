"""Pods behind nginx, on real servers, all of them processes on this machine.

``up`` starts what does not run and stays until Ctrl-C, which drains the pods and stops nginx; with
``--detach`` it returns once all answer, and ``down`` ends it. The database and the brokers
(``deploy/services``) stay. Pods take settings and keys from the environment of whoever starts them. All is
kept in ``.cluster`` under ``--folder`` (the checkout, if not given). Python code can do the same with
``Cluster``.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "services"))

from members import CHECKOUT, Member, Model, Nginx, Pod
from processes import Process, replace
from programs import ServiceError
from service import alone, free_ports, is_free
from services import Services

PODS = 3
PORT = 8080
ENGINES = {"postgres": "DATABASE_URL", "redis": "REDIS_URL", "nats": "NATS_URL"}
# nginx leaves a pod alone for 3 s that refused connections while it restarted (pods.conf).
SETTLE_S = 3.5
TEST_PROVIDER = """
[providers.test]
base_url = "{url}/v1"
continuation = true

[bots.scripted]
model = "test/test-100-50-0"
title = "Test model"
"""


class Cluster:
    """The cluster of a folder. Each method returns once it is done; a ``ServiceError`` says what to do."""

    def __init__(self, folder: Path = CHECKOUT, *, install: bool = True) -> None:
        self.folder = folder.resolve() / ".cluster"
        self._install = install
        self._services = Services(folder, install=install)
        self._file = self.folder / "state.json"

    # What is remembered

    def _state(self) -> dict[str, Any]:
        kept: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}
        # A copy of another place's must not touch the processes of its original.
        return kept if kept.get("folder") == str(self.folder) else {}

    def _remember(self, **more: Any) -> None:
        kept = {**self._state(), "folder": str(self.folder), **more}
        replace(self._file, json.dumps(kept, indent=1) + "\n")

    def _remember_processes(self, *members: Member) -> None:
        known = self._state().get("processes", {})
        known |= {each.name: asdict(each.process) if each.process else None for each in members}
        self._remember(processes=known)

    def _place(self, name: str) -> tuple[str, Path, int, Process | None]:
        state = self._state()
        kept = state.get("processes", {}).get(name)
        return name, self.folder, int(state["ports"][name]), Process(**kept) if kept else None

    # Members

    def pods(self) -> list[Pod]:
        """Return the pods, whether they run or not."""
        state = self._state()
        pods = [Pod(*self._place(f"pod-{n + 1}")) for n in range(state.get("pods", 0))]
        for pod in pods:
            pod.servers = self._servers(state["engines"])
            pod.config = self._config(test_model=state["test_model"])
        return pods

    def pod(self, number: int) -> Pod:
        """Return one of the pods; the first has number 1."""
        pods = self.pods()
        if not 1 <= number <= len(pods):
            raise ServiceError(f"there is no pod {number}: there are {len(pods)} (cluster.py up)")
        return pods[number - 1]

    def nginx(self) -> Nginx:
        """Return nginx."""
        state = self._state()
        if not state:
            raise ServiceError("there is no cluster here: cluster.py up")
        nginx = Nginx(*self._place("nginx"))
        nginx.program, nginx.limits = state["nginx"], state["limits"]
        nginx.pods = [pod.port for pod in self.pods()]
        return nginx

    def _members(self) -> list[Member]:
        """Return all, in the order in which they start."""
        state = self._state()
        model = [Model(*self._place("model"))] if state.get("test_model") else []
        return [*model, *self.pods(), self.nginx()] if state else []

    def _servers(self, engines: list[str]) -> dict[str, str]:
        """Return the addresses that pods get; those in our environment go before our own servers'."""
        own = {**self._services.addresses(), **os.environ}
        found = {}
        for engine in engines:
            address = own.get("POSTGRES_URL" if engine == "postgres" else ENGINES[engine])
            if address:
                found[ENGINES[engine]] = address
        return found

    def _config(self, *, test_model: bool) -> Path | None:
        """Return the file with bots and providers, written anew if there is a test model."""
        given = Path(os.environ.get("ANTIPHON_CONFIG_FILE", CHECKOUT / "antiphon.toml")).resolve()
        if not test_model:
            return given if given.exists() else None
        model = Model(*self._place("model"))
        text = given.read_text() if given.exists() else ""
        file = self.folder / "antiphon.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, text + TEST_PROVIDER.format(url=model.url))
        return file

    # What is done

    def up(
        self,
        *,
        pods: int = PODS,
        port: int | None = None,
        engines: tuple[str, ...] = tuple(ENGINES),
        test_model: bool = False,
        limits: bool = False,
    ) -> None:
        """Start what does not run. What runs goes on as it was started; ``down`` first to change it."""
        with alone(self.folder):
            missing = [
                e for e in engines if not os.environ.get("POSTGRES_URL" if e == "postgres" else ENGINES[e])
            ]
            if missing:
                self._services.up(missing)
            running = [each for each in self._members() if each.process]
            if not running:
                program = Nginx.find(install=self._install)
                self._remember(
                    pods=pods, engines=list(engines), test_model=test_model, limits=limits, nginx=program
                )
                self._remember(ports=self._ports(pods, port), processes={})
            members = self._members()
            self.pods()[0].migrate()
            fresh = [each for each in members if each.process is None]
            try:
                for member in fresh:
                    member.launch()
            finally:
                self._remember_processes(*fresh)
            for member in members:
                member.wait()

    def _ports(self, pods: int, wanted: int | None) -> dict[str, int]:
        """Return a port for each: the last one, if it is free."""
        names = ["model", *(f"pod-{n + 1}" for n in range(pods))]
        last = self._state().get("ports", {})
        kept = {name: port for name, port in last.items() if is_free(port)}
        new = iter(free_ports(len(names) + 1))
        found = {name: kept.get(name) or next(new) for name in names}
        if wanted and not is_free(wanted):
            raise ServiceError(f"port {wanted} is taken by another program: choose another (--port)")
        found["nginx"] = wanted or kept.get("nginx") or (PORT if is_free(PORT) else next(new))
        return found

    def down(self) -> None:
        """Drain the pods, then stop all; the servers stay."""
        with alone(self.folder):
            members = self._members()
            pods = [each for each in members if isinstance(each, Pod)]
            ending = [threading.Thread(target=pod.end) for pod in pods]
            for thread in ending:
                thread.start()
            for thread in ending:
                thread.join()
            for member in members:
                member.end()
            if members:
                self._remember_processes(*members)

    def kill(self, number: int) -> None:
        """Kill a pod as a crash would."""
        with alone(self.folder):
            pod = self.pod(number)
            pod.end(signal.SIGKILL)
            self._remember_processes(pod)

    def stop(self, number: int) -> None:
        """Drain a pod and end it."""
        with alone(self.folder):
            pod = self.pod(number)
            pod.end()
            self._remember_processes(pod)

    def start(self, number: int) -> None:
        """Start a pod, unless it runs."""
        with alone(self.folder):
            self._start(self.pod(number))

    def _start(self, pod: Pod) -> None:
        if pod.process is None:
            pod.launch()
            self._remember_processes(pod)
        pod.wait()

    def roll(self) -> None:
        """Restart one pod after the other, each once the one before it serves again."""
        with alone(self.folder):
            pods = self.pods()
            for n, pod in enumerate(pods):
                began = time.monotonic()
                went = pod.end()
                left = time.monotonic() - began
                self._start(pod)
                how = f"left in {left:.1f} s" if went else "did not leave and was killed"
                _say(f"{pod.name:<11}{how}, back after {time.monotonic() - began:.1f} s")
                if n + 1 < len(pods):
                    time.sleep(SETTLE_S)

    def lines(self) -> list[str]:
        """Return one line for each server and member."""
        return [*self._services.lines(), *(member.line() for member in self._members())]

    def watch(self) -> None:
        """Tell of members that end or come back, for ever."""
        before: dict[str, bool] = {}
        while True:
            now = {member.name: member.process is not None for member in self._members()}
            for name, runs in now.items():
                if before.get(name, runs) != runs:
                    _say(f"{name:<11}{'runs again' if runs else 'ended'}")
            before = now
            time.sleep(1)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _up(cluster: Cluster, wanted: argparse.Namespace) -> None:
    """Start everything; then, unless detached, stay and end it at a signal."""
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in ends:
        signal.signal(number, _interrupt)
    try:
        cluster.up(
            pods=wanted.pods,
            port=wanted.port,
            engines=tuple(wanted.engines.split(",")),
            test_model=wanted.test_model,
            limits=wanted.limits,
        )
        for line in cluster.lines():
            _say(line)
        _say(f"open {cluster.nginx().url}/")
        if wanted.detach:
            return
        _say("== running (stop with Ctrl-C)")
        cluster.watch()
    except KeyboardInterrupt:
        # The next one must not cut the draining short.
        for number in ends:
            signal.signal(number, signal.SIG_IGN)
        _say("== draining the pods; the servers stay")
        cluster.down()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=CHECKOUT, help="of the cluster (the checkout)")
    parser.add_argument("--no-install", action="store_true", help="use only the programs that are there")
    actions = parser.add_subparsers(dest="action", required=True)
    up = actions.add_parser("up", help="start everything")
    up.add_argument("--detach", action="store_true", help="return once all answer")
    up.add_argument("--pods", type=int, default=PODS)
    up.add_argument("--port", type=int, help="of nginx (8080 if it is free, later the same)")
    up.add_argument("--engines", default=",".join(ENGINES), help="postgres, and redis, nats or both")
    up.add_argument(
        "--test-model", action="store_true", help="with a scripted model, and a bot `scripted` on it"
    )
    up.add_argument("--limits", action="store_true", help="let nginx's limits hold for this machine too")
    actions.add_parser("down", help="drain and stop; the servers stay")
    actions.add_parser("status", help="tell what runs")
    actions.add_parser("roll", help="restart one pod after the other")
    for action in ("kill", "stop", "start"):
        one = actions.add_parser(action, help=f"{action} a pod{' with SIGKILL' * (action == 'kill')}")
        one.add_argument("number", type=int)
    wanted = parser.parse_args()
    engines = wanted.engines.split(",") if wanted.action == "up" else ["postgres"]
    if "postgres" not in engines or set(engines) - set(ENGINES):
        parser.error("--engines takes postgres, and redis, nats or both, separated by commas")
    return wanted


def main() -> int:
    """Do what the command line says."""
    wanted = arguments()
    cluster = Cluster(wanted.folder, install=not wanted.no_install)
    try:
        if wanted.action == "up":
            _up(cluster, wanted)
        elif wanted.action == "status":
            for line in cluster.lines():
                _say(line)
        elif wanted.action in {"kill", "stop", "start"}:
            getattr(cluster, wanted.action)(wanted.number)
        else:
            getattr(cluster, wanted.action)()
    except (ServiceError, OSError) as failure:
        sys.stderr.write(f"cluster: {failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
