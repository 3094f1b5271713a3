"""``antiphon serve`` and ``antiphon worker``."""

import asyncio
import functools
import os
import socket
import sys

import uvloop

from antiphon import __version__, inherited, supervisor
from antiphon.app import Wired, serve
from antiphon.config import Settings
from antiphon.database import bury_all, ready
from antiphon.errors import ProviderError
from antiphon.observe.logging import configure


def run(settings: Settings) -> int:
    """Serve until a signal; return the exit code.

    With several workers this process supervises, and each worker is this command again, with sockets that it
    inherits. Raises SettingsError if an SQLite file is another's, StoreUnavailable if a database does not
    answer.
    """
    configure(settings.log_level, settings.log_format)
    sockets = inherited.listening_sockets()
    if sockets:
        _serve_as_one_of_several(settings, sockets)
        return 0
    with ready(settings):
        if settings.workers > 1:
            return _supervise(settings)
        alone = settings.store == "sqlite"
        uvloop.run(serve(settings, functools.partial(_say_where_to_go, settings), alone=alone))
    return 0


def _supervise(settings: Settings) -> int:
    if settings.store == "sqlite":
        asyncio.run(bury_all(settings))  # nobody else has the file: whatever it tells of is dead

    def announce(port: int) -> None:
        _say_address(settings, port, f"{settings.workers} processes")
        _say(f"  {settings.plan}")

    return supervisor.run(
        [sys.executable, *sys.orig_argv[1:]],
        workers=settings.workers,
        host=settings.host,
        port=settings.port,
        environment=os.environ,
        announce=announce,
    )


def _serve_as_one_of_several(settings: Settings, sockets: list[socket.socket]) -> None:
    async def announce(wired: Wired, port: int) -> None:  # noqa: ARG001 - the supervisor has told it
        inherited.tell_ready()

    uvloop.run(serve(settings, announce, alone=False, sockets=sockets))


async def _say_where_to_go(settings: Settings, wired: Wired, port: int) -> None:
    catalogue = wired.engine.catalogue
    _say_address(settings, port, f"pod {wired.engine.pod}")
    _say(f"  {settings.plan}")
    _say(f"  bots: {', '.join(sorted(catalogue.bots))} (default: {catalogue.default_bot})")
    for provider, models in (await catalogue.models()).items():
        if isinstance(models, ProviderError):
            _say(f"  {provider}: {models.message}")
        else:
            names = [f"{provider}/{m.id}" for m in models]
            more = f" and {len(names) - 6} more" if len(names) > 6 else ""  # noqa: PLR2004 - one line
            _say(f"  models: {', '.join(names[:6])}{more}")


def _say_address(settings: Settings, port: int, who: str) -> None:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host  # noqa: S104 - compared
    base = f"http://{host}:{port}"
    if settings.role == "worker":
        _say(f"Antiphon {__version__} runs replies ({base}/ready tells how it is), {who}")
    else:
        _say(f"Antiphon {__version__} serves {base}/ (API: {base}/docs), {who}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
