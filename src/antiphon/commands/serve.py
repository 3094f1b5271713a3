"""``antiphon serve``."""

import sys

import uvloop

from antiphon import __version__
from antiphon.app import Wired, serve
from antiphon.config import Settings
from antiphon.database import ready
from antiphon.errors import ProviderError
from antiphon.observe.logging import configure


def run(settings: Settings) -> None:
    """Serve until a signal. Raises SettingsError if the database is another process's or cannot be used."""
    configure(settings.log_level, settings.log_format)
    with ready(settings):

        async def announce(wired: Wired, port: int) -> None:
            await _say_where_to_go(settings, wired, port)

        uvloop.run(serve(settings, announce, alone=settings.store == "sqlite"))


async def _say_where_to_go(settings: Settings, wired: Wired, port: int) -> None:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host  # noqa: S104 - compared
    base = f"http://{host}:{port}"
    catalogue = wired.engine.catalogue
    _say(f"Antiphon {__version__} serves {base}/ (API: {base}/docs), pod {wired.engine.pod}")
    _say(f"  {settings.plan}")
    _say(f"  bots: {', '.join(sorted(catalogue.bots))} (default: {catalogue.default_bot})")
    for provider, models in (await catalogue.models()).items():
        if isinstance(models, ProviderError):
            _say(f"  {provider}: {models.message}")
        else:
            names = [f"{provider}/{m.id}" for m in models]
            more = f" and {len(names) - 6} more" if len(names) > 6 else ""  # noqa: PLR2004 - one line
            _say(f"  models: {', '.join(names[:6])}{more}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
