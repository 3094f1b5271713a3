"""Real PostgreSQL, Redis and NATS for a run: a private set, on a CPU of their own, gone at the end."""

import asyncio
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import machine

SERVICES = Path(__file__).resolve().parent.parent / "deploy" / "services" / "services.py"
# How a pod is told of each, and how services.py calls its address.
SETTINGS = {"postgres": "DATABASE_URL", "redis": "REDIS_URL", "nats": "NATS_URL"}
ADDRESSES = {"postgres": "POSTGRES_URL", "redis": "REDIS_URL", "nats": "NATS_URL"}
DATABASE = "antiphon_bench"
COUNTERS = ("xact_commit", "tup_returned", "tup_fetched", "tup_inserted", "tup_updated", "tup_deleted")


class Engines:
    """The servers named, up within the block. They are private: nothing else uses them meanwhile."""

    def __init__(self, work: Path, names: Iterable[str], *, cpus: int | str = machine.OTHER_CPU) -> None:
        self._folder = work / "engines"
        self._names = [name for name in SETTINGS if name in set(names)]
        self._cpus = cpus
        self._urls: dict[str, str] = {}
        self.pids: dict[str, int] = {}

    def __enter__(self) -> Self:
        if not self._names:
            return self
        # PostgreSQL refuses to be root; its user must get through to its data.
        self._folder.parent.chmod(0o711)
        self._folder.mkdir()
        try:
            self._services("up", *self._names)
            told = (self._folder / ".services.env").read_text().splitlines()
            addresses = dict(line.split("=", 1) for line in told)
            self._urls = {name: addresses[ADDRESSES[name]] for name in self._names}
            self.pids = {name: int(self._services("pid", name)) for name in self._names}
        except BaseException:
            self._services("down", "--purge")
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._names:
            self._services("down", "--purge")

    def fresh(self, names: Iterable[str]) -> dict[str, str]:
        """Empty the servers named and return their addresses as settings; PostgreSQL gets a new database."""
        found = {}
        for name in names:
            url = self._urls[name]
            if name == "postgres":
                asyncio.run(_new_database(url))
                url = urlsplit(url)._replace(path=f"/{DATABASE}").geturl()
            elif name == "redis":
                import redis  # noqa: PLC0415 - the drivers are extras

                with redis.Redis.from_url(url) as client:
                    client.flushall()
            else:
                asyncio.run(_delete_streams(url))
            found[SETTINGS[name]] = url
        return found

    def of(self, names: Iterable[str]) -> dict[str, int]:
        """Return the processes of the servers named."""
        return {name: self.pids[name] for name in names}

    def pin(self, cpus: int | str) -> None:
        """Let the servers have these CPUs; what they start inherits it."""
        for pid in machine.tree(*self.pids.values()):
            command = ["taskset", "--all-tasks", "--cpu-list", "--pid", str(cpus), str(pid)]
            subprocess.run(command, capture_output=True, check=False)

    def cpu_seconds(self) -> float:
        """Return how long all of them have had a CPU so far, with the children that have ended."""
        return machine.cpu_seconds(machine.tree(*self.pids.values()))[0] if self.pids else 0.0

    def counters(self) -> Mapping[str, int]:
        """Return what PostgreSQL has counted in the database so far."""
        return asyncio.run(_counters(self._urls["postgres"]))

    def _services(self, *words: str) -> str:
        command = ["taskset", "-c", str(self._cpus), sys.executable, str(SERVICES), "--folder"]
        command += [str(self._folder), "--no-install", *words]
        # A session of its own: Ctrl-C must not end the servers before the pods that use them.
        done = subprocess.run(command, capture_output=True, text=True, check=False, start_new_session=True)
        if done.returncode:
            raise SystemExit(f"services.py {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout


async def _new_database(url: str) -> None:
    import asyncpg  # noqa: PLC0415

    connection = await asyncpg.connect(url)
    try:
        # Dropping writes what the last measurement has left to write, which the next must not pay for.
        await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {DATABASE}")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _delete_streams(url: str) -> None:
    import nats  # noqa: PLC0415

    client = await nats.connect(url)
    try:
        stream = client.jetstream()
        while found := await stream.streams_info():
            for each in found:
                await stream.delete_stream(str(each.config.name))
    finally:
        await client.close()


async def _counters(url: str) -> Mapping[str, int]:
    import asyncpg  # noqa: PLC0415

    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(
            f"SELECT {', '.join(COUNTERS)} FROM pg_stat_database WHERE datname = $1", DATABASE
        )
        return dict(row) if row else dict.fromkeys(COUNTERS, 0)
    finally:
        await connection.close()
