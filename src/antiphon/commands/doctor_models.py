"""``antiphon doctor`` on bots and providers."""

import contextlib
import functools
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from antiphon import registry
from antiphon.backends import Backends
from antiphon.caches.memory import MemoryCache
from antiphon.commands.findings import Finding, Findings, Level, masked
from antiphon.config import Settings, SettingsError, variable
from antiphon.engine.catalogue import Catalogue
from antiphon.errors import ProviderError
from antiphon.from_settings import OLLAMA_PORT, catalogue
from antiphon.providers.presets import PRESETS

MODELS_SHOWN = 4


async def bots_and_providers(settings: Settings) -> list[Finding]:
    """Examine who answers, and ask each provider for its models."""
    findings: list[Finding] = []
    usable = dict(settings.providers)
    for name, arguments in settings.providers.items():
        if arguments.get("kind") == "workflow":
            continue
        try:
            await registry.load(registry.PROVIDERS, "openai")(**arguments).close()
        except (ValueError, TypeError) as error:
            advice = "Correct its address or headers."
            findings.append(Finding("provider", "problem", f"{name}: {masked(str(error))}", advice))
            del usable[name]
    backends = Backends(settings)
    workflow = functools.partial(backends.workflow, "doctor")
    try:
        # Providers are asked now: a list that the pods have kept would hide what is wrong.
        made = catalogue(settings.model_copy(update={"providers": usable}), workflow, MemoryCache())
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
        await backends.close()
    return findings


def _bots(made: Catalogue) -> Findings:
    yield Finding("bots", "ok", f"{', '.join(sorted(made.bots))}; {made.default_bot} answers by default")
    for bot in made.bots.values():
        provider, _, model = bot.model.partition("/")
        if provider not in made.providers or not model:
            level: Level = "problem" if bot.name == made.default_bot else "warning"
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
    if arguments is not None and arguments.get("kind") == "workflow":
        return Finding("provider", "ok", f"{name}: an outside workflow service on NATS, not asked")
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
        return Finding("provider", "problem", f"{who}: {masked(offer.message)}", advice)
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
