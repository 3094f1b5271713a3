"""The engine's parts that follow from the settings alone: its bounds, bots and providers."""

import contextlib
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from antiphon import registry
from antiphon.caches.port import Cache
from antiphon.config import Settings, SettingsError
from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Bot, Catalogue
from antiphon.providers.port import Provider
from antiphon.transports.graphql.wire import Limits

OLLAMA_PORT = 11434
PROBE_S = 0.15


def bounds(settings: Settings) -> Bounds:
    """Return the engine's bounds as set."""
    return Bounds(
        message_chars=settings.max_message_chars,
        metadata_bytes=settings.max_metadata_bytes,
        params_bytes=settings.max_params_bytes,
        reply_chars=settings.max_reply_chars,
        import_bytes=settings.max_import_bytes,
        import_messages=settings.max_import_messages,
        chunks_a_turn=settings.max_chunks_a_turn,
        running_turns=settings.max_running_turns,
        queued_turns=settings.max_queued_turns,
        running_turns_a_session=settings.max_running_turns_a_session,
        reader_backlog_bytes=settings.reader_backlog_bytes,
        context_tokens=settings.context_tokens,
        retries=settings.provider_retries,
        turn_seconds=settings.max_turn_seconds,
        lease=settings.lease_seconds,
        tick=settings.tick_seconds,
        retention=settings.retention_seconds,
        reply_cache_seconds=settings.reply_cache_seconds,
        # A cache of this process alone would go on telling what other pods have changed.
        context_cache_seconds=settings.context_cache_seconds if settings.cache_is_shared else 0.0,
    )


def graphql_limits(settings: Settings) -> Limits:
    """Return the bounds of GraphQL operations as set."""
    return Limits(
        depth=settings.graphql_depth,
        cost=settings.graphql_cost,
        tokens=settings.graphql_tokens,
        aliases=settings.graphql_aliases,
        operations=settings.graphql_operations,
        init_seconds=settings.graphql_init_seconds,
        introspection=settings.graphql_introspection,
    )


Workflow = Callable[..., Provider]


def catalogue(settings: Settings, workflow: Workflow, cache: Cache) -> Catalogue:
    """Make the providers and bots; ``workflow`` makes one that is an outside service on NATS.

    ``cache`` keeps the lists of models that providers are asked for.

    Raises SettingsError for a default bot that does not exist.
    """
    configured = dict(settings.providers)
    if "ollama" not in configured and _listens(OLLAMA_PORT):
        configured["ollama"] = {"name": "ollama", "base_url": f"http://127.0.0.1:{OLLAMA_PORT}/v1"}
    providers = {"builtin": registry.load(registry.PROVIDERS, "builtin")()}
    for name, arguments in configured.items():
        try:
            providers[name] = _provider(settings, dict(arguments), workflow)
        except ValueError as error:
            raise SettingsError(f"provider {name}: {error}") from error
    bots = {
        "sizebot": Bot(
            name="sizebot",
            model="builtin/sizebot",
            title="SizeBot",
            greeting="Hello! Ask me about clothing and shoe sizes, in any system.",
            context_tokens=1_000_000,
        ),
        "echo": Bot(name="echo", model="builtin/echo", title="Echo", greeting="I say it back."),
    }
    for name, given in settings.bots.items():
        values = {field: getattr(given, field) for field in given.__struct_fields__}
        bots[name] = Bot(name=name, **values)
    default = settings.default_bot
    if settings.default_model:
        bots["assistant"] = Bot(name="assistant", model=settings.default_model, title="Assistant")
        default = "assistant"
    if default not in bots:
        raise SettingsError(f"ANTIPHON_DEFAULT_BOT={default!r}: there is only {', '.join(sorted(bots))}")
    origins = {
        name: _origin(arguments["base_url"])
        for name, arguments in configured.items()
        if "base_url" in arguments and arguments.get("models") is None
    }
    return Catalogue(bots, providers, default_bot=default, cache=cache, origins=origins)


def _provider(settings: Settings, arguments: dict[str, Any], workflow: Workflow) -> Provider:
    if arguments.pop("kind", "openai") == "workflow":
        defaults = {
            "first_chunk_timeout": settings.first_token_timeout,
            "idle_timeout": settings.idle_timeout,
        }
        return workflow(**(defaults | arguments))
    made: Provider = registry.load(registry.PROVIDERS, "openai")(
        **arguments,
        connect_timeout=settings.connect_timeout,
        first_token_timeout=settings.first_token_timeout,
        idle_timeout=settings.idle_timeout,
    )
    return made


def _origin(base_url: str) -> str:
    """Tell this machine's server from the one that another pod reaches by the same loopback address."""
    host = urlsplit(base_url).hostname or ""
    own = host in ("localhost", "::1") or host.startswith("127.")
    return f"{socket.gethostname()} {base_url}" if own else base_url


def _listens(port: int) -> bool:
    """Whether something on this machine takes connections at the port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), PROBE_S):
        return True
    return False
