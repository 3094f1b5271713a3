"""Antiphon as clients meet it: one server, or a fleet behind the nginx that ships; with a model to ask."""

import asyncio
import contextlib
import itertools
import threading
from pathlib import Path

from antiphon.testing.model_server import serve
from backends import postgres
from backends.services import need
from chaos.front import Front
from serving import ServerProcess, model_toml

KINDS = ("embedded", "fleet")
PODS = 2


class Site:
    """Where clients go. ``url`` and ``ws`` lead to whatever pod answers; ``pods`` to each of them.

    ``model`` is the test model's server (its ``url``, and what it counts); it is provider ``test``.
    """

    def __init__(self, kind, url, servers, model):
        self.kind = kind
        self.url = url
        self.servers = servers
        self.model = model

    @property
    def ws(self):
        return self.url.replace("http://", "ws://")

    @property
    def pods(self):
        return [server.url for server in self.servers]

    @property
    def log(self):
        """What all pods have written so far."""
        return "".join(server.log for server in self.servers)


@contextlib.asynccontextmanager
async def embedded(folder: Path, toml="", **settings):
    """One server on SQLite; ``toml`` goes behind the model's configuration."""
    async with contextlib.AsyncExitStack() as stack:
        model = await serve("127.0.0.1", 0)
        stack.push_async_callback(model.close)
        server = ServerProcess(folder, model_toml(model.port) + toml, **settings)
        await stack.enter_async_context(server)
        yield Site("embedded", server.url, [server], model)


@contextlib.asynccontextmanager
async def fleet(folder: Path, toml="", **settings):
    """Pods on a PostgreSQL database of their own, behind nginx; without it, each connection gets the next."""
    database = need("POSTGRES_URL")
    async with contextlib.AsyncExitStack() as stack:
        model = await serve("127.0.0.1", 0)
        stack.push_async_callback(model.close)
        own = await postgres.create(database)
        stack.push_async_callback(postgres.drop, database, own)
        servers = []
        for number in range(PODS):
            place = folder / f"pod{number}"
            place.mkdir()
            configured = model_toml(model.port) + toml
            servers.append(ServerProcess(place, configured, DATABASE_URL=own, **settings))
            await stack.enter_async_context(servers[-1])
        ports = [server.port for server in servers]
        if Front.possible():
            front = Front(folder / "nginx", ports)
            stack.push_async_callback(front.close)
            await front.start()
            url = front.url
        else:
            url = (await stack.enter_async_context(Way(ports))).url
        yield Site("fleet", url, servers, model)


OPEN = {"embedded": embedded, "fleet": fleet}


class Loop:
    """An event loop in a thread of its own, for what outlives the loops of single tests."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self):
        self.run(asyncio.sleep(0))  # transports close in the loop's next round
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextlib.contextmanager
def kept(opening):
    """Open a site, which several tests share, in a loop of its own."""
    loop = Loop()
    try:
        yield loop.run(opening.__aenter__())
        loop.run(opening.__aexit__(None, None, None))
    finally:
        loop.close()


class Way:
    """A port that leads to others, each connection to the next of them.

    The first ``cuts`` connections on which ``size`` bytes came back are reset there. ``opened`` is set once
    any byte came back.
    """

    def __init__(self, ports, size=0, cuts=0):
        self._following = itertools.cycle(ports)
        self._size = size
        self.cuts_left = cuts
        self.opened = asyncio.Event()
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the loop's next round

    async def _accept(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        ends = [writer]
        try:
            beyond = await asyncio.open_connection("127.0.0.1", next(self._following))
            ends.append(beyond[1])
            upward = asyncio.create_task(self._up(reader, beyond[1]))
            try:
                await self._back(beyond[0], writer)
            finally:
                upward.cancel()
        except OSError:
            pass  # one side has gone, so the other goes
        finally:
            for end in ends:
                end.transport.abort()
            self._tasks.discard(task)

    async def _up(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    async def _back(self, reader, writer):
        came = 0
        while data := await reader.read(65536):
            self.opened.set()
            if self.cuts_left and came + len(data) >= self._size:
                self.cuts_left -= 1
                writer.write(data[: max(0, self._size - came)])
                return
            came += len(data)
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()


def cutting(url, size, times=1):
    """Return a Way to ``url`` that cuts the first ``times`` connections on which ``size`` bytes came back."""
    return Way([int(url.rpartition(":")[2])], size, times)
