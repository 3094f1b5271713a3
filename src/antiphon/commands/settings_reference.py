"""``antiphon settings``: every setting as Markdown, made from the settings themselves.

``docs/settings.md`` is this text; a test fails when it is out of date.
"""

import sys
import types
import typing
from pathlib import Path
from typing import Any, Literal

import msgspec
from pydantic.fields import FieldInfo

from antiphon.config import Settings, variable
from antiphon.config_file import BotSettings, ProviderSettings
from antiphon.providers.presets import PRESETS

NONE = "none"
RENEW = "antiphon settings > docs/settings.md"

_BOUNDS = (("ge", "≥ "), ("gt", "> "), ("le", "≤ "), ("lt", "< "), ("min_length", "length ≥ "))
PROVIDER_FIELDS = {
    "kind": "`openai`, or `workflow`: an outside service on NATS (contract D), for which only `models` and "
    "the timeouts are given",
    "missing_chunk_timeout": "workflow: seconds to wait for a chunk when later ones are there",
    "first_chunk_timeout": "workflow: seconds to wait for the first; else `ANTIPHON_FIRST_TOKEN_TIMEOUT`",
    "idle_timeout": "workflow: seconds between two chunks; else `ANTIPHON_IDLE_TIMEOUT`",
    "preset": "take everything that is not given here from this preset; by default the one of the same name",
    "base_url": "the URL before `/chat/completions`; needed without a preset",
    "key_variable": "the environment variable that holds the key; it must be set",
    "continuation": "whether it goes on with a last message of role `assistant`; else a reply whose process "
    "was lost begins again, and its readers are told",
    "continuation_body": "merged into the request that continues",
    "continuation_message": "merged into the last message of the request that continues",
    "continuation_path": "the path below the base URL of requests that continue, if it is another one",
    "continuation_echo": "whether it repeats that last message before it goes on; the echo is taken away",
    "include_usage": "whether to ask for token counts; a few servers refuse that",
    "models": "the models on offer; asked of the provider when not given",
    "headers": "further headers of every request",
}
BOT_FIELDS = {
    "model": "`<provider>/<model>`",
    "title": "what people call it",
    "greeting": "what it says before anything is asked",
    "prompt": "the system prompt",
    "params": "sampling parameters in OpenAI's names",
    "context_tokens": "history sent to the model; else `ANTIPHON_CONTEXT_TOKENS`",
    "told": "names in a session's context whose values the model is told; default: none",
}

_HEAD = f"""\
# Settings

<!-- Made by `{RENEW}`; a change by hand is lost. -->

Settings come from the environment. Flags (`antiphon serve --help`) go over them. Bots and further providers
are described in `antiphon.toml`. A wrong setting stops the start, and all wrong ones are named at once.
`antiphon doctor` tells what the settings come to.

## Environment

| variable | type | default | meaning |
|---|---|---|---|
"""

_PROVIDERS_HEAD = """
## Providers

A provider is there as soon as its key or its address is set; those without a variable are named in
`antiphon.toml` (`[providers.vllm]` is enough), or are there when their address is given there. An Ollama on
its usual port is found by itself. *Goes on*: whether a reply whose process was lost is gone on with where it
ended, rather than begun again.

| provider | key | address | base URL | goes on |
|---|---|---|---|---|
"""

_FILE_HEAD = """
## antiphon.toml

```toml
[providers.local]
base_url = "http://127.0.0.1:9000/v1"
continuation = true

[bots.helper]
title = "Helper"
model = "local/some-model"
prompt = "You help people of this house. Be brief."
params = { temperature = 0.3 }
```
"""


def run() -> int:
    """Print the reference; return the exit code."""
    sys.stdout.write(reference())
    return 0


def reference() -> str:
    """Return the reference of all settings as Markdown."""
    rows = [_setting(name, field) for name, field in Settings.model_fields.items() if not field.exclude]
    text = _HEAD + "".join(rows) + _PROVIDERS_HEAD
    for name, preset in PRESETS.items():
        key, url = _code(preset.key_variable), _code(preset.url_variable)
        text += _row(name, key, url, preset.base_url, "yes" if preset.continuation else "no")
    text += _FILE_HEAD
    text += _section("[providers.NAME]", ProviderSettings, PROVIDER_FIELDS)
    return text + _section("[bots.NAME]", BotSettings, BOT_FIELDS)


def _setting(name: str, field: FieldInfo) -> str:
    kind = _kind(field.annotation)
    bounds = [
        f"{sign}{_number(getattr(limit, attribute))}"
        for limit in field.metadata
        for attribute, sign in _BOUNDS
        if getattr(limit, attribute, None) is not None
    ]
    return _row(
        f"`{variable(name)}`", ", ".join([kind, *bounds]), _default(field.default), field.description or ""
    )


def _section(title: str, struct: type[msgspec.Struct], meanings: dict[str, str]) -> str:
    """Describe a section of the file."""
    text = f"\n### `{title}`\n\n| field | type | default | meaning |\n|---|---|---|---|\n"
    hints = typing.get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        if field.default_factory is not msgspec.NODEFAULT:
            default = _default(field.default_factory())
        else:
            default = "needed" if field.required else _default(field.default)
        text += _row(f"`{field.name}`", _kind(hints[field.name]), default, meanings.get(field.name, ""))
    return text


def _kind(annotation: Any) -> str:
    """Return a type in words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind(a) for a in arguments if a is not types.NoneType)
    if origin is list:
        return f"list of {_kind(arguments[0])}"
    words = {
        bool: "on or off",
        int: "whole number",
        float: "number",
        str: "text",
        Path: "path",
        dict: "table",
    }
    return words[origin or annotation]


def _default(value: Any) -> str:
    if value is None or value in ("", {}):
        return NONE
    if isinstance(value, bool):
        return "`on`" if value else "`off`"
    if isinstance(value, (int, float)):
        return f"`{_number(value)}`"
    return f"`{value}`"


def _number(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _code(name: str | None) -> str:
    return f"`{name}`" if name else NONE


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
