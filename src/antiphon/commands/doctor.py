"""``antiphon doctor``: what is configured, what can be reached, what is wrong and what to do about it."""

import asyncio
import contextlib
import fcntl
import json
import os
import platform
import re
import resource
import shutil
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from antiphon import __version__, registry
from antiphon.config import Settings, SettingsError, variable
from antiphon.engine.catalogue import Catalogue
from antiphon.errors import ProviderError
from antiphon.from_settings import OLLAMA_PORT, catalogue
from antiphon.providers.presets import PRESETS
from antiphon.stores.sql.migrate import HEAD

OLDEST_PYTHON = (3, 11)
LITTLE_DISK = 1 << 30
NO_DISK = 64 << 20
SPARE_FILES = 100
"""Open files the server needs besides its connections: database, providers, standard streams."""
PROBE_S = 2.0
MODELS_SHOWN = 4

_MARKS = {"ok": "ok      ", "warning": "warning ", "problem": "PROBLEM "}
_SECRET_SETTING = re.compile(r"^(\w*(?:SECRET|KEY|TOKEN|PASSWORD)\w*=).*?(?=: )", re.MULTILINE | re.DOTALL)
_PASSWORD_IN_URL = re.compile(r"://[^/@\s]*@")


class Finding(msgspec.Struct, frozen=True):
    """One line of the report; ``advice`` says what to do about a warning or problem."""

    topic: str
    level: Literal["ok", "warning", "problem"]
    text: str
    advice: str = ""


Findings = Iterator[Finding]


