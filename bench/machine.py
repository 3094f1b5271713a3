"""What the kernel knows of processes, and starting and ending them."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
FILES = 65_536
SERVER_CPU, OTHER_CPU = 0, 1
IN_MEMORY = ("tmpfs", "ramfs")


def tree(*roots: int) -> list[int]:
    """Return the processes and all that descend from them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    found, todo = [], list(roots)
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def cpu_seconds(pids: Sequence[int]) -> tuple[float, float]:
    """Return how long the processes have had a CPU so far, and how long they waited for one.

    By the scheduler's own account in nanoseconds. ``schedstat`` knows living threads only; ``stat`` also
    knows those that have ended, and the children that have ended and were waited for, in ticks.
    """
    had = waited = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            own, reaped = (sum(int(ticks) for ticks in _stat(pid)[i : i + 2]) * TICK_S for i in (11, 13))
            running = 0
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    ran, queued, _ = (thread / "schedstat").read_text().split()
                    running += int(ran)
                    waited += int(queued) / 1e9
            had += max(running / 1e9, own - 2 * TICK_S) + reaped
    return had, waited


def memory_kib(pids: Sequence[int]) -> tuple[int, int]:
    """Return resident and proportional set size, summed; the second counts shared pages once."""
    sums = {"Rss:": 0, "Pss:": 0}
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, size, *_ = line.split()
                if name in sums:
                    sums[name] += int(size)
    return sums["Rss:"], sums["Pss:"]


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` from the third (state) on."""
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def allow_many_files() -> None:
    """Raise the limit of open files as far as it goes, for this process and those it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def directory_on_disk(parent: Path) -> Iterator[Path]:
    """Make a temporary directory, removed at the end; refuse one in memory, where a sync costs nothing."""
    kind = filesystem(parent)
    if kind in IN_MEMORY:
        raise SystemExit(f"{parent} is in memory ({kind}). Name a directory on a disk with --dir.")
    path = Path(tempfile.mkdtemp(prefix="antiphon-bench-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def filesystem(path: Path) -> str:
    """Return the type of the file system that holds the path."""
    where = str(path.resolve())
    best, kind = "", "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, this, *_ = line.split()
        if len(point) >= len(best) and (where == point or where.startswith(point.rstrip("/") + "/")):
            best, kind = point, this
    return kind


class Processes:
    """Processes on given CPUs, all ended with the block, also when it is interrupted.

    Each begins a session of its own, so that Ctrl-C reaches this process only, which then ends them.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        signal.signal(signal.SIGTERM, _interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._started):
            self.end(process)

    def start(
        self,
        name: str,
        command: Sequence[object],
        *,
        cpu: int | str,
        env: Mapping[str, str] | None = None,
        out: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a command on a CPU, or on several (``"0,1"``).

        What it says goes to ``NAME.log`` in the log directory; with ``out`` its output goes there and its
        errors to this process's.
        """
        with (out or self._logs / f"{name}.log").open("wb" if out else "ab") as file:
            process = subprocess.Popen(
                ["taskset", "-c", str(cpu), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=None if out else file,
                cwd=self._logs,
                env=None if env is None else dict(env),
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes], patience: float = 8.0) -> None:
        """End a process and its descendants: first asked, then killed."""
        family = tree(process.pid) if process.poll() is None else []
        if family:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
        for pid in family:
            # A pid that was ended meanwhile is not reused within seconds.
            if pid != process.pid or process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        process.wait()
        if process in self._started:
            self._started.remove(process)

    def log(self, name: str) -> str:
        """Return the end of what a process said."""
        return (self._logs / f"{name}.log").read_text(errors="replace")[-2000:]


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature is given
    raise KeyboardInterrupt


def wait_until_answered(url: str, process: subprocess.Popen[bytes], *, within: float = 30.0) -> None:
    """Return once the URL is answered with success. Raises RuntimeError if that does not come."""
    deadline = time.monotonic() + within
    while True:
        try:
            with urllib.request.urlopen(url, timeout=within) as response:
                response.read()
                return
        except (urllib.error.URLError, ConnectionError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{url} was not answered: the server did not start.") from None
            time.sleep(0.002)


def server_environment(**settings: str) -> dict[str, str]:
    """Return an environment for a server: nothing of this process's but where programs are."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | settings


def median(values: Sequence[float | None]) -> float | None:
    """Return the median of those values that are there."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def pod_environment(model_port: int, most: int, **settings: str) -> dict[str, str]:
    """Return the environment of a pod that asks this model, with bounds above so many turns at once."""
    bounds = {
        "ANTIPHON_MAX_RUNNING_TURNS": str(max(2000, 2 * most)),
        "ANTIPHON_MAX_QUEUED_TURNS": str(max(1000, 2 * most)),
        "ANTIPHON_MAX_CONNECTIONS": str(max(10_000, 2 * most)),
    }
    return server_environment(
        OPENAI_API_KEY="sk-bench",
        OPENAI_BASE_URL=f"http://127.0.0.1:{model_port}/v1",
        ANTIPHON_RATE_LIMITS="off",
        **bounds | settings,
    )


def columns(lines: Sequence[Sequence[str]]) -> str:
    """Return a table as text."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def figure(value: float | None, digits: int | None = None) -> str:
    """Return a number for a table."""
    if value is None:
        return "-"
    return f"{value:g}" if digits is None else f"{value:.{digits}f}"


def about() -> dict[str, Any]:
    """Return on what and of what the measurement is."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    model = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "commit": git("rev-parse", "HEAD"),
        "changed": bool(git("status", "--porcelain", "--", "../src")),
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "cpu": model[0] if model else "unknown",
        "cpus": os.cpu_count(),
        "kernel": os.uname().release,
        "load_before": os.getloadavg()[0],
    }
