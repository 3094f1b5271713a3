"""How soon ``antiphon serve`` answers, and how much memory it takes at rest.

Time is from just before the process is made to the first answered ``GET /health``, asked again every few
milliseconds; once with a database to be made and once with the one that is then there. Memory is what
``smaps_rollup`` says of the process tree, resident and proportional: a while after the start, and again
after a few replies of model.py. The server is on CPU 0, all else on CPU 1.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import machine

HERE = Path(__file__).parent
REPLIES, SLOTS = 20, 5


class Bench:
    """The model, and one server at a time."""

    def __init__(self, options: argparse.Namespace, work: Path, processes: machine.Processes) -> None:
        self.rest = options.rest
        self.work = work
        self.processes = processes
        self.port, self.model_port = machine.free_ports(2)
        command = [sys.executable, HERE / "model.py", "--port", self.model_port]
        model = processes.start("model", command, cpu=machine.OTHER_CPU)
        machine.wait_until_answered(f"http://127.0.0.1:{self.model_port}/v1/models", model)

    def run(self, number: int) -> dict[str, Any]:
        """Start on a new database, again on the same one, and take the memory of the second."""
        database = self.work / f"{number}.db"
        first_s, process = self._start(database)
        self.processes.end(process)
        again_s, process = self._start(database)
        time.sleep(self.rest)
        at_rest = machine.memory_kib(machine.tree(process.pid))
        self._replies()
        time.sleep(self.rest)
        after = machine.memory_kib(machine.tree(process.pid))
        self.processes.end(process)
        names = ("rss_at_rest_kib", "pss_at_rest_kib", "rss_after_replies_kib", "pss_after_replies_kib")
        return {
            "start_new_database_s": round(first_s, 3),
            "start_s": round(again_s, 3),
            **dict(zip(names, (*at_rest, *after), strict=True)),
        }

    def _start(self, database: Path) -> tuple[float, "subprocess.Popen[bytes]"]:
        env = machine.server_environment(
            PORT=str(self.port),
            DATABASE_URL=f"sqlite:///{database}",
            OPENAI_API_KEY="sk-bench",
            OPENAI_BASE_URL=f"http://127.0.0.1:{self.model_port}/v1",
            ANTIPHON_RATE_LIMITS="off",
        )
        command = [sys.executable, "-m", "antiphon", "serve"]
        begun = time.monotonic()
        process = self.processes.start("antiphon", command, cpu=machine.SERVER_CPU, env=env)
        try:
            machine.wait_until_answered(f"http://127.0.0.1:{self.port}/health", process)
        except RuntimeError as error:
            raise SystemExit(f"{error}\n{self.processes.log('antiphon')}") from error
        return time.monotonic() - begun, process

    def _replies(self) -> None:
        """Have a few replies streamed, and see that they were whole."""
        out = self.work / "replies.json"
        command = [sys.executable, HERE / "load.py", "native", "--port", self.port, "--streams", SLOTS]
        command += ["--tokens", 20, "--delay", 5, "--ramp", 0.2, "--settle", 0, "--windows", 1]
        command += ["--window", max(1.0, 0.15 * REPLIES / SLOTS), "--quiet"]
        process = self.processes.start("load", command, cpu=machine.OTHER_CPU, out=out)
        code = process.wait()
        self.processes.end(process)
        window = json.loads(out.read_text())["windows"][0] if not code else {}
        if window.get("whole", 0) < REPLIES or window["faults"]:
            raise SystemExit(f"The replies were not whole: {window}\n{self.processes.log('antiphon')}")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--rest", type=float, default=2, help="seconds before memory is read")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp"), help="for databases; must be a disk")
    parser.add_argument("--out", type=Path, help="where to write everything as JSON")
    return parser.parse_args()


def main() -> None:
    """Measure and tell."""
    options = arguments()
    machine.allow_many_files()
    os.sched_setaffinity(0, {machine.OTHER_CPU})
    about = machine.about()
    with machine.directory_on_disk(options.dir) as work, machine.Processes(work) as processes:
        bench = Bench(options, work, processes)
        runs = [bench.run(number) for number in range(options.runs)]
    told = {key: machine.median([run[key] for run in runs]) or 0.0 for key in runs[0]}
    print(f"medians of {len(runs)} runs")
    for title, key in (("new database", "start_new_database_s"), ("existing database", "start_s")):
        values = ", ".join(f"{run[key]:.2f}" for run in runs)
        print(f"  process start to answered /health, {title}: {told[key]:.2f} s ({values})")
    for title, key in (
        (f"{options.rest:g} s after the start", "at_rest"),
        ("after replies", "after_replies"),
    ):
        rss, pss = told[f"rss_{key}_kib"] / 1024, told[f"pss_{key}_kib"] / 1024
        print(f"  memory {title}: RSS {rss:.1f} MiB, PSS {pss:.1f} MiB")
    if options.out:
        everything = {"about": about, "summary": told, "runs": runs}
        options.out.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
