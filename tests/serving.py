"""The program started as a user starts it, and a small client to talk to it."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import aiohttp

from ports import free_port

START_TIMEOUT_S = 60
# A server of the tests has only the settings that its test gives it.
_OWN = ("ANTIPHON_", "OPENAI_", "OLLAMA_", "DATABASE_URL", "REDIS_URL", "NATS_URL")


class ServerProcess:
    """``antiphon serve`` in a folder of its own; ``settings`` are environment variables."""

    def __init__(
        self, folder: Path, toml: str = "", program: tuple[str, ...] = ("-m", "antiphon"), **settings: str
    ):
        self.folder = folder
        self.program = program
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "antiphon.toml").write_text(toml)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(_OWN)}
        self.environment = {
            **clean,
            "PORT": str(self.port),
            "ANTIPHON_RATE_LIMITS": "off",
            "ANTIPHON_LOG_FORMAT": "json",
            **settings,
        }
        self.process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    async def start(self):
        with (self.folder / "server.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.program,
                "serve",
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.returncode is not None:
                raise RuntimeError(f"the server ended:\n{self.log}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return self
        raise RuntimeError(f"the server did not start:\n{self.log}")

    async def kill(self):
        """End it without a word, as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self):
        """End it as an operator would; return its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    async def __aenter__(self):
        return await self.start()

    async def __aexit__(self, *_):
        if self.process is not None and self.process.returncode is None:
            await self.kill()


def model_toml(port: int, *, continuation: bool = True, name: str = "test") -> str:
    """Configure the test model as a provider."""
    return (
        f'[providers.{name}]\nbase_url = "http://127.0.0.1:{port}/v1"\n'
        f"continuation = {str(continuation).lower()}\n"
    )


class Event:
    """One server-sent event."""

    def __init__(self, fields):
        self.id = fields.get("id")
        self.name = fields.get("event", "message")
        self.text = fields.get("data", "")

    @property
    def data(self):
        return json.loads(self.text)


async def events(response):
    """Yield the events of a response until it ends or breaks."""
    fields: dict[str, str] = {}
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        if not line:
            if fields:
                yield Event(fields)
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value


class Reply:
    """A reply as one reader puts it together. Finds gaps, repeats and disagreement as it goes."""

    def __init__(self):
        self.text = ""
        self.next = 0
        self.cursor = None
        self.end = None
        self.message_ids = set()
        self.resets = 0

    def take(self, event: Event):
        data = event.data
        if data["type"] == "turn":
            self.message_ids.add(data["message_id"])
        if "seq" not in data:
            return
        assert data["seq"] == self.next, f"chunk {data['seq']} came where {self.next} was due"
        self.next += 1
        self.cursor = event.id
        if data["type"] == "content":
            self.text += data["text"]
        elif data["type"] == "reset":
            self.text = ""
            self.resets += 1
        elif data["type"] == "end":
            self.end = data["data"]
            self.message_ids.add(self.end["message_id"])


class Caller:
    """Who calls one server; ``session`` is how, as aiohttp names it."""

    def __init__(self, url: str, **session):
        self.url = url
        self.http = aiohttp.ClientSession(**{"timeout": aiohttp.ClientTimeout(total=60)} | session)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.http.close()


class Client(Caller):
    """The native API as one user."""

    def __init__(self, url: str, user: str = "ann"):
        jar = aiohttp.CookieJar(unsafe=True)  # the server's name is an address
        super().__init__(url, headers={"X-User-ID": user}, cookie_jar=jar)

    async def call(self, method, path, status=200, **more):
        async with self.http.request(method, self.url + path, **more) as response:
            body = await response.read()
            assert response.status == status, f"{response.status}: {body!r}"
            return json.loads(body) if body else None

    async def session(self, **body):
        return (await self.call("POST", "/api/sessions", 201, json=body))["id"]

    async def send(self, session, text, **more):
        path = f"/api/sessions/{session}/messages"
        return (await self.call("POST", path, 202, json={"text": text, **more}))["turn"]

    async def messages(self, session):
        return (await self.call("GET", f"/api/sessions/{session}/messages"))["messages"]

    async def follow(self, turn_id, reply=None, most=None):
        """Read a turn's events into the reply: to its end, or ``most`` chunks and then hang up."""
        reply = Reply() if reply is None else reply
        headers = {"Last-Event-ID": reply.cursor} if reply.cursor else {}
        taken = 0
        async with self.http.get(f"{self.url}/api/turns/{turn_id}/events", headers=headers) as response:
            if response.status == 204:
                return reply
            assert response.status == 200, await response.text()
            async for event in events(response):
                reply.take(event)
                taken += event.id is not None
                if reply.end is not None or taken == most:
                    break
        return reply
