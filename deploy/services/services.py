"""Real servers for the tests, as processes on this machine: up, down, and killed on purpose.

``--folder`` (the checkout, if not given) holds a set of servers: data and logs in ``.services/``, addresses
in ``.services.env``. Python code can do the same with ``Services`` (this file's folder on ``sys.path``).
"""

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from nats_server import Nats
from postgres_server import Postgres
from processes import replace
from programs import ServiceError
from redis_server import Redis
from service import Service, alone

CHECKOUT = Path(__file__).resolve().parents[2]
# A further server: a file like nats_server.py, and its class here.
SERVICES: tuple[type[Service], ...] = (Postgres, Redis, Nats)


class Services:
    """The servers of a folder. Each method returns once it is done; a ``ServiceError`` says what to do."""

    def __init__(self, folder: Path = CHECKOUT, *, install: bool = True) -> None:
        self.folder = folder.resolve() / ".services"
        self.env_file = folder.resolve() / ".services.env"
        # Programs are shared with the checkout's own servers: building one takes a while.
        shared = CHECKOUT / ".services"
        writable = os.access(shared if shared.exists() else CHECKOUT, os.W_OK)
        tools = shared if writable else self.folder
        self.all = {each.name: each(self.folder, tools, install=install) for each in SERVICES}

    def up(self, names: Iterable[str] = ()) -> None:
        """Start those that do not run (all, if none is named); then write the addresses of all that run."""
        with alone(self.folder):
            for service in self._named(names):
                service.start()
            told = "".join(f"{name}={url}\n" for name, url in self.addresses().items())
            if not self.env_file.exists() or self.env_file.read_text() != told:
                replace(self.env_file, told)

    def down(self, *, purge: bool = False) -> None:
        """Stop all, and tell nobody of them any more; ``purge`` deletes their data."""
        failures = []
        with alone(self.folder):
            self.env_file.unlink(missing_ok=True)
            for service in reversed(self.all.values()):
                try:
                    service.stop()
                    if purge:
                        service.purge()
                except ServiceError as failure:
                    failures.append(str(failure))
        if failures:
            raise ServiceError("; ".join(failures))

    def start(self, *names: str) -> None:
        """Start servers on their ports with their data."""
        with alone(self.folder):
            for service in self._named(names):
                service.start()

    def stop(self, *names: str) -> None:
        """Stop servers in good order."""
        with alone(self.folder):
            for service in self._named(names):
                service.stop()

    def restart(self, *names: str) -> None:
        """Stop servers in good order and start them again."""
        with alone(self.folder):
            for service in self._named(names):
                service.stop()
                service.start()

    def kill(self, *names: str) -> None:
        """Kill servers with SIGKILL."""
        with alone(self.folder):
            for service in self._named(names):
                service.kill()

    def pid(self, name: str) -> int:
        """Return the number of a server's process."""
        (service,) = self._named([name])
        process = service.process()
        if process is None:
            raise ServiceError(f"{service.title} does not run: services.py start {name}")
        return process.pid

    def addresses(self) -> dict[str, str]:
        """Return the addresses of all that run, by variable."""
        return {each.variable: each.url() for each in self.all.values() if each.process()}

    def lines(self) -> list[str]:
        """Return one line for each server."""
        return [service.line() for service in self.all.values()]

    def _named(self, names: Iterable[str]) -> list[Service]:
        unknown = set(names) - set(self.all)
        if unknown:
            raise ServiceError(
                f"no server is named {' or '.join(sorted(unknown))}: there are {', '.join(self.all)}"
            )
        return [self.all[name] for name in names or self.all]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=CHECKOUT, help="of the servers (the checkout)")
    parser.add_argument("--no-install", action="store_true", help="use only the programs that are there")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("up", help="start all, or some, and write .services.env").add_argument(
        "names", nargs="*"
    )
    down = actions.add_parser("down", help="stop all, remove .services.env")
    down.add_argument("--purge", action="store_true", help="delete their data too")
    actions.add_parser("status", help="tell which run")
    for action in ("start", "stop", "restart", "kill"):
        actions.add_parser(action, help=f"{action} the named").add_argument("names", nargs="+")
    actions.add_parser("pid", help="print the process of one").add_argument("name")
    return parser.parse_args()


def main() -> int:
    """Do what the command line says."""
    wanted = arguments()
    services = Services(wanted.folder, install=not wanted.no_install)
    try:
        if wanted.action == "up":
            services.up(wanted.names)
        elif wanted.action == "down":
            services.down(purge=wanted.purge)
        elif wanted.action == "pid":
            print(services.pid(wanted.name))
        elif wanted.action != "status":
            getattr(services, wanted.action)(*wanted.names)
    except PermissionError as failure:
        sys.stderr.write(
            f"services: {failure.filename} is not yours to write: give a folder that is (--folder)\n"
        )
        return 1
    except (ServiceError, OSError) as failure:
        sys.stderr.write(f"services: {failure}\n")
        return 1
    if wanted.action in {"up", "status"}:
        print(*services.lines(), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