def run(settings: Settings | None, *, faults: str = "", as_json: bool = False) -> int:
    """Examine and report; return 1 if there is a problem, else 0.

    Args:
        settings: what to examine; None if the settings are wrong.
        faults: what is wrong with the settings, one fault a line.
        as_json: report for machines.
    """
    findings = [*_program()]
    advice = "Correct it; `antiphon settings` tells what each may be."
    findings += [Finding("settings", "problem", fault, advice) for fault in _masked(faults).splitlines()]
    if settings is not None:
        for check in (_file, _database, _log, _port, _disk, _open_files):
            findings += check(settings)
        findings += asyncio.run(_bots_and_providers(settings))
    problem = any(finding.level == "problem" for finding in findings)
    if as_json:
        report = {"ok": not problem, "version": __version__, "findings": msgspec.to_builtins(findings)}
        sys.stdout.write(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("".join(_line(finding) for finding in findings))
    return 1 if problem else 0


def _line(finding: Finding) -> str:
    line = f"{_MARKS[finding.level]} {finding.topic:<10} {finding.text}\n"
    return line + (f"{'':20}→ {finding.advice}\n" if finding.advice else "")


def _masked(faults: str) -> str:
    """Return the faults without the secrets that a wrong setting may hold."""
    return _PASSWORD_IN_URL.sub("://…@", _SECRET_SETTING.sub(r"\1…", faults))


def _program() -> Findings:
    python = platform.python_version()
    if sys.version_info >= OLDEST_PYTHON:
        yield Finding("program", "ok", f"Antiphon {__version__} on Python {python}")
    else:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        yield Finding("program", "problem", f"Python {python} is too old", f"Use Python {wanted} or newer.")


def _file(settings: Settings) -> Findings:
    path = settings.config_file
    if path.exists():
        text = f"from the environment and {path} (bots there: {len(settings.bots)})"
        yield Finding("settings", "ok", text)
    else:
        yield Finding("settings", "ok", f"from the environment; {path} is not there, and need not be")


def _database(settings: Settings) -> Findings:
    path = settings.sqlite_path
    try:
        if not path.exists():
            yield from _new_database(path)
            return
        if not path.is_file():
            yield Finding("database", "problem", f"{path} is no file", "Set DATABASE_URL to a file's path.")
            return
        size = sum(p.stat().st_size for p in (path, _beside(path, "-wal")) if p.exists())
        yield from _schema(path, f"{path} ({_size(size)})")
        if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
            advice = f"Give {_user()} the right to write there."
            yield Finding("database", "problem", f"{path} or its directory cannot be written", advice)
        if _in_use(path):
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
        advice = f"Give {_user()} the right to write there, or set DATABASE_URL."
        yield Finding("database", "problem", f"{path} cannot be made: no writing in {parent}", advice)
    else:
        yield Finding("database", "ok", f"{path} is not there yet; the first start makes it")


def _schema(path: Path, where: str) -> Findings:
    try:
        with contextlib.closing(_open(path)) as database:
            known = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            row = database.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
            tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.Error as error:
        advice = "Restore a copy of it, or set DATABASE_URL to another file."
        yield Finding("database", "problem", f"{where} cannot be read ({error})", advice)
        return
    revision = str(row[0]) if row else None
    if revision == HEAD:
        yield Finding("database", "ok", f"{where}, schema {revision}, the newest")
    elif revision is None and tables:
        advice = "Set DATABASE_URL to another file."
        yield Finding("database", "problem", f"{where} belongs to another program", advice)
    elif revision is None or revision < HEAD:
        advice = "Nothing: the next start, or `antiphon migrate`, brings it up to date."
        yield Finding("database", "ok", f"{where}, schema {revision or 'none'}, to become {HEAD}", advice)
    else:
        text = f"{where} has schema {revision}, which is newer than this program's {HEAD}"
        yield Finding("database", "problem", text, "Use the newer antiphon that made it.")


def _open(path: Path) -> sqlite3.Connection:
    """Open for reading only: nothing is created and nothing is locked."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PROBE_S)


def _in_use(path: Path) -> bool:
    """Whether a server holds its lock. It is tried for an instant, and given back."""
    with contextlib.suppress(FileNotFoundError), _beside(path, ".lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _log(settings: Settings) -> Findings:
    if settings.chunk_log == "memory":
        advice = f"Unset {variable('chunk_log')} unless speed is worth that."
        yield Finding("log", "warning", "running replies are in memory, and lost with the process", advice)
    elif settings.sqlite_synchronous == "NORMAL":
        advice = f"Unset {variable('sqlite_synchronous')} unless speed is worth that."
        yield Finding("log", "warning", "in the database; a power cut may take the last moments", advice)
    else:
        yield Finding("log", "ok", "in the database: running replies survive the process and a power cut")


def _port(settings: Settings) -> Findings:
    where = f"{settings.host}:{settings.port}"
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, _, _, target = found[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except OSError as error:
        if _in_use_quietly(settings.sqlite_path):
            yield Finding("port", "ok", f"{where} is taken, as it should be while antiphon runs")
        else:
            advice = "Set HOST and PORT to an address and a port that are free on this machine."
            yield Finding("port", "problem", f"{where} cannot be listened on ({error.strerror})", advice)
    else:
        yield Finding("port", "ok", f"{where} is free")


def _in_use_quietly(path: Path) -> bool:
    try:
        return path.is_file() and _in_use(path)
    except OSError:
        return False


def _disk(settings: Settings) -> Findings:
    place = _existing(settings.sqlite_path.parent)
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        yield Finding("disk", "warning", f"free space of {place} cannot be told ({error.strerror})")
        return
    if free >= LITTLE_DISK:
        yield Finding("disk", "ok", f"{_size(free)} free where the database is")
    else:
        level: Literal["warning", "problem"] = "problem" if free < NO_DISK else "warning"
        advice = "Make room, or set DATABASE_URL to another disk: without space nothing can be answered."
        yield Finding("disk", level, f"only {_size(free)} free where the database is", advice)


def _open_files(settings: Settings) -> Findings:
    # The server raises its own limit to the hard one.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + SPARE_FILES
    if most == resource.RLIM_INFINITY or most >= wanted:
        shown = "without limit" if most == resource.RLIM_INFINITY else f"up to {most}"
        yield Finding("files", "ok", f"open files {shown}, for {settings.max_connections} connections")
    else:
        advice = (
            f"Raise it to {wanted} (ulimit -Hn, LimitNOFILE=), "
            f"or set {variable('max_connections')} to at most {max(1, most - SPARE_FILES)}."
        )
        text = f"{most} open files at most, and {settings.max_connections} connections are allowed"
        yield Finding("files", "warning", text, advice)


async def _bots_and_providers(settings: Settings) -> list[Finding]:
    findings: list[Finding] = []
    usable = dict(settings.providers)
    for name, arguments in settings.providers.items():
        try:
            await registry.load(registry.PROVIDERS, "openai")(**arguments).close()
        except (ValueError, TypeError) as error:
            advice = "Correct its address or headers."
            findings.append(Finding("provider", "problem", f"{name}: {_masked(str(error))}", advice))
            del usable[name]
    try:
        made = catalogue(settings.model_copy(update={"providers": usable}))
    except SettingsError as error:
        advice = f"Set {variable('default_bot')} to a bot there is, or unset it."
        return [*findings, Finding("bots", "problem", str(error), advice)]
    try:
        findings = [*_bots(made), *findings]
        async for finding in _providers(settings, made):
            findings.append(finding)
    finally:
        for provider in made.providers.values():
            await provider.close()
    return findings


def _bots(made: Catalogue) -> Findings:
    yield Finding("bots", "ok", f"{', '.join(sorted(made.bots))}; {made.default_bot} answers by default")
    for bot in made.bots.values():
        provider, _, model = bot.model.partition("/")
        if provider not in made.providers or not model:
            level: Literal["warning", "problem"] = "problem" if bot.name == made.default_bot else "warning"
            advice = f"Set the key or address of {provider}, or give the bot a <provider>/<model> there is."
            yield Finding("bots", level, f"{bot.name} cannot answer: there is no {bot.model!r}", advice)


async def _providers(settings: Settings, made: Catalogue) -> AsyncIterator[Finding]:
    offers = await made.models()
    for name, offer in offers.items():
        if name != "builtin":
            yield _provider(name, offer, settings.providers.get(name))
    if "ollama" not in offers:
        text = f"ollama: none on port {OLLAMA_PORT} of this machine, and OLLAMA_HOST is not set"
        yield Finding("provider", "ok", text)
    if len(offers) == 1:
        keys = ", ".join(p.key_variable for p in PRESETS.values() if p.key_variable)
        advice = f"For a model, start an Ollama or set one of {keys}."
        yield Finding("provider", "warning", "none: only the built-in bots answer", advice)


def _provider(name: str, offer: Any, arguments: dict[str, Any] | None) -> Finding:
    if arguments is None:
        who = f"{name} (found on port {OLLAMA_PORT})"
    else:
        key = "key set" if arguments.get("api_key") else "no key"
        who = f"{name} at {_host(arguments['base_url'])} ({key})"
    if isinstance(offer, ProviderError):
        key_variable = PRESETS[name].key_variable if name in PRESETS else None
        advice = "Start it, or correct its address, or unset it."
        if offer.code == "provider_refused":
            advice = f"Correct {key_variable or 'its key'}, or unset it."
        return Finding("provider", "problem", f"{who}: {_masked(offer.message)}", advice)
    if arguments is not None and arguments.get("models") is not None:
        return Finding("provider", "ok", f"{who}: not asked, its {len(offer)} models are given in the file")
    if not offer:
        return Finding("provider", "warning", f"{who} offers no model", "Load or pull one there.")
    names = ", ".join(model.id for model in offer[:MODELS_SHOWN])
    more = f" and {len(offer) - MODELS_SHOWN} more" if len(offer) > MODELS_SHOWN else ""
    return Finding("provider", "ok", f"{who}: {names}{more}")


def _host(url: str) -> str:
    """Return where a URL leads, without the password it may hold."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        return f"{parts.hostname or '?'}{f':{parts.port}' if parts.port else ''}"
    return "?"


def _existing(path: Path) -> Path:
    """Return the path, or the nearest directory above it that is there."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _user() -> str:
    return f"user {os.getuid()}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:  # noqa: PLR2004 - the next unit
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
