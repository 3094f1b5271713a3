"""Back ends on Redis, apart from each other by a random prefix of their keys."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time

from antiphon import registry
from antiphon.connections.redis import connect
from backends import services
from other_programs import lacking
from ports import free_port


@contextlib.asynccontextmanager
async def clients():
    """Yield a function that connects as another process would, and a prefix; forget all when done."""
    url = services.need("REDIS_URL")
    prefix = f"test-{secrets.token_hex(6)}"
    opened = []

    def make():
        opened.append(connect(url))
        return opened[-1]

    yield make, prefix
    sweeper = make()
    keys = [key async for key in sweeper.scan_iter(f"{prefix}*", count=1_000)]
    if keys:
        await sweeper.unlink(*keys)
    for client in opened:
        await client.aclose()


@contextlib.asynccontextmanager
async def log(migrated_database, tmp_path):
    async with clients() as (make, prefix):
        # Turns of the tests are submitted right after the data set's birth, by the same clock.
        yield lambda: registry.load(registry.LOGS, "redis")(make(), prefix=prefix, clocks_differ_ms=0)


@contextlib.asynccontextmanager
async def bus(migrated_database, tmp_path):
    opened = []
    async with clients() as (make, prefix):

        def another():
            opened.append(registry.load(registry.BUSES, "redis")(make(), prefix=prefix))
            return opened[-1]

        yield another
        for each in opened:
            await each.close()


@contextlib.asynccontextmanager
async def limiter(migrated_database, tmp_path):
    async with clients() as (make, prefix):
        yield lambda rates: registry.load(registry.LIMITERS, "redis")(make(), rates, prefix=prefix)


@contextlib.asynccontextmanager
async def presence(migrated_database, tmp_path):
    async with clients() as (make, prefix):
        yield lambda: registry.load(registry.PRESENCES, "redis")(make(), prefix=f"{prefix}:")


@contextlib.asynccontextmanager
async def cache(migrated_database, tmp_path):
    async with clients() as (make, prefix):
        yield lambda: registry.load(registry.CACHES, "redis")(make(), prefix=prefix)


class PrivateServer:
    """A redis-server of one test's own, to be mistreated."""

    def __init__(self, folder, *settings):
        if shutil.which("redis-server") is None:
            lacking("needs the program redis-server: install it (Debian: redis-server)")
        self.folder, self.port, self.settings = folder, free_port(), settings
        self.process = None
        self.url = f"redis://127.0.0.1:{self.port}/0"
        folder.mkdir(exist_ok=True)

    def start(self, *settings):
        command = [
            "redis-server",
            "--port",
            str(self.port),
            "--dir",
            str(self.folder),
            "--save",
            "",
            "--bind",
        ]
        self.process = subprocess.Popen(
            [*command, "127.0.0.1", *self.settings, *settings], stdout=subprocess.DEVNULL
        )
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as probe:
                probe.sendall(b"PING\r\n")
                if probe.recv(64).startswith(b"+PONG"):
                    return
            time.sleep(0.01)
        raise AssertionError("redis-server did not come up")

    def signal(self, number):
        os.kill(self.process.pid, number)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self, *settings, empty=False):
        self.kill()
        if empty:
            shutil.rmtree(self.folder)
            self.folder.mkdir()
        self.start(*settings)
