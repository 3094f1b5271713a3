"""The command line as people run it: a server to be killed, a chat in files, through pipes or in a terminal.

Also a proxy to put between the two, which breaks their connections.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from pathlib import Path

from patience import PATIENCE_S
from ports import free_port

ANTIPHON = (sys.executable, "-m", "antiphon")
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""),
    "LANG": "C.UTF-8",
    "TERM": "xterm",
    "NO_COLOR": "1",
    "PYTHONUNBUFFERED": "1",
}


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


class Served:
    """A server process on one database and one port, to be killed and started again."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = ENVIRONMENT | environment
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self, *, wait: bool = True) -> "Served":
        self.starts += 1
        said = self.directory / f"serve-{self.starts}.out"
        with said.open("wb") as out, (self.directory / "serve.err").open("ab") as err:
            self.process = subprocess.Popen(
                [*ANTIPHON, "serve", "--port", str(self.port)],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        if wait:
            wait_until(lambda: self.url in said.read_text(), "the server's first line")
        return self

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE_S)
            self.process = None

    def api(self, method, path, body=None, user="terminal"):
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-User-ID": user, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return json.loads(response.read())

    def messages(self, user="terminal"):
        """Return the messages of the user's newest session."""
        session = self.api("GET", "/api/sessions", user=user)["sessions"][0]
        return self.api("GET", f"/api/sessions/{session['id']}/messages", user=user)["messages"]


class Chatting:
    """A chat process whose output goes to files, to be looked at while it runs."""

    def __init__(self, directory: Path, url: str, *arguments: str) -> None:
        self.out, self.err = directory / "chat.out", directory / "chat.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*ANTIPHON, "chat", "--url", url, *arguments],
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.out.read_text(), text)

    def end(self) -> int:
        return self.process.wait(PATIENCE_S)


def chat(url, *arguments, send=""):
    """Run a chat to its end."""
    return subprocess.run(
        [*ANTIPHON, "chat", "--url", url, *arguments],
        check=False,
        env=ENVIRONMENT,
        input=send,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


class Terminal:
    """A chat on a pseudo-terminal, wide enough that no line is broken."""

    def __init__(self, url: str, *arguments: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 5000, 0, 0))
        self.process = subprocess.Popen(
            [*ANTIPHON, "chat", "--url", url, *arguments],
            env=ENVIRONMENT,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""
        self.at = 0

    def expect(self, text: str) -> None:
        """Wait for a text behind the last one that was waited for."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.seen.find(text, self.at)) < 0:
            assert time.monotonic() < deadline, f"{text!r} did not come, but {self.seen[self.at :]!r}"
            self._read()
        self.at = found + len(text)

    def send(self, text: str) -> None:
        os.write(self.master, text.encode())

    def end(self) -> int:
        deadline = time.monotonic() + PATIENCE_S
        while self._read():
            assert time.monotonic() < deadline, f"it did not end, but {self.seen[self.at :]!r}"
        return self.process.wait(PATIENCE_S)

    def interrupt_to_leave(self) -> None:
        """Interrupt the prompt, once more if line editing was just being set up and did not notice."""
        time.sleep(0.2)
        for _ in range(20):
            self.process.send_signal(signal.SIGINT)
            until = time.monotonic() + 3
            while time.monotonic() < until and self.process.poll() is None:
                self._read()
            if self.process.poll() is not None:
                return

    def _read(self) -> bool:
        if select.select([self.master], [], [], 0.5)[0]:
            try:
                data = os.read(self.master, 1 << 16)
            except OSError:  # the other end is closed
                return False
            self.seen += data.decode(errors="replace")
        return True

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        os.close(self.master)


class Breaking:
    """A proxy that swallows the first answer and cuts every other one after some bytes."""

    def __init__(self, port: int, cut_after: int) -> None:
        self.port = port
        self.cut_after = cut_after
        self.sends = self.answers = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.port)
        copying = asyncio.create_task(self._copy(reader, there_writer))
        with contextlib.suppress(OSError):
            left = self.cut_after
            while left > 0 and (data := await there_reader.read(1024)):
                self.answers += 1
                if self.sends == 1 and b"text/event-stream" in data:
                    self.sends += 1
                    break
                writer.write(data[:left])
                await writer.drain()
                left -= len(data)
        copying.cancel()
        for each in (writer, there_writer):
            each.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            if b"/messages" in data and not self.sends:
                self.sends = 1
            writer.write(data)
