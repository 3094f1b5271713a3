"""Settings of where a process stands: what it listens on, where things are kept, who may come."""

import hashlib
import ipaddress
import os
import tempfile
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator

from antiphon.config_servers import COMPARED, other_servers

_SQLITE, _POSTGRES = "sqlite:///", ("postgresql://", "postgres://")


class PlaceSettings(BaseModel):
    """Addresses, back ends and origins; ``auto`` is what the others come to."""

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
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

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
    def sqlite_path(self) -> Path:
        """The database file, links followed: two names of one file must not get two locks."""
        return Path(self.database_url.removeprefix(_SQLITE)).resolve()


def _names_host(value: str, schemes: tuple[str, ...]) -> bool:
    """Whether it is a URL of one of the schemes that names a host."""
    try:
        return value.strip().startswith(schemes) and bool(urlsplit(value.strip()).hostname)
    except ValueError:
        return False
