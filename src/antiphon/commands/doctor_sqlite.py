"""``antiphon doctor`` on an SQLite file and the disk it is on."""

import contextlib
import fcntl
import os
import shutil
import sqlite3
from pathlib import Path

from antiphon.commands.findings import Finding, Findings, Level, schema, size, user
from antiphon.config import Settings

LITTLE_DISK = 1 << 30
NO_DISK = 64 << 20
PROBE_S = 2.0


def database(settings: Settings) -> Findings:
    """Examine the file."""
    path = settings.sqlite_path
    try:
        if not path.exists():
            yield from _new_database(path)
            return
        if not path.is_file():
            yield Finding("database", "problem", f"{path} is no file", "Set DATABASE_URL to a file's path.")
            return
        taken = sum(p.stat().st_size for p in (path, _beside(path, "-wal")) if p.exists())
        yield from _read(path, f"{path} ({size(taken)})")
        if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
            advice = f"Give {user()} the right to write there."
            yield Finding("database", "problem", f"{path} or its directory cannot be written", advice)
        if in_use(path):
            yield Finding("database", "ok", "in use by a running antiphon")
        else:
            yield Finding("database", "ok", "not in use: no antiphon runs on it")
    except OSError as error:
        yield Finding(
            "database", "problem", f"{path} cannot be used ({error.strerror})", "Set DATABASE_URL to another."
        )


def _new_database(path: Path) -> Findings:
    parent = _existing(path.parent)
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        advice = f"Give {user()} the right to write there, or set DATABASE_URL."
        yield Finding("database", "problem", f"{path} cannot be made: no writing in {parent}", advice)
    else:
        yield Finding("database", "ok", f"{path} is not there yet; the first start makes it")


def _read(path: Path, where: str) -> Findings:
    try:
        with contextlib.closing(_open(path)) as database:
            known = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            row = database.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
            tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.Error as error:
        advice = "Restore a copy of it, or set DATABASE_URL to another file."
        yield Finding("database", "problem", f"{where} cannot be read ({error})", advice)
        return
    yield schema(where, str(row[0]) if row else None, tables)


def _open(path: Path) -> sqlite3.Connection:
    """Open for reading only: nothing is created and nothing is locked."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PROBE_S)


def in_use(path: Path) -> bool:
    """Whether a server holds its lock. It is tried for an instant, and given back."""
    with contextlib.suppress(FileNotFoundError), _beside(path, ".lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def is_used(settings: Settings) -> bool:
    """Whether an antiphon runs on the file, as far as can be told."""
    try:
        return settings.sqlite_path.is_file() and in_use(settings.sqlite_path)
    except OSError:
        return False


def disk(settings: Settings) -> Findings:
    """Examine the room for it."""
    place = _existing(settings.sqlite_path.parent)
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        yield Finding("disk", "warning", f"free space of {place} cannot be told ({error.strerror})")
        return
    if free >= LITTLE_DISK:
        yield Finding("disk", "ok", f"{size(free)} free where the database is")
    else:
        level: Level = "problem" if free < NO_DISK else "warning"
        advice = "Make room, or set DATABASE_URL to another disk: without space nothing can be answered."
        yield Finding("disk", level, f"only {size(free)} free where the database is", advice)


def _existing(path: Path) -> Path:
    """Return the path, or the nearest directory above it that is there."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
