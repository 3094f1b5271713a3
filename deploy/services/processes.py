"""Processes that outlive the program that started them, and are found again by it.

A number alone does not say which process it was given to: numbers come again. So a process is known by its
number and the time of its birth, and nothing is signalled unless both agree.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from programs import ServiceError, as_user, clean_environment

BOOT = Path("/proc/sys/kernel/random/boot_id")
POLL_S = 0.02
# One shell waits for the server, another goes away at once. So a killed server is buried, and not by us: the
# first process of a container often buries nobody, and PostgreSQL takes a zombie for a server that runs.
LAUNCH = '("$@" >&2 </dev/null & echo $!; exec >&-; wait) &'


def birth(pid: int) -> str | None:
    """Return when a living process was born, in words that no other process with its number shares."""
    if not BOOT.exists():
        asked = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return asked.stdout.strip() or None
    try:
        # The name, in parentheses, may itself hold spaces and parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # A zombie serves nobody.
    return None if fields[0] in "ZX" else f"{BOOT.read_text().strip()} {fields[19]}"


@dataclass(frozen=True)
class Process:
    """One process, told apart from a later one with the same number."""

    pid: int
    born: str

    @classmethod
    def launch(cls, command: list[str], log: Path, user: str | None = None) -> "Process | None":
        """Start a server in a session of its own, or return None if it ended at once."""
        with log.open("ab") as said:
            started = subprocess.run(
                ["/bin/sh", "-c", LAUNCH, "sh", *command],
                stdout=subprocess.PIPE,
                stderr=said,
                # Ours may be a folder that the other user cannot enter.
                cwd="/",
                env=clean_environment(),
                start_new_session=True,
                check=True,
                **as_user(user),
            )
        pid = int(started.stdout)
        born = birth(pid)
        return cls(pid, born) if born else None

    def alive(self) -> bool:
        """Return whether it still runs."""
        return birth(self.pid) == self.born

    def end(self, number: signal.Signals, seconds: float) -> bool:
        """Send a signal and wait until the process is gone; return whether it is."""
        deadline = time.monotonic() + seconds
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True


def system_user(name: str) -> str:
    """Make a user that owns one server's files, unless there is one; return its name."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        made = shutil.which("useradd") and subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", name],
            check=False,
        )
        if not made or made.returncode:
            raise ServiceError(
                f"a user {name} is needed, because the server refuses to run as root: "
                "make one, or run this as another user"
            ) from None
    return name


def replace(file: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one, never half."""
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    partial.write_text(text)
    partial.replace(file)
