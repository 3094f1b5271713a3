"""Three pods on real servers of their own, with a network between them that can be broken."""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import nats
import redis.asyncio

from antiphon.testing.model_server import serve
from chaos.front import Front
from chaos.proxy import FaultProxy, steady_port
from serving import ServerProcess, model_toml

KINDS = {"postgres": ("postgres",), "redis": ("postgres", "redis"), "nats": ("postgres", "nats")}
SETTINGS = {"postgres": "DATABASE_URL", "redis": "REDIS_URL", "nats": "NATS_URL"}
ADDRESSES = {"postgres": "POSTGRES_URL", "redis": "REDIS_URL", "nats": "NATS_URL"}
SERVICES = Path(__file__).parents[2] / "deploy" / "services" / "services.py"
LEASE_S = 3.0
START_AGAIN_S = 60.0


def children(pid):
    """Return a process and all that descend from it, parents first."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


class Engines:
    """A private set of real servers: these may be killed."""

    def __init__(self, folder: Path, names):
        self.folder = folder
        self.names = tuple(names)

    async def act(self, *words):
        """Run a subcommand of services.py; return what it says."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SERVICES),
            "--folder",
            str(self.folder),
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, error = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"services.py {' '.join(words)}: {error.decode()}")
        return said.decode()

    async def up(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        await self.act("up", *self.names)
        return self

    async def down(self):
        await self.act("down", "--purge")

    def url(self, name):
        lines = (self.folder / ".services.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)[ADDRESSES[name]]

    async def pause(self, name):
        """Let a server hang: its connections stay, it says nothing."""
        await self._signal(name, signal.SIGSTOP)

    async def resume(self, name):
        await self._signal(name, signal.SIGCONT)

    async def _signal(self, name, number):
        for pid in children(int(await self.act("pid", name))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    async def fresh(self):
        """Return the addresses of an empty database and of emptied servers, by name."""
        name = f"antiphon_chaos_{secrets.token_hex(4)}"
        server = self.url("postgres")
        connection = await asyncpg.connect(server)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        urls = {"postgres": urlsplit(server)._replace(path=f"/{name}").geturl()}
        if "redis" in self.names:
            urls["redis"] = self.url("redis")
            client = redis.asyncio.from_url(urls["redis"])
            await client.flushall()
            await client.aclose()
        if "nats" in self.names:
            urls["nats"] = self.url("nats")
            client = await nats.connect(urls["nats"])
            jetstream = client.jetstream()
            for stream in await jetstream.streams_info():
                await jetstream.delete_stream(stream.config.name)
            await client.close()
        return urls


class Pod(ServerProcess):
    """One process of the fleet. ``lines`` are its own connections to the servers, by name."""

    def __init__(self, folder, toml, program, lines, door, settings):
        super().__init__(folder, toml, program, **settings)
        self.name = folder.name
        self.lines = lines
        self.door = door
        self.door.target = ("127.0.0.1", self.port)
        self.direct = self.url
        self.url = f"http://127.0.0.1:{door.port}"
        self.busy = False

    @property
    def running(self):
        return self.process is not None and self.process.returncode is None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    async def start_again(self):
        """Start it as a supervisor would: again, if it cannot start because a server is away."""
        deadline = asyncio.get_running_loop().time() + START_AGAIN_S
        while True:
            try:
                return await self.start()
            except RuntimeError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.5)


class Fleet:
    """Pods on engines, with a model to ask. Readers come in by ``pod.url``, which leads through a proxy."""

    def __init__(
        self, folder: Path, engines: Engines, *, pods=3, program=("-m", "antiphon"), proxied=True, **settings
    ):
        self.folder = folder
        self.engines = engines
        self.size = pods
        self.program = program
        self.proxied = proxied
        self.settings = settings
        self.pods: list[Pod] = []
        self.model = None
        self.front = None

    async def __aenter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.model = await serve("127.0.0.1", 0)
        toml = model_toml(self.model.port)
        # A provider that cannot go on with a text: a takeover begins again.
        toml += model_toml(self.model.port, continuation=False, name="again")
        urls = await self.engines.fresh()
        try:
            for n in range(self.size):
                self.pods.append(await self._pod(f"pod{n}", toml, urls))
            await asyncio.gather(*(pod.start() for pod in self.pods))
            if Front.possible():
                self.front = await Front(self.folder / "nginx", [pod.door.port for pod in self.pods]).start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _pod(self, name, toml, urls):
        folder = self.folder / name
        folder.mkdir()
        lines, addresses = {}, {}
        for engine, url in urls.items():
            parts = urlsplit(url)
            addresses[SETTINGS[engine]] = url
            if self.proxied:
                line = lines[engine] = await FaultProxy(parts.hostname, parts.port).start()
                place = parts.netloc.replace(f":{parts.port}", f":{line.port}")
                addresses[SETTINGS[engine]] = parts._replace(netloc=place).geturl()
        settings = {"LOG_LEVEL": "info", "ANTIPHON_LEASE_SECONDS": str(LEASE_S)}
        settings |= {**addresses, **self.settings}
        pod = Pod(folder, toml, self.program, lines, FaultProxy("127.0.0.1", 0), settings)
        pod.port = steady_port()
        pod.door.target = ("127.0.0.1", pod.port)
        pod.environment["PORT"] = str(pod.port)
        await pod.door.start()
        return pod

    async def __aexit__(self, *_):
        if self.front is not None:
            await self.front.close()
        for pod in self.pods:
            if pod.running:
                await pod.kill()
            await asyncio.gather(pod.door.close(), *(line.close() for line in pod.lines.values()))
        if self.model is not None:
            await self.model.close()

    @property
    def doors(self):
        """Where readers and writers can come in: at each pod, and by nginx."""
        return [*self.pods, *([self.front] if self.front else [])]

    @property
    def healthy(self):
        """The pods that nobody is doing anything to."""
        return [pod for pod in self.pods if pod.running and not pod.busy]

    def log_lines(self, event):
        """Return what pods logged under this name."""
        needle = f'"{event}"'
        return [line for pod in self.pods for line in pod.log.splitlines() if needle in line]
