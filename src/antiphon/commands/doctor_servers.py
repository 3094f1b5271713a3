"""``antiphon doctor`` on the servers that settings name: PostgreSQL, Redis, NATS."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

from antiphon.backends import Backends, MissingDriver
from antiphon.commands.findings import Finding, Findings, masked, place, schema
from antiphon.config import Settings, variable
from antiphon.errors import StoreUnavailable

PATIENCE_S = 4.0
"""How long each server may take for all its answers; they are asked at the same time."""
OLDEST_POSTGRES = 14
OLDEST_REDIS = (6, 2)
OLDEST_NATS = (2, 11)

_POSTGRES_FACTS = """
SELECT current_setting('server_version_num')::int / 10000 AS major,
       current_setting('server_version') AS version,
       current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int AS most,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') - 1 AS used,
       (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'antiphon') - 1 AS ours,
       (SELECT count(*) FROM pg_tables WHERE schemaname = current_schema) AS tables,
       to_regclass('alembic_version') IS NOT NULL AS known,
       coalesce(has_schema_privilege(current_schema, 'CREATE'), false) AS may_create,
       current_setting('synchronous_commit') AS commits,
       current_setting('fsync') AS fsync
"""


async def servers(settings: Settings) -> list[Finding]:
    """Examine every server that is named, all at the same time."""
    asked = []
    if settings.store == "postgres":
        asked.append(_within("database", "DATABASE_URL", settings.database_url, _postgres(settings)))
    if settings.redis_url:
        asked.append(_within("redis", "REDIS_URL", settings.redis_url, _redis(settings)))
    if settings.nats_url:
        asked.append(_within("nats", "NATS_URL", settings.nats_url, _nats(settings)))
    return [finding for findings in await asyncio.gather(*asked) for finding in findings]


async def _within(topic: str, name: str, url: str, found: AsyncIterator[Finding]) -> list[Finding]:
    """Collect what is found in time; whatever goes wrong is a finding itself."""
    where, advice = place(url), f"Start it, or correct {name}."
    findings: list[Finding] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            findings += [finding async for finding in found]
    except MissingDriver as error:
        told, _, todo = str(error).partition(". ")
        findings.append(Finding(topic, "problem", told, f"{todo}, or unset {name}."))
    except TimeoutError:
        text = f"{where} did not answer within {PATIENCE_S:g} s"
        findings.append(Finding(topic, "problem", text, advice))
    except StoreUnavailable as error:
        text = f"{where}: {masked(error.message, url).partition(' Try again')[0]}"
        findings.append(Finding(topic, "problem", text, advice))
    except Exception as error:  # noqa: BLE001 - each driver has a tree of its own; a report must not crash
        text = f"{where} cannot be used: {masked(str(error) or type(error).__name__, url)}"
        findings.append(Finding(topic, "problem", text, advice))
    return findings


async def _postgres(settings: Settings) -> AsyncIterator[Finding]:
    await Backends(settings).executor.close()  # tells whether the driver is there
    from antiphon.connections.postgres import Address  # noqa: PLC0415 - its driver is an extra

    connection = await Address(settings.database_url).connect(statement_s=PATIENCE_S)
    try:
        facts = await connection.fetchrow(_POSTGRES_FACTS)
        revision = None
        if facts["known"]:
            revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    finally:
        connection.terminate()
    where = f"PostgreSQL {facts['version'].split()[0]} at {place(settings.database_url)}"
    tells = schema(where, revision, facts["tables"])
    yield tells
    if tells.advice and tells.level == "ok" and not facts["may_create"]:
        advice = "Let the database's owner run `antiphon migrate`, or grant CREATE on the schema."
        yield Finding("database", "problem", "this user may not make tables", advice)
    for finding in _postgres_settings(settings, facts):
        yield finding


def _postgres_settings(settings: Settings, facts: Any) -> Findings:
    if facts["major"] < OLDEST_POSTGRES:
        text = f"PostgreSQL {facts['version']} is not tested with"
        yield Finding("database", "warning", text, f"Use {OLDEST_POSTGRES} or newer.")
    need = settings.workers * (settings.database_pool + (settings.bus_kind == "postgres"))
    free = max(0, facts["most"] - facts["used"])
    told = f"{facts['used']} of {facts['most']} connections in use, {facts['ours']} of them antiphon's"
    pod = f"a pod takes up to {need}"
    more = f"Set max_connections higher, or {variable('database_pool')} lower."
    if need > facts["most"]:
        yield Finding("database", "problem", f"{told}; {pod}", more)
    elif need > free:
        advice = f"{more} (Unless the pods that have them are all there will be.)"
        yield Finding("database", "warning", f"{told}; {pod}, and only {free} are left", advice)
    else:
        yield Finding("database", "ok", f"{told}; {pod}: room for {free // need} more")
    if facts["fsync"] == "off" or facts["commits"] == "off":
        name = "fsync" if facts["fsync"] == "off" else "synchronous_commit"
        text = f"{name} is off: a crash of the server may take the last moments, told to readers already"
        yield Finding("database", "warning", text, f"Set {name} = on unless speed is worth that.")


async def _redis(settings: Settings) -> AsyncIterator[Finding]:
    backends = Backends(settings)
    client = backends.redis
    from antiphon.connections.redis import asking  # noqa: PLC0415 - its driver is an extra

    try:
        async with asking(PATIENCE_S):
            await client.ping()
            facts = await client.info()
    finally:
        await client.aclose()
    version = str(facts.get("redis_version", "0"))
    where = f"Redis {version} at {place(settings.redis_url or '')}"
    serves = [
        part
        for part, kind in (
            ("log", settings.log_kind),
            ("wake-ups", settings.bus_kind),
            ("limits", settings.limiter_kind),
            ("connections", settings.presence_kind),
        )
        if kind == "redis"
    ]
    yield Finding("redis", "ok", f"{where}, for {', '.join(serves)}")
    for finding in _redis_settings(facts, version, holds_log=settings.log_kind == "redis"):
        yield finding


def _redis_settings(facts: dict[str, Any], version: str, *, holds_log: bool) -> Findings:
    if _numbers(version) < OLDEST_REDIS:
        yield Finding("redis", "problem", f"Redis {version} is too old", "Use 6.2 or newer.")
    if facts.get("redis_mode") == "cluster":
        advice = "Set REDIS_URL to a single primary; replicas and a sentinel may stand behind it."
        yield Finding("redis", "problem", "it is a Redis Cluster, which is not supported", advice)
    if facts.get("role") == "slave":
        yield Finding("redis", "problem", "it is a replica: nothing can be written", "Name the primary.")
    if not holds_log:
        return
    if facts.get("aof_enabled"):
        yield Finding("redis", "ok", "keeps running replies over a restart (append-only file)")
    else:
        text = (
            "forgets running replies when it restarts (no append-only file): lost if their process ends too"
        )
        yield Finding("redis", "warning", text, "Set appendonly yes.")
    policy, most = facts.get("maxmemory_policy", "noeviction"), facts.get("maxmemory", 0)
    if policy != "noeviction" and most:
        text = f"when it is full it deletes keys ({policy}), running replies among them"
        yield Finding("redis", "warning", text, "Set maxmemory-policy noeviction: what is full says so then.")


async def _nats(settings: Settings) -> AsyncIterator[Finding]:
    _ = Backends(settings).nats  # tells whether the driver is there
    from nats.aio.client import Client  # noqa: PLC0415 - its driver is an extra
    from nats.errors import Error, NoRespondersError  # noqa: PLC0415

    client, problems = Client(), list[Exception]()

    async def noted(error: Exception) -> None:
        problems.append(error)

    try:
        await client.connect(
            [server.strip() for server in (settings.nats_url or "").split(",")],
            name="antiphon-doctor",
            error_cb=noted,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=math.ceil(PATIENCE_S / 2),
        )
        version = client.connected_server_version
        try:
            account = json.loads((await client.request("$JS.API.INFO", timeout=PATIENCE_S / 2)).data)
        except NoRespondersError:
            account = {"error": {"description": "not enabled"}}
    except (Error, OSError) as error:
        # What the server said before it hung up tells more than that it did.
        raise problems[0] if problems else error from None
    finally:
        await client.close()
    needed = settings.log_kind == "nats"
    serves = [
        part for part, kind in (("log", settings.log_kind), ("wake-ups", settings.bus_kind)) if kind == "nats"
    ]
    numbers = (version.major, version.minor)
    told = f"NATS {version.major}.{version.minor}.{version.patch} at {place(settings.nats_url or '')}"
    yield Finding("nats", "ok", f"{told}, for {', '.join(serves) or 'workflows'}")
    if numbers < OLDEST_NATS:
        text = f"NATS {version.major}.{version.minor} is too old to hold the log"
        yield Finding("nats", "problem" if needed else "warning", text, "Use 2.11 or newer.")
    if "error" in account:
        text = f"JetStream is off: {account['error'].get('description', 'no word why')}"
        advice = "Start the server with --jetstream, or allow it to this account."
        yield Finding("nats", "problem" if needed else "warning", text, advice)
    elif needed:
        yield Finding("nats", "ok", "JetStream is on, and keeps running replies over a restart")


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version."""
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split(".")[:2])
