"""Typed settings, from the environment, ``antiphon.toml`` and flags: the only reader of the environment."""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from antiphon.config_file import SettingsError as SettingsError  # noqa: PLC0414 - told to importers
from antiphon.config_file import providers, read_file
from antiphon.config_servers import COMPARED, other_servers

RATE = re.compile(r"\d+ ?/ ?(second|minute|hour|day)")


_UNSHOWN = {"secret", "database_url", "DATABASE_URL", "redis_url", "REDIS_URL", "nats_url", "NATS_URL"}
_SQLITE, _POSTGRES = "sqlite:///", ("postgresql://", "postgres://")


class Settings(BaseSettings):
    """All settings. The variable of each is its alias, or ``ANTIPHON_`` and its name."""

    model_config = SettingsConfigDict(env_prefix="ANTIPHON_", populate_by_name=True, extra="ignore")

    host: str = Field("127.0.0.1", alias="HOST", description="address to listen on")
    port: int = Field(8000, alias="PORT", ge=0, le=65535, description="port to listen on; 0 takes a free one")
    database_url: str = Field(
        "sqlite:///data/antiphon.db",
        alias="DATABASE_URL",
        description="where everything is stored; the scheme chooses the store (`sqlite`, `postgresql`)",
    )
    database_pool: int = Field(
        10,
        ge=2,
        le=200,
        description="connections to PostgreSQL a process holds, and one more for wake-ups",
    )
    redis_url: str | None = Field(
        None, alias="REDIS_URL", description="a Redis: takes the chunk log, wake-ups, limits and connections"
    )
    nats_url: str | None = Field(
        None,
        alias="NATS_URL",
        description="a NATS with JetStream: takes wake-ups, workflows, the chunk log if there is no Redis",
    )
    role: Literal["all", "api", "worker"] = Field(
        "all", description="`api`: takes requests and runs no replies; `worker`: the other way round"
    )
    workers: int = Field(1, ge=1, le=64, description="processes that share the port, for more than one core")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", alias="LOG_LEVEL", description="least severe log line that is written"
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto`: for people on a terminal, else JSON"
    )
    config_file: Path = Field(Path("antiphon.toml"), description="bots and providers; may be missing")
    secret: str | None = Field(
        None, min_length=16, description="signs guest cookies; made and kept in the store when not given"
    )

    chunk_log: Literal["auto", "sqlite", "postgres", "redis", "nats", "memory"] = Field(
        "auto",
        description="where running replies are logged; `auto`: Redis, else NATS, else with the store. "
        "`memory` is faster and loses running replies with the process",
    )
    bus: Literal["auto", "memory", "local", "postgres", "redis", "nats"] = Field(
        "auto",
        description="what wakes the other processes; `auto`: NATS, else Redis, else PostgreSQL, "
        "else a local socket if there are several workers",
    )
    limiter: Literal["auto", "memory", "redis"] = Field(
        "auto", description="where rates are counted; `auto`: in Redis if there is one, else by each process"
    )
    sqlite_synchronous: Literal["FULL", "NORMAL"] = Field(
        "FULL",
        description="`FULL`: commits survive a power cut. `NORMAL`: they survive a crash of the process",
    )
    outbox: bool = Field(False, description="leave a row in `events` for each ended turn")

    default_bot: str = Field("sizebot", description="the bot that answers when none is named")
    default_model: str | None = Field(
        None, description="`<provider>/<model>`: makes a bot `assistant` of it, which then is the default"
    )

    allowed_hosts: str = Field(
        "auto",
        description="names this server answers to, separated by commas; `*`: any. "
        "`auto`: this machine's own when it listens on 127.0.0.1, else any",
    )
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="addresses and networks, separated by commas, whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are believed; `*`: any",
    )
    allowed_origins: str = Field(
        "auto",
        description="origins, separated by commas, whose pages may use this server from browsers; `*`: any, "
        "without their cookies. `auto`: pages of this machine when it listens on 127.0.0.1, else its own",
    )
    servers: str = Field(
        "auto",
        description="other servers that the page can be switched to: `name=url, name=url`. `auto`: the "
        "comparison's, `Flask=http://localhost:5000, Node=http://localhost:3000`, when it listens on "
        "127.0.0.1, else none",
    )
    stats_readers: int = Field(50, ge=1, description="readers of `/stats/events` at once in a process")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="size of a request body")
    max_import_bytes: int = Field(
        16_777_216, ge=1024, description="size of a conversation that is imported, as JSON"
    )
    max_import_messages: int = Field(
        10_000, ge=1, le=100_000, description="messages of a conversation that is imported"
    )
    max_message_chars: int = Field(100_000, ge=1, description="length of a message")
    max_metadata_bytes: int = Field(16_384, ge=0, description="size of metadata and of context, each as JSON")
    max_params_bytes: int = Field(
        131_072, ge=0, description="size of the parameters of a model as JSON, its tools among them"
    )
    max_reply_chars: int = Field(400_000, ge=1, description="length of a reply; a longer one fails")
    max_chunks_a_turn: int = Field(50_000, ge=1, description="chunks of a reply; one with more fails")
    max_running_turns: int = Field(2_000, ge=1, description="replies under way in a process")
    max_queued_turns: int = Field(
        1_000, ge=0, description="messages of all users that wait for a process with room"
    )
    max_running_turns_a_session: int = Field(8, ge=1, description="replies under way in a session")
    max_connections: int = Field(10_000, ge=1, description="requests open at once, streams included")
    max_turn_seconds: float = Field(1_800, gt=0, description="how long a reply may take")
    reader_backlog_bytes: int = Field(
        1_048_576, ge=1024, description="what may wait for a slow reader; over it, it is disconnected"
    )

    graphql_depth: int = Field(12, ge=1, le=100, description="how many fields deep a GraphQL query may be")
    graphql_cost: int = Field(
        10_000,
        ge=1,
        description="points a GraphQL query may cost: a field 1, a question to the store 50, times the pages",
    )
    graphql_tokens: int = Field(1_000, ge=10, le=20_000, description="tokens a GraphQL query may have")
    graphql_aliases: int = Field(30, ge=0, description="aliases a GraphQL query may have")
    graphql_operations: int = Field(32, ge=1, description="GraphQL operations under way on a WebSocket")
    graphql_init_seconds: float = Field(
        10, gt=0, le=300, description="seconds a GraphQL WebSocket has for its `connection_init`"
    )
    graphql_introspection: bool = Field(True, description="`off`: the GraphQL schema is not told")

    rate_limits: bool = Field(True, description="`off` switches all rate limits off")
    rate_session: str = Field("30/minute", description="messages to bots a session")
    rate_user: str = Field("120/minute", description="messages to bots a user")
    rate_address: str = Field("12000/minute", description="messages to bots a network address")

    lease_seconds: float = Field(3.0, gt=0.2, description="a process silent for longer is taken over from")
    drain_delay_seconds: float = Field(
        0, ge=0, le=300, description="how long `/ready` says so before a process that was told to leave does"
    )
    tick_seconds: float = Field(
        0.1, ge=0, le=1, description="the longest a token waits for a shared commit, reached under full load"
    )
    retention_seconds: float = Field(
        900, gt=0, description="how long an undelivered reply is owed, and an ended one stays in the log"
    )
    reply_cache_seconds: float = Field(
        1_800,
        ge=0,
        description="how long a reply answers equal questions, where the contract caches; 0: never",
    )
    context_cache_seconds: float = Field(
        3_600, ge=0, description="how long a session's context stays in the cache after its last use"
    )
    context_tokens: int = Field(8_192, ge=256, description="history sent to a model that says no other size")
    provider_retries: int = Field(2, ge=0, le=10, description="further attempts before the first token")
    connect_timeout: float = Field(5.0, gt=0, description="seconds to connect to a provider")
    first_token_timeout: float = Field(60.0, gt=0, description="seconds a provider may think")
    idle_timeout: float = Field(30.0, gt=0, description="seconds between two pieces of a reply")

    providers: dict[str, Any] = Field(default_factory=dict, exclude=True)
    bots: dict[str, Any] = Field(default_factory=dict, exclude=True)

    @field_validator("rate_session", "rate_user", "rate_address")
    @classmethod
    def _rate(cls, value: str) -> str:
        if not RATE.fullmatch(value):
            raise ValueError("a rate looks like 30/minute")
        return value

    @field_validator("servers")
    @classmethod
    def _servers(cls, value: str) -> str:
        if value != "auto":
            other_servers(value)
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        path = value.removeprefix(_SQLITE)
        is_file = path != value and path and not path.endswith("/")
        if not is_file and not _names_host(value, _POSTGRES):
            raise ValueError("must be sqlite:///path/to/file.db or postgresql://user:password@host/database")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        if value and not _names_host(value, ("redis://", "rediss://")):
            raise ValueError("must be redis://host:6379/0")
        return value or None

    @field_validator("nats_url")
    @classmethod
    def _nats(cls, value: str | None) -> str | None:
        if value and not all(_names_host(one, ("nats://", "tls://")) for one in value.split(",")):
            raise ValueError("must be nats://host:4222 (several: separated by commas)")
        return value or None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Refuse a back end whose server is not named, and processes that cannot reach each other."""
        have = {"memory", "local", self.store, *(["redis"] if self.redis_url else [])}
        have |= {"nats"} if self.nats_url else set()
        for name in ("chunk_log", "bus", "limiter"):
            value = getattr(self, name)
            if value != "auto" and value not in have:
                address = {"redis": "REDIS_URL", "nats": "NATS_URL"}.get(value, "DATABASE_URL")
                raise ValueError(f"{variable(name)}={value} needs {address} to name such a server")
        shared = self.workers > 1 or self.role != "all"
        if shared and "memory" in (self.chunk_log, self.bus):
            raise ValueError("several processes cannot share a log or a bus in memory")
        if self.role != "all" and self.store == "sqlite":
            raise ValueError("a role other than `all` needs a database that pods share: set DATABASE_URL")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is given
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment."""
        return init_settings, env_settings

    @property
    def store(self) -> Literal["sqlite", "postgres"]:
        """The kind of store."""
        return "sqlite" if self.database_url.startswith(_SQLITE) else "postgres"

    @property
    def log_kind(self) -> str:
        """The chunk log in use."""
        if self.chunk_log != "auto":
            return self.chunk_log
        return "redis" if self.redis_url else "nats" if self.nats_url else self.store

    @property
    def bus_kind(self) -> str:
        """The bus in use."""
        if self.bus != "auto":
            return self.bus
        if self.nats_url or self.redis_url:
            return "nats" if self.nats_url else "redis"
        if self.store == "sqlite":
            return "local" if self.workers > 1 else "memory"
        return "postgres"

    @property
    def limiter_kind(self) -> str:
        """The limiter in use."""
        if self.limiter != "auto":
            return self.limiter
        return "redis" if self.redis_url else "memory"

    @property
    def plan(self) -> str:
        """Which back end serves what, in a line."""
        where = str(self.sqlite_path) if self.store == "sqlite" else self.store
        parts = {"log": self.log_kind, "wake-ups": self.bus_kind, "limits": self.limiter_kind}
        return f"stores in {where}; " + ", ".join(f"{part}: {kind}" for part, kind in parts.items())

    @property
    def presence_kind(self) -> str:
        """Where connections are registered."""
        return "redis" if self.redis_url else "memory"

    @property
    def cache_kind(self) -> str:
        """The cache in use."""
        return "redis" if self.redis_url else "memory"

    @property
    def bus_folder(self) -> Path:
        """Where processes of this machine that share a database find each other."""
        if self.store == "sqlite":
            return self.sqlite_path.with_name(self.sqlite_path.name + ".bus")
        digest = hashlib.sha256(self.database_url.encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"antiphon-{os.getuid()}-{digest}.bus"

    @property
    def cache_is_shared(self) -> bool:
        """Whether all processes of this database see the same cache."""
        return self.cache_kind == "redis" or (self.store == "sqlite" and self.workers == 1)

    @property
    def local_only(self) -> bool:
        """Whether it listens on this machine's own addresses."""
        return self.host in ("127.0.0.1", "localhost", "::1")

    @property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may use this server; ``*``: any, ``local``: those of this machine."""
        if self.allowed_origins == "auto":
            return frozenset({"local"}) if self.local_only else frozenset()
        return frozenset(o.strip().lower().rstrip("/") for o in self.allowed_origins.split(",") if o.strip())

    @property
    def hosts(self) -> frozenset[str]:
        """The names answered to; empty: any."""
        if self.allowed_hosts == "auto":
            return frozenset({"localhost", "127.0.0.1", "[::1]"}) if self.local_only else frozenset()
        names = {name.strip().lower() for name in self.allowed_hosts.split(",") if name.strip()}
        return frozenset() if "*" in names else frozenset(names)

    @property
    def other_servers(self) -> dict[str, str]:
        """The servers that the page can be switched to, by name."""
        if self.servers == "auto":
            return dict(COMPARED) if self.local_only else {}
        return other_servers(self.servers)

    @property
    def believes_anyone(self) -> bool:
        """Whether anybody's word is taken on the address that a request comes from."""
        return any(
            each.strip() == "*" or each.strip().endswith("/0") for each in self.trusted_proxies.split(",")
        )

    @property
    def rates(self) -> dict[str, str]:
        """The rate limits by what they belong to; none when they are off."""
        if not self.rate_limits:
            return {}
        return {"session": self.rate_session, "user": self.rate_user, "address": self.rate_address}

    @property
    def sqlite_path(self) -> Path:
        """The database file, links followed: two names of one file must not get two locks."""
        return Path(self.database_url.removeprefix(_SQLITE)).resolve()


def _names_host(value: str, schemes: tuple[str, ...]) -> bool:
    """Whether it is a URL of one of the schemes that names a host."""
    try:
        return value.strip().startswith(schemes) and bool(urlsplit(value.strip()).hostname)
    except ValueError:
        return False


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return Settings.model_fields[name].alias or f"ANTIPHON_{name.upper()}"


def load_settings(flags: Mapping[str, Any] | None = None) -> Settings:
    """Read everything. Raises SettingsError that lists all that is wrong at once."""
    faults: list[str] = []
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for fault in error.errors():
            message = fault["msg"].removeprefix("Value error, ")
            if not fault["loc"]:  # of several settings together; the text names them
                faults.append(message)
                continue
            name = str(fault["loc"][0])
            shown = name if name.isupper() else variable(name)
            # Some values are secrets or hold one (a password in an address): those are not repeated.
            given_value = "" if name in _UNSHOWN else f"={fault['input']!r}"
            faults.append(f"{shown}{given_value}: {message}")
        raise SettingsError("\n".join(faults)) from error
    try:
        file = read_file(settings.config_file)
    except SettingsError as error:
        raise SettingsError(f"{settings.config_file}: {error}") from error
    settings.providers = providers(file, faults)
    if settings.nats_url is None:
        named = [name for name, given in settings.providers.items() if given.get("kind") == "workflow"]
        faults += [f"providers.{name}: a workflow needs NATS_URL" for name in named]
    settings.bots = dict(file.bots)
    if faults:
        raise SettingsError("\n".join(faults))
    return settings
