"""What every server has in common: a folder, ports, a program, a process."""

import contextlib
import fcntl
import json
import random
import re
import shutil
import signal
import socket
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from processes import POLL_S, Process, replace
from programs import Program, ServiceError, Source, Unavailable, parts, version_of

HOST = "127.0.0.1"
# Below the range that outgoing connections draw from: else a client that calls a server while it is down can
# be given the server's own port, and the server cannot come back to it.
PORTS = range(20000, 30000)
READY_S = 60
STOP_S = 60
RETRY_S = 0.2


@contextlib.contextmanager
def alone(folder: Path, purpose: str = "lock") -> Iterator[None]:
    """Keep other processes from a folder meanwhile, as far as they come for the same purpose."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / purpose).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Service(ABC):
    """One server. Its folder holds ``state.json`` (ports, program, process), ``log`` and ``data``."""

    name: str  # on the command line
    title: str  # to a person
    variable: str  # in the environment
    minimum: str  # version
    port_names: tuple[str, ...] = ("port",)
    stop_signal = signal.SIGTERM
    user: str | None = None  # who it runs as, if not who we are
    # A pattern in the log of a failed start: what a killed one left still goes away, so try again.
    passing: str | None = None

    def __init__(self, folder: Path, tools: Path, *, install: bool = True) -> None:
        self.folder = folder / self.name
        self.tools = tools
        self.install = install
        self.log = self.folder / "log"

    @abstractmethod
    def places(self) -> Iterator[Path]:
        """Yield where the program may already be."""

    @abstractmethod
    def sources(self) -> list[Source]:
        """Return the ways to get it, the best first."""

    @abstractmethod
    def prepare(self, program: Program) -> None:
        """Make the data folder, unless it is there."""

    @abstractmethod
    def command(self, program: Program) -> list[str]:
        """Return the command line."""

    @abstractmethod
    def check(self) -> None:
        """Speak to it; an ``OSError`` or a ``ValueError`` means that it is not ready."""

    @abstractmethod
    def url(self) -> str:
        """Return its address, as a client wants it."""

    @property
    @abstractmethod
    def advice(self) -> str:
        """What a person can do if there is no program."""

    def complete(self) -> None:  # noqa: B027 -- most have nothing to do
        """Do what has to be there before anyone is told of it; called after each start."""

    @property
    def data(self) -> Path:
        """The folder of the server's own files."""
        return self.folder / "data"

    def state(self) -> dict[str, Any]:
        """Return what is remembered: nothing at first, and nothing if this is a copy of another's."""
        file = self.folder / "state.json"
        kept = json.loads(file.read_text()) if file.exists() else {}
        return kept if kept.get("folder") == str(self.folder.resolve()) else {}

    def remember(self, **more: Any) -> None:
        """Add to what is remembered."""
        kept = {**self.state(), "folder": str(self.folder.resolve()), **more}
        replace(self.folder / "state.json", json.dumps(kept, indent=1) + "\n")

    def port(self, name: str = "port") -> int:
        """Return a port, chosen before the first start."""
        return int(self.state()["ports"][name])

    def process(self) -> Process | None:
        """Return its process, if it runs."""
        kept = self.state().get("process")
        process = Process(**kept) if kept else None
        return process if process and process.alive() else None

    def program(self) -> Program | None:
        """Return the program of the last start."""
        kept = self.state().get("program")
        return Program(**kept) if kept else None

    def accept(self, path: Path, source: str) -> Program | None:
        """Return the program at a path, if it runs and is new enough."""
        version = version_of(path, self.user)
        if version is None or parts(version) < parts(self.minimum):
            return None
        return Program(str(path), version, source)

    def find(self) -> Program:
        """Return the program of the last start, else one of this machine, else ask each source."""
        last = self.program()
        found = (last and self.accept(Path(last.path), last.source)) or self._look()
        if found:
            return found
        reasons = []
        # A lock of its own: the tools may lie in the very folder that is locked already, that of the servers.
        with alone(self.tools, "install-lock"):
            for source in self.sources() if self.install else ():
                sys.stderr.write(f"== {self.title} is not here: trying {source.words}\n")
                try:
                    # Another may have got it while we waited.
                    found = self._look() or self.accept(source.get(), source.words)
                except (Unavailable, OSError) as failure:
                    reasons.append(f"{source.words}: {failure}")
                    continue
                if found:
                    return found
                reasons.append(f"{source.words}: too old, or does not run here")
        tried = f" (tried {'; '.join(reasons)})" if reasons else ""
        raise ServiceError(f"{self.title} {self.minimum} or newer is missing: {self.advice}{tried}")

    def _look(self) -> Program | None:
        for path in self.places():
            found = self.accept(path, f"found in {path.parent}")
            if found:
                return found
        return None

    def start(self) -> None:
        """Start it if it does not run, and return once it answers."""
        if self.process() is None:
            if (self.folder / "state.json").exists() and not self.state():
                # Its files may be those of servers that run elsewhere, copied in the middle of a write.
                raise ServiceError(
                    f"{self.folder} is a copy of another place's: delete it (rm -r {self.folder})"
                )
            self.folder.mkdir(parents=True, exist_ok=True)
            program = self.find()
            self.remember(program=asdict(program))
            if "ports" not in self.state():
                self.remember(ports=dict(zip(self.port_names, free_ports(len(self.port_names)), strict=True)))
            self.prepare(program)
            self._launch(program)
        elif not self._answers(time.monotonic() + READY_S):
            raise ServiceError(
                f"{self.title} runs but does not answer: read the end of {self.log}, or end it: "
                f"services.py kill {self.name}"
            )
        self.complete()

    def _launch(self, program: Program) -> None:
        deadline = time.monotonic() + READY_S
        while True:
            for port in map(self.port, self.port_names):
                if not is_free(port):
                    raise ServiceError(
                        f"{self.title} cannot start: port {port} is taken by another program. End that "
                        f"one, or delete {self.folder} so that a new one with other ports is made"
                    )
            before = self.log.stat().st_size if self.log.exists() else 0
            process = Process.launch(self.command(program), self.log, self.user)
            self.remember(process=asdict(process) if process else None)
            if process and self._answers(deadline):
                return
            said = self.log.read_bytes()[before:].decode(errors="replace")
            passing = self.passing and re.search(self.passing, said) and time.monotonic() < deadline
            if self.process() or not passing:
                raise ServiceError(f"{self.title} does not answer: read the end of {self.log}")
            time.sleep(RETRY_S)

    def _answers(self, deadline: float) -> bool:
        """Ask until it answers, has ended, or time is up."""
        while time.monotonic() < deadline:
            try:
                self.check()
            except (OSError, ValueError):
                time.sleep(POLL_S)
            else:
                return self.process() is not None
            if self.process() is None:
                return False
        return False

    def kill(self) -> None:
        """Kill it as a crash would (SIGKILL) and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end and wait until it is gone."""
        self._end(self.stop_signal)

    def _end(self, number: signal.Signals) -> None:
        process = self.process()
        if process and not process.end(number, STOP_S):
            raise ServiceError(
                f"{self.title} (process {process.pid}) does not end: services.py kill {self.name}, "
                f"or read the end of {self.log}"
            )
        if self.state():
            self.remember(process=None)

    def purge(self) -> None:
        """Delete everything that it has."""
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def line(self) -> str:
        """Return what a person wants to know of it."""
        program = self.program()
        if program is None or self.process() is None:
            return f"{self.title:<11}does not run"
        return f"{self.title:<11}{program.version:<8} {self.url()}  ({program.source})"


def is_free(port: int) -> bool:
    """Return whether a server could listen there."""
    with socket.socket() as probe:
        # As servers do: what is left of closed connections does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    free = (port for port in random.sample(PORTS, len(PORTS)) if is_free(port))
    return [port for port, _ in zip(free, range(count), strict=False)]
