"""``antiphon doctor`` on real servers: sound, badly set, away, and with a wrong password."""

import asyncio
import contextlib
import json
import secrets
import socket
import struct
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from antiphon import backends as opened
from antiphon.commands.doctor_servers import _postgres_settings, servers
from antiphon.commands.findings import masked, place
from antiphon.config import Settings, load_settings
from antiphon.stores.sql.migrate import HEAD
from backends.services import need
from doctor import read_findings, run_doctor
from other_programs import lacking
from ports import free_port

SERVICES = Path(__file__).parents[2] / ".services"
LONGEST_S = 5.0
SECRET = "p@ss:word/42"
ESCAPED = "p%40ss%3Aword%2F42"


def examine(tmp_path, **environment):
    """Run the command with nothing but this in its environment; return the code and the findings."""
    done = run_doctor(tmp_path, "--json", **environment)
    assert done.stderr == ""
    assert SECRET not in done.stdout
    assert ESCAPED not in done.stdout
    return done.returncode, read_findings(done.returncode, done.stdout)


def of(findings, topic):
    return [(level, text) for found, level, text in findings if found == topic]


async def ask(**given):
    """Examine the servers given; those that the environment names for the tests are not meant."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL", "NATS_URL"):
            patch.delenv(name, raising=False)
        settings = load_settings(given)
    return [(f.topic, f.level, f.text) for f in await servers(settings)]


# Sound


def test_a_whole_fleet_is_sound(tmp_path):
    urls = {
        "DATABASE_URL": need("POSTGRES_URL"),
        "REDIS_URL": need("REDIS_URL"),
        "NATS_URL": need("NATS_URL"),
    }
    code, findings = examine(tmp_path, **urls)
    assert code == 0
    ((_, plan),) = of(findings, "plan")
    assert "stores in PostgreSQL (DATABASE_URL); log: redis (REDIS_URL), wake-ups: nats (NATS_URL)" in plan
    database = of(findings, "database")
    assert "PostgreSQL" in database[0][1]
    assert "schema" in database[0][1]
    assert "connections in use" in database[1][1]
    assert of(findings, "redis")[0][1].endswith("for log, limits, connections")
    assert ("ok", "keeps running replies over a restart (append-only file)") in of(findings, "redis")
    assert of(findings, "nats")[0][1].endswith("for wake-ups")
    assert not of(findings, "disk")
    assert list(tmp_path.iterdir()) == []


def test_what_serves_what_is_told_with_its_reason(tmp_path):
    code, findings = examine(tmp_path)
    assert code == 0
    ((_, plan),) = of(findings, "plan")
    assert plan.startswith(
        "stores in an SQLite file (DATABASE_URL); log: sqlite (DATABASE_URL), wake-ups: memory,"
    )
    url = need("POSTGRES_URL")
    code, findings = examine(tmp_path, DATABASE_URL=url, ANTIPHON_BUS="memory", ANTIPHON_CHUNK_LOG="memory")
    assert code == 0
    plan, warned, limits = of(findings, "plan")
    assert "log: memory (ANTIPHON_CHUNK_LOG), wake-ups: memory (ANTIPHON_BUS), limits: memory," in plan[1]
    assert warned[0] == "warning"
    assert limits == ("ok", "each process counts rates for itself: several allow that many times more")
    assert of(findings, "log")[0][0] == "warning"


async def test_jetstream_that_holds_the_log():
    findings = await ask(nats_url=need("NATS_URL"), database_url=need("POSTGRES_URL"))
    assert of(findings, "nats")[0][1].endswith("for log, wake-ups")
    assert of(findings, "nats")[1] == ("ok", "JetStream is on, and keeps running replies over a restart")


async def test_the_schema_of_a_database():
    import asyncpg

    from backends.postgres import create, drop

    server = need("POSTGRES_URL")
    url = await create(server)
    try:
        assert f"schema {HEAD}, the newest" in (await ask(database_url=url))[0][2]
        connection = await asyncpg.connect(url)
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        assert "newer than this program's" in (await ask(database_url=url))[0][2]
        await connection.execute("UPDATE alembic_version SET version_num = '0000'")
        assert f"schema 0000, to become {HEAD}" in (await ask(database_url=url))[0][2]
        await connection.execute("DROP TABLE alembic_version")
        assert "belongs to another program" in (await ask(database_url=url))[0][2]
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        assert f"schema none, to become {HEAD}" in (await ask(database_url=url))[0][2]

        # PostgreSQL 15 and newer let only the owner make tables.
        guest = f"guest_{secrets.token_hex(4)}"
        await connection.execute(f"CREATE ROLE {guest} LOGIN; GRANT USAGE ON SCHEMA public TO {guest}")
        place = urlsplit(url)
        as_guest = place._replace(netloc=f"{guest}:x@{place.hostname}:{place.port}").geturl()
        assert ("database", "problem", "this user may not make tables") in await ask(database_url=as_guest)
        await connection.execute(f"DROP OWNED BY {guest}; DROP ROLE {guest}")
        await connection.close()
    finally:
        await drop(server, url)


@pytest.mark.parametrize(
    ("used", "pool", "level"), [(10, 10, "ok"), (90, 10, "warning"), (10, 98, "problem")], ids=str
)
def test_room_for_connections(used, pool, level):
    facts = {
        "major": 15,
        "version": "15.1",
        "most": 97,
        "used": used,
        "ours": 0,
        "fsync": "on",
        "commits": "on",
    }
    settings = Settings(database_url="postgresql://a@b/c", database_pool=pool)
    (finding,) = _postgres_settings(settings, facts)
    assert finding.level == level
    assert f"a pod takes up to {pool + 1}" in finding.text
    assert level == "ok" or "ANTIPHON_DATABASE_POOL" in finding.advice


# Badly set


@contextlib.asynccontextmanager
async def started(name, *options):
    """Start a server of our own with other options than those of ``make services``."""
    need({"redis": "REDIS_URL", "nats": "NATS_URL"}[name])
    state = SERVICES / name / "state.json"
    if not state.exists():
        lacking(f"needs the {name} of `make services`")
    port = free_port()
    flag = {"redis": "--port", "nats": "-p"}[name]
    process = await asyncio.create_subprocess_exec(
        json.loads(state.read_text())["program"]["path"],
        *(flag, str(port), *options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.02)
        yield port
    finally:
        process.kill()
        await process.wait()


FORGETFUL = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no")


async def test_a_redis_that_forgets_and_evicts():
    options = (*FORGETFUL, "--maxmemory", "20mb", "--maxmemory-policy", "allkeys-lru")
    async with started("redis", *options) as port:
        findings = of(await ask(redis_url=f"redis://127.0.0.1:{port}/0"), "redis")
        assert [level for level, _ in findings] == ["ok", "warning", "warning"]
        assert "no append-only file" in findings[1][1]
        assert "allkeys-lru" in findings[2][1]
        # Neither matters to what may be forgotten.
        findings = of(await ask(redis_url=f"redis://127.0.0.1:{port}/0", chunk_log="sqlite"), "redis")
        assert [level for level, _ in findings] == ["ok"]


async def test_a_redis_that_is_a_replica(tmp_path):
    async with started("redis", *FORGETFUL, "--replicaof", "127.0.0.1 1") as port:
        findings = of(await ask(redis_url=f"redis://127.0.0.1:{port}/0"), "redis")
        assert ("problem", "it is a replica: nothing can be written") in findings


async def test_wrong_passwords_are_told_apart_and_not_shown(tmp_path):
    async with (
        started("redis", *FORGETFUL, "--requirepass", "right") as redis,
        started("nats", "-a", "127.0.0.1", "--user", "me", "--pass", "right") as nats,
    ):
        code, findings = await asyncio.to_thread(
            examine,
            tmp_path,
            REDIS_URL=f"redis://:{ESCAPED}@127.0.0.1:{redis}/0",
            NATS_URL=f"nats://me:{ESCAPED}@127.0.0.1:{nats}",
        )
        assert code == 1
        ((level, text),) = of(findings, "redis")
        assert level == "problem"
        assert "password" in text
        ((level, text),) = of(findings, "nats")
        assert level == "problem"
        assert "authorization" in text.lower()
        findings = await ask(
            redis_url=f"redis://:right@127.0.0.1:{redis}/0", nats_url=f"nats://me:right@127.0.0.1:{nats}"
        )
        assert "problem" not in {level for _, level, _ in findings}
        assert "right" not in str(findings)


async def test_a_nats_without_jetstream():
    async with started("nats", "-a", "127.0.0.1") as port:
        url = f"nats://127.0.0.1:{port}"
        findings = of(await ask(nats_url=url), "nats")
        assert [level for level, _ in findings] == ["ok", "problem"]
        assert "JetStream is off" in findings[1][1]
        findings = of(await ask(nats_url=url, chunk_log="sqlite"), "nats")
        assert [level for level, _ in findings] == ["ok", "warning"]


# Away


async def refuse_password(reader, writer):
    """Be a PostgreSQL that does not believe the client, and repeats what it said."""
    await reader.readexactly(struct.unpack("!i", await reader.readexactly(4))[0] - 4)
    writer.write(b"R" + struct.pack("!ii", 8, 3))
    kind = await reader.readexactly(1)
    said = await reader.readexactly(struct.unpack("!i", await reader.readexactly(4))[0] - 4)
    assert kind == b"p"
    fields = b"SFATAL\0C28P01\0Mno such password: " + said + b"\0"
    writer.write(b"E" + struct.pack("!i", len(fields) + 4) + fields)
    await writer.drain()
    writer.close()


async def test_a_postgres_that_refuses_the_password(tmp_path):
    need("POSTGRES_URL")  # for its driver
    async with await asyncio.start_server(refuse_password, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://me:{ESCAPED}@127.0.0.1:{port}/db?sslmode=disable"
        code, findings = await asyncio.to_thread(examine, tmp_path, DATABASE_URL=url)
    assert code == 1
    ((level, text),) = of(findings, "database")
    assert level == "problem"
    assert "refuses the user or the password" in text


async def test_a_postgres_without_that_database():
    url = urlsplit(need("POSTGRES_URL"))._replace(path="/no_such_database").geturl()
    ((_, level, text),) = await ask(database_url=url)
    assert level == "problem"
    assert "no database of that name" in text


@pytest.mark.parametrize("silent", [False, True], ids=["refused", "silent"])
async def test_servers_that_are_away_are_waited_for_within_a_bound(silent):
    with socket.socket() as taken:  # bound: refused; listening: taken, and never answered
        taken.bind(("127.0.0.1", 0))
        if silent:
            taken.listen()
        where = f"{ESCAPED}@127.0.0.1:{taken.getsockname()[1]}"
        began = time.monotonic()
        findings = await ask(
            database_url=f"postgresql://me:{where}/db",
            redis_url=f"redis://:{where}/0",
            nats_url=f"nats://me:{where}",
        )
        assert time.monotonic() - began < LONGEST_S
    assert [(topic, level) for topic, level, _ in findings] == [
        ("database", "problem"),
        ("redis", "problem"),
        ("nats", "problem"),
    ]
    assert SECRET not in str(findings)
    assert ESCAPED not in str(findings)


@pytest.mark.parametrize(
    ("package", "topic", "given"),
    [
        ("asyncpg", "database", {"database_url": "postgresql://a@b/c"}),
        ("redis", "redis", {"redis_url": "redis://b"}),
        ("nats", "nats", {"nats_url": "nats://b"}),
    ],
)
async def test_a_driver_that_is_not_installed(monkeypatch, package, topic, given):
    def absent(table, kind):
        raise ImportError(name=package)

    monkeypatch.setattr(opened.registry, "load", absent)
    (finding,) = await servers(load_settings(given))
    assert (finding.topic, finding.level, finding.text) == (topic, "problem", f"{package} is not installed")
    extra = {"asyncpg": "postgres"}.get(package, package)
    assert finding.advice.startswith(f"Run: pip install 'antiphon[{extra}]', or unset ")


def test_places_without_passwords():
    assert place("postgresql://me:p@ss@one:5432,two:5433/db?sslmode=x") == "one:5432,two:5433/db"
    assert place("redis://:x@box/0") == "box/0"
    assert place("nats://token@a:1,nats://b:2").endswith("b:2")
    assert "token" not in place("nats://token@a:1,nats://b:2")
    assert masked(f"I know {SECRET} and {ESCAPED}", f"redis://:{ESCAPED}@box") == "I know … and …"
    assert masked("token here", "nats://token@box") == "… here"


async def test_two_nats_servers_in_one_address():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = f"nats://127.0.0.1:{taken.getsockname()[1]}"
        findings = await ask(nats_url=f"{away},{need('NATS_URL')}", database_url=need("POSTGRES_URL"))
    assert [level for level, _ in of(findings, "nats")] == ["ok", "ok"]
