"""``antiphon.toml``: bots and providers; and the providers that the environment makes known by itself."""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from antiphon.providers.port import Model
from antiphon.providers.presets import PRESETS


class SettingsError(Exception):
    """One or more settings are wrong; the text names each and says what it should be."""


class ProviderSettings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[providers.NAME]`` of ``antiphon.toml``; what is left out comes from the preset of that name.

    A ``kind`` of ``workflow`` is an outside service on NATS (contract D): of the other fields only ``models``
    and the timeouts (in seconds) are for it.
    """

    kind: Literal["openai", "workflow"] = "openai"
    missing_chunk_timeout: float | None = None
    first_chunk_timeout: float | None = None
    idle_timeout: float | None = None
    preset: str | None = None
    base_url: str | None = None
    key_variable: str | None = None
    continuation: bool | None = None
    continuation_body: dict[str, Any] | None = None
    continuation_message: dict[str, Any] | None = None
    include_usage: bool | None = None
    continuation_path: str | None = None
    continuation_echo: bool | None = None
    models: list[str] | None = None
    headers: dict[str, str] = {}


class BotSettings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[bots.NAME]`` of ``antiphon.toml``."""

    model: str
    title: str = ""
    greeting: str = ""
    prompt: str | None = None
    params: dict[str, Any] = {}
    context_tokens: int | None = None
    told: list[str] = []


class ConfigFile(msgspec.Struct, forbid_unknown_fields=True):
    """``antiphon.toml`` as a whole."""

    providers: dict[str, ProviderSettings] = {}
    bots: dict[str, BotSettings] = {}


def read_file(path: Path) -> ConfigFile:
    """Read ``antiphon.toml``; one that is not there is empty. Raises SettingsError."""
    if not path.exists():
        return ConfigFile()
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), ConfigFile)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError, OSError) as error:
        raise SettingsError(str(error)) from error


def providers(file: ConfigFile, faults: list[str]) -> dict[str, dict[str, Any]]:
    """Return each provider's arguments: those that have a key or address, and those in the file."""
    found: dict[str, dict[str, Any]] = {}
    for name, preset in PRESETS.items():
        key = os.environ.get(preset.key_variable) if preset.key_variable else None
        url = os.environ.get(preset.url_variable) if preset.url_variable else None
        if key or url or name in file.providers:
            found[name] = _from_preset(name, url, key)
    for name, given in file.providers.items():
        if given.kind == "workflow":
            found[name] = _workflow(name, given, faults)
            continue
        found[name] = _from_file(name, given, found.get(name, {"name": name}), faults)
    return found


def _from_file(
    name: str, given: ProviderSettings, arguments: dict[str, Any], faults: list[str]
) -> dict[str, Any]:
    """Return a provider's arguments with what the file says over what its preset says."""
    if given.preset is not None:
        if given.preset not in PRESETS:
            faults.append(f"providers.{name}.preset: there is no preset {given.preset!r}")
        else:
            arguments = _from_preset(given.preset, None, None) | {"name": name}
    for field in (
        "base_url",
        "include_usage",
        "continuation",
        "continuation_body",
        "continuation_message",
        "continuation_path",
        "continuation_echo",
    ):
        value = getattr(given, field)
        if value is not None:
            arguments[field] = value
    if given.models is not None:
        arguments["models"] = [Model(id=model) for model in given.models]
    arguments["extra_headers"] = given.headers
    if given.key_variable is not None:
        arguments["api_key"] = os.environ.get(given.key_variable)
        if arguments["api_key"] is None:
            faults.append(f"{given.key_variable} is not set (providers.{name}.key_variable names it)")
    if "base_url" not in arguments:
        faults.append(f"providers.{name}.base_url is missing")
    return arguments


_OF_WORKFLOWS = {"kind", "models", "missing_chunk_timeout", "first_chunk_timeout", "idle_timeout"}


def _workflow(name: str, given: ProviderSettings, faults: list[str]) -> dict[str, Any]:
    """Return the arguments of an outside workflow service."""
    default = ProviderSettings()
    faults += [
        f"providers.{name}.{field}: a workflow has no such setting"
        for field in given.__struct_fields__
        if field not in _OF_WORKFLOWS and getattr(given, field) != getattr(default, field)
    ]
    arguments: dict[str, Any] = {"kind": "workflow", "name": name}
    for field in ("missing_chunk_timeout", "first_chunk_timeout", "idle_timeout"):
        value = getattr(given, field)
        if value is not None:
            if value <= 0:
                faults.append(f"providers.{name}.{field}: must be above 0")
            arguments[field] = value
    if given.models is not None:
        arguments["models"] = [Model(id=model) for model in given.models]
    return arguments


def ollama_url(host: str) -> str:
    """Return the base URL for a value of ``OLLAMA_HOST``: host, ``host:port``, ``:port`` or URL.

    Follows Ollama's own reading of it: no scheme is http, no host is this machine, no port is 11434 (80 or
    443 with a scheme).
    """
    scheme, found, rest = host.strip().rpartition("://")
    address, _, path = rest.partition("/")
    name, colon, port = address.rpartition(":") if not address.endswith("]") else (address, "", "")
    if not colon:
        name, port = address, "" if found else "11434"
    path = path.strip("/").removesuffix("v1").strip("/")
    port = f":{port}" if port else ""
    return f"{scheme or 'http'}://{name or '127.0.0.1'}{port}/{path + '/' if path else ''}v1"


def _from_preset(name: str, url: str | None, key: str | None) -> dict[str, Any]:
    preset = PRESETS[name]
    if url and name == "ollama":
        url = ollama_url(url)
    arguments = {
        field: getattr(preset, field)
        for field in preset.__struct_fields__
        if field not in ("key_variable", "url_variable", "base_url")
    }
    if url:  # another server than the preset's
        arguments["renames"] = {}
    return {"name": name, "base_url": url or preset.base_url, "api_key": key, **arguments}
