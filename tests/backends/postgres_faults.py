"""A PostgreSQL of a test's own, a wire to cut, and how to wait for what comes back."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

from antiphon.connections import postgres as connections
from antiphon.model import Chunk, End, Principal, TurnState
from antiphon.stores.port import NewTurn, Outcome
from antiphon.stores.postgres import PostgresExecutor

ANN = Principal("user:ann")
# Waiting for a connection, opening one, and a statement: nobody waits longer than for all three.
LONGEST_S = connections.ACQUIRE_S + connections.CONNECT_S + connections.STATEMENT_S + 1


class PrivateServer:
    """A server of our own, to be treated badly."""

    def __init__(self, folder):
        sys.path.insert(0, str(Path(__file__).parents[2] / "deploy" / "services"))
        try:
            from services import Services
        finally:
            sys.path.pop(0)
        self.services = Services(folder)
        self.start()
        self.url = self.services.addresses()["POSTGRES_URL"]

    def start(self):
        self.services.up(["postgres"])

    def kill(self):
        self.services.kill("postgres")

    def restart(self):
        self.services.restart("postgres")

    def processes(self):
        """Return the server's process and those it started."""
        main = self.services.pid("postgres")
        found = [main]
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if int((place / "stat").read_text().rpartition(")")[2].split()[1]) == main:
                    found.append(int(place.name))
        return found

    @contextlib.contextmanager
    def paused(self):
        stopped = self.processes()
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


class Wire:
    """A way to the server that breaks after words of our choice, so that their answer is lost."""

    def __init__(self, url):
        self.place = urlsplit(url)
        self.words = None
        self.cuts = 0
        self.tasks = set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.connected, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        netloc = self.place.netloc.rpartition("@")[0] + f"@127.0.0.1:{port}"
        self.url = self.place._replace(netloc=netloc, query="sslmode=disable").geturl()
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.server.wait_closed()

    async def connected(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        with contextlib.suppress(asyncio.CancelledError):
            await self.between(reader, writer)

    async def between(self, reader, writer):
        there, back = await asyncio.open_connection(self.place.hostname, self.place.port)
        cut = asyncio.Event()
        ways = [
            asyncio.create_task(self.carry(reader, back, cut, self.heard)),
            asyncio.create_task(self.carry(there, writer, cut, lambda _: False)),
        ]
        try:
            await asyncio.wait([*ways, asyncio.create_task(cut.wait())], return_when="FIRST_COMPLETED")
            if cut.is_set():
                await asyncio.sleep(0.3)  # for the server to do what it was told
        finally:
            for way in ways:
                way.cancel()
            cut.set()
            writer.close()
            back.close()
            await asyncio.gather(*ways, return_exceptions=True)

    def heard(self, data):
        return self.words is not None and self.words in data

    async def carry(self, reader, writer, cut, ends):
        while data := await reader.read(65536):
            if cut.is_set():
                await asyncio.sleep(60)
            if ends(data):
                self.words = None
                self.cuts += 1
                cut.set()
            writer.write(data)


def text(*words):
    return [Chunk("content", word) for word in words]


def ask(session="s", **more):
    defaults = {"bot": "b", "model": "m", "text": "x", "create_session": True, "claim_for": "pod"}
    return NewTurn(session_id=session, **(defaults | more))


def outcome(turn):
    end = End(state=TurnState.COMPLETE, finish_reason="stop", model="m", message_id=turn.reply_id)
    return Outcome(state=TurnState.COMPLETE, content="", end=end, chunks=[Chunk("end", "{}")])


@contextlib.asynccontextmanager
async def opened(url, **more):
    executor = PostgresExecutor(url, **more)
    yield executor
    await executor.close()
