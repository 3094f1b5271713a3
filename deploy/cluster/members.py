"""What a cluster is made of: pods, nginx before them, and a test model; each a process of its own folder."""

import contextlib
import grp
import os
import pwd
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path

from processes import LAUNCH, POLL_S, Process, birth
from programs import ServiceError, Unavailable, from_debian, on_this_machine, run
from service import HOST

CHECKOUT = Path(__file__).resolve().parents[2]
SHIPPED = CHECKOUT / "deploy" / "nginx"
READY_S = 60.0
# A pod has 10 s to hand its replies over and 5 s for its last answers.
STOP_S = 20.0
ANSWER_S = 5.0
LAST_LINES = 5


class Member(ABC):
    """One process. ``process`` is what the cluster remembers of it."""

    health = "/health"

    def __init__(self, name: str, folder: Path, port: int, process: Process | None) -> None:
        self.name = name
        self.folder = folder / name
        self.port = port
        self._process = process
        self.log = self.folder / "log"

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command line."""

    def environment(self) -> dict[str, str]:
        """Return its environment."""
        return dict(os.environ)

    def prepare(self) -> None:
        """Write what it reads."""
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def process(self) -> Process | None:
        """Its process, if it runs."""
        return self._process if self._process and self._process.alive() else None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    def launch(self) -> None:
        """Start it in a session of its own, so that a Ctrl-C meant for us does not reach it."""
        self.prepare()
        with self.log.open("ab") as said:
            started = subprocess.run(
                ["/bin/sh", "-c", LAUNCH, "sh", *self.command()],
                stdout=subprocess.PIPE,
                stderr=said,
                cwd=self.folder,
                env=self.environment(),
                start_new_session=True,
                check=True,
            )
        pid = int(started.stdout)
        born = birth(pid)
        self._process = Process(pid, born) if born else None

    def ask(self) -> int:
        """Return the status of its answer to a question of health, 0 for none."""
        try:
            with urllib.request.urlopen(self.url + self.health, timeout=ANSWER_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except (OSError, ValueError):
            return 0

    def wait(self) -> None:
        """Return once it answers."""
        deadline = time.monotonic() + READY_S
        while self.ask() != 200:
            if self.process is None:
                raise ServiceError(f"{self.name} ended: {self._last_words()}")
            if time.monotonic() > deadline:
                raise ServiceError(f"{self.name} does not answer: {self._last_words()}")
            time.sleep(POLL_S)

    def end(self, number: signal.Signals = signal.SIGTERM) -> bool:
        """End it, if need be by force; return whether it went by itself."""
        process = self.process
        if process is None:
            return True
        went: bool = process.end(number, STOP_S)
        if not went:
            process.end(signal.SIGKILL, STOP_S)
        return went

    def line(self) -> str:
        """Return what a person wants to know of it."""
        if self.process is None:
            return f"{self.name:<11}does not run"
        told = {200: "", 0: "  does not answer"}.get(answer := self.ask(), f"  not ready ({answer})")
        return f"{self.name:<11}{self.url}  (process {self.process.pid}){told}"

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
        return "\n  ".join([f"the end of {self.log}:", *lines])


class Pod(Member):
    """``antiphon serve`` on the servers it is told of."""

    health = "/ready"
    servers: dict[str, str]
    config: Path | None = None

    def command(self) -> list[str]:
        """See Member."""
        return [sys.executable, "-m", "antiphon", "serve"]

    def environment(self) -> dict[str, str]:
        """Return ours, with what makes it a pod: keys and settings pass through."""
        kept = {k: v for k, v in os.environ.items() if k not in ("REDIS_URL", "NATS_URL")}
        own = {"HOST": HOST, "PORT": str(self.port), "PYTHONUNBUFFERED": "1", **self.servers}
        config = {"ANTIPHON_CONFIG_FILE": str(self.config)} if self.config else {}
        return {"ANTIPHON_LOG_FORMAT": "json", **kept, **own, **config}

    def migrate(self) -> str:
        """Bring the database to the newest schema; return what it came to."""
        done = subprocess.run(
            [sys.executable, "-m", "antiphon", "migrate"],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise ServiceError(f"antiphon migrate failed: {last}")
        return done.stdout.strip()


class Model(Member):
    """``antiphon test-model``."""

    health = "/v1/models"

    def command(self) -> list[str]:
        """See Member."""
        return [sys.executable, "-m", "antiphon", "test-model", "--host", HOST, "--port", str(self.port)]


class Nginx(Member):
    """Nginx with the configuration of ``deploy/nginx``, as whoever we are."""

    health = "/nginx-health"
    program: str
    pods: list[int]
    limits = False

    @staticmethod
    def find(*, install: bool) -> str:
        """Return the program's path; get it from Debian, if we may."""
        for path in on_this_machine("nginx"):
            return str(path)
        reason = "it may not be installed here"
        if install:
            try:
                sys.stderr.write("== getting nginx (Debian's nginx-light)\n")
                from_debian("nginx-light")
                # Its own server did not start, and shall not with the machine.
                if shutil.which("systemctl"):
                    with contextlib.suppress(Unavailable):
                        run(["systemctl", "disable", "nginx"])
                return str(next(on_this_machine("nginx")))
            except (Unavailable, StopIteration) as failure:
                reason = str(failure)
        raise ServiceError(f"nginx is missing: install it (apt install nginx-light) ({reason})")

    def command(self) -> list[str]:
        """See Member."""
        return [self.program, "-p", str(self.folder), "-c", "nginx.conf", "-e", "errors"]

    def prepare(self) -> None:
        """Put the shipped files beside what is this cluster's own."""
        super().prepare()
        shutil.copy(SHIPPED / "antiphon.conf", self.folder)
        shutil.copytree(SHIPPED / "antiphon", self.folder / "antiphon", dirs_exist_ok=True)
        own = {
            "pods.conf": "".join(
                f"server {HOST}:{port} max_fails=2 fail_timeout=3s;\n" for port in self.pods
            ),
            "listen.conf": f"listen {HOST}:{self.port};\n",
            "log.conf": "access_log access antiphon;\nerror_log errors crit;\n",
            # All requests come from one address here.
            "exempt.conf": "" if self.limits else "127.0.0.0/8 1;\n",
        }
        for name, text in own.items():
            (self.folder / "antiphon" / name).write_text(text)
        (self.folder / "nginx.conf").write_text(self._main())
        (self.folder / "temporary").mkdir(exist_ok=True)

    def _main(self) -> str:
        """Return the file that on an installed nginx is /etc/nginx/nginx.conf."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        files = 65_536 if most == resource.RLIM_INFINITY else min(most, 65_536)
        user = ""
        if not os.geteuid():
            nobody = pwd.getpwnam("nobody")
            user = f"user nobody {grp.getgrgid(nobody.pw_gid).gr_name};\n"
        places = "".join(
            f"    {kind}_temp_path temporary/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return (
            f"{user}worker_processes 2;\ndaemon off;\npid nginx.pid;\nerror_log errors crit;\n"
            f"worker_rlimit_nofile {files};\nevents {{ worker_connections {files // 2}; }}\n"
            f"http {{\n{places}    include antiphon.conf;\n}}\n"
        )
