"""``antiphon doctor``: what is configured, what can be reached, what is wrong and what to do about it."""

import asyncio
import http.client
import json
import platform
import resource
import socket
import sys
from itertools import chain

import msgspec

from antiphon import __version__
from antiphon.commands import doctor_sqlite
from antiphon.commands.doctor_models import bots_and_providers
from antiphon.commands.doctor_servers import servers
from antiphon.commands.findings import Finding, Findings, masked
from antiphon.config import Settings, variable

OLDEST_PYTHON = (3, 11)
SPARE_FILES = 100
"""Open files the server needs besides its connections: database, providers, standard streams."""
PROBE_S = 1.0


def run(settings: Settings | None, *, faults: str = "", as_json: bool = False) -> int:
    """Examine and report; return 1 if there is a problem, else 0.

    Args:
        settings: what to examine; None if the settings are wrong.
        faults: what is wrong with the settings, one fault a line.
        as_json: report for machines.
    """
    findings = [*_program()]
    advice = "Correct it; `antiphon settings` tells what each may be."
    findings += [Finding("settings", "problem", fault, advice) for fault in masked(faults).splitlines()]
    if settings is not None:
        findings += [*_file(settings), *_plan(settings)]
        asked = asyncio.run(_ask(settings))
        findings += _database(settings) + asked[0]
        for check in (_log, _port, _open_files):
            findings += check(settings)
        findings += asked[1]
    problem = any(finding.level == "problem" for finding in findings)
    if as_json:
        report = {"ok": not problem, "version": __version__, "findings": msgspec.to_builtins(findings)}
        sys.stdout.write(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("".join(finding.line for finding in findings))
    return 1 if problem else 0


async def _ask(settings: Settings) -> tuple[list[Finding], list[Finding]]:
    """Ask servers and providers at the same time: each may be away, and waited for."""
    return await asyncio.gather(servers(settings), bots_and_providers(settings))


def _database(settings: Settings) -> list[Finding]:
    if settings.store != "sqlite":
        return []  # among the servers
    return [*chain(doctor_sqlite.database(settings), doctor_sqlite.disk(settings))]


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


def _plan(settings: Settings) -> Findings:
    """Tell which back end serves what, and because of which setting."""
    servers = {"redis": "REDIS_URL", "nats": "NATS_URL", "postgres": "DATABASE_URL", "sqlite": "DATABASE_URL"}
    parts = []
    for part, kind, name in (
        ("log", settings.log_kind, "chunk_log"),
        ("wake-ups", settings.bus_kind, "bus"),
        ("limits", settings.limiter_kind, "limiter"),
        ("connections", settings.presence_kind, ""),
    ):
        chosen = name and getattr(settings, name) != "auto"
        why = variable(name) if chosen else servers.get(kind, "")
        parts.append(f"{part}: {kind}" + (f" ({why})" if why else ""))
    where = "an SQLite file" if settings.store == "sqlite" else "PostgreSQL"
    yield Finding("plan", "ok", f"stores in {where} (DATABASE_URL); {', '.join(parts)}")
    if settings.store != "sqlite" and settings.bus_kind in ("memory", "local"):
        text = f"wake-ups ({settings.bus_kind}) stay on this machine: pods elsewhere notice seconds late"
        yield Finding("plan", "warning", text, f"Unset {variable('bus')} if there are several pods.")
    if settings.store != "sqlite" and settings.limiter_kind == "memory" and settings.rate_limits:
        text = "each process counts rates for itself: several allow that many times more"
        yield Finding("plan", "ok", text, "Set REDIS_URL to count them together.")


def _log(settings: Settings) -> Findings:
    if settings.log_kind == "memory":
        advice = f"Unset {variable('chunk_log')} unless speed is worth that."
        yield Finding("log", "warning", "running replies are in memory, and lost with the process", advice)
    elif settings.log_kind == "sqlite" and settings.sqlite_synchronous == "NORMAL":
        advice = f"Unset {variable('sqlite_synchronous')} unless speed is worth that."
        yield Finding("log", "warning", "in the database; a power cut may take the last moments", advice)
    elif settings.log_kind == settings.store:
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
        if _is_ours(settings):
            yield Finding("port", "ok", f"{where} is taken, as it should be while antiphon runs")
        else:
            advice = "Set HOST and PORT to an address and a port that are free on this machine."
            yield Finding("port", "problem", f"{where} cannot be listened on ({error.strerror})", advice)
    else:
        yield Finding("port", "ok", f"{where} is free")


def _is_ours(settings: Settings) -> bool:
    """Whether it is an antiphon that has the port: on this SQLite file, or any that answers."""
    if settings.store == "sqlite" and doctor_sqlite.is_used(settings):
        return True
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared
    asked = http.client.HTTPConnection(host, settings.port, timeout=PROBE_S)
    try:
        asked.request("GET", "/health")
        told = json.loads(asked.getresponse().read(10_000))
        return isinstance(told, dict) and told.get("service") == "antiphon"
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        asked.close()


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
