"""Nginx before the fleet, with the configuration that the project ships."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

from chaos.proxy import HOST, steady_port
from patience import PATIENCE_S

SHIPPED = Path(__file__).parents[2] / "deploy" / "nginx"
MAIN = """{user}worker_processes 1;
daemon off;
pid nginx.pid;
error_log errors crit;
events {{ worker_connections 4096; }}
http {{
{places}
    include antiphon.conf;
}}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Front:
    """One nginx. Whoever comes in by its ``url`` gets to whatever pod it chooses."""

    name = "nginx"

    def __init__(self, folder: Path, ports):
        self.folder = folder
        self.pods = ports
        self.port = steady_port()
        self.url = f"http://{HOST}:{self.port}"
        self.process = None

    @staticmethod
    def possible():
        return bool(shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")) and SHIPPED.exists()

    async def start(self):
        (self.folder / "temporary").mkdir(parents=True)
        self.folder.chmod(0o755)
        shutil.copy(SHIPPED / "antiphon.conf", self.folder)
        shutil.copytree(SHIPPED / "antiphon", self.folder / "antiphon")
        pods = "".join(f"server {HOST}:{port} max_fails=2 fail_timeout=3s;\n" for port in self.pods)
        site = {
            "pods.conf": pods,
            "listen.conf": f"listen {HOST}:{self.port};\n",
            "log.conf": "access_log access antiphon;\nerror_log errors crit;\n",
            "exempt.conf": "127.0.0.0/8 1;\n",
        }
        for name, text in site.items():
            (self.folder / "antiphon" / name).write_text(text)
        places = "\n".join(f"    {kind}_temp_path temporary/{kind};" for kind in TEMPORARY)
        # Whoever else it would run as could not enter a folder of root's.
        user = "user root;\n" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(MAIN.format(user=user, places=places))
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        self.process = await asyncio.create_subprocess_exec(
            program, "-p", str(self.folder), "-c", "nginx.conf", "-e", "errors"
        )
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if self.process.returncode is not None:
                    raise RuntimeError(f"nginx ended: {(self.folder / 'errors').read_text()}")
                try:
                    _, writer = await asyncio.open_connection(HOST, self.port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    return self

    async def close(self):
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)  # its workers go with it; killed, it would leave them
            await self.process.wait()
