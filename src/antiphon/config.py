"""Typed settings, from the environment, ``antiphon.toml`` and flags: the only reader of the environment."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from antiphon.config_bounds import BoundSettings
from antiphon.config_file import SettingsError as SettingsError  # noqa: PLC0414 - told to importers
from antiphon.config_file import providers, read_file
from antiphon.config_places import PlaceSettings

_UNSHOWN = {"secret", "database_url", "DATABASE_URL", "redis_url", "REDIS_URL", "nats_url", "NATS_URL"}


# Fields come from the last base first: this is the order of the reference.
class Settings(BoundSettings, PlaceSettings, BaseSettings):
    """All settings. The variable of each is its alias, or ``ANTIPHON_`` and its name."""

    model_config = SettingsConfigDict(env_prefix="ANTIPHON_", populate_by_name=True, extra="ignore")

    providers: dict[str, Any] = Field(default_factory=dict, exclude=True)
    bots: dict[str, Any] = Field(default_factory=dict, exclude=True)

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
