"""Several processes on one port, with a server of its own that answers with its process id."""

import asyncio
import collections
import contextlib
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from antiphon.inherited import Listeners, listening_sockets, tell_ready, watch_parent
from patience import PATIENCE_S, until
from ports import free_port

PARENT = """
import os, signal, sys
from antiphon.supervisor import run
for kind in (signal.SIGINT, signal.SIGHUP):  # whoever runs the tests may have them ignored, as nohup does
    signal.signal(kind, signal.SIG_DFL)
port, workers, *arguments = sys.argv[1:]
sys.exit(run([sys.executable, *arguments], workers=int(workers), host="127.0.0.1", port=int(port),
             environment=os.environ, announce=lambda port: print("port", port, flush=True)))
"""

CHILD = """
import asyncio, os, pathlib, signal, sys, time
import uvloop
from antiphon.inherited import LISTEN_FDS, PARENT_FD, READY_FD, listening_sockets, tell_ready, watch_parent

how = sys.argv[1]
if how == "bad" or (how == "flag" and pathlib.Path(sys.argv[2]).exists()):
    sys.exit("this setting is wrong")

async def main():
    loop = asyncio.get_running_loop()
    leaving = asyncio.Event()
    busy = set()

    async def answer(reader, writer):
        busy.add(asyncio.current_task())
        while await reader.readline():
            writer.write(b"%d\\n" % os.getpid())
        writer.close()

    async def serve(reader, writer):
        try:
            await answer(reader, writer)
        except OSError:
            pass
        finally:
            busy.discard(asyncio.current_task())

    servers = [await asyncio.start_server(serve, sock=sock) for sock in listening_sockets()]
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, (lambda: None) if how == "deaf" else leaving.set)
    watch_parent(loop, leaving.set)
    tell_ready()
    assert not {LISTEN_FDS, PARENT_FD, READY_FD} & set(os.environ)
    await leaving.wait()
    for server in servers:
        server.close()
    if busy:
        await asyncio.wait(busy, timeout=1)
    os._exit(0)

uvloop.run(main())
"""


class Supervised:
    def __init__(self, folder):
        self.folder = folder
        self.program = folder / "child.py"
        self.program.write_text(CHILD)
        self.log = folder / "log"

    async def start(self, *how, workers=2, port=0):
        command = [sys.executable, "-c", PARENT, str(port), str(workers), str(self.program), *how]
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        if how and how[0] == "bad":
            return self
        async with asyncio.timeout(30):
            while (told := re.search(r"port (\d+)\n", self.log.read_text())) is None:
                assert self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.02)
        self.port = int(told[1])
        return self

    async def ask(self, *, most=10):
        """Return who answers a new connection."""
        async with asyncio.timeout(most):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(b"\n")
                answer = await reader.readline()
                if not answer:
                    raise EOFError
                return int(answer)
            finally:
                writer.close()

    async def pids(self, count=2):
        """Return who serves, once that many do."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = {await self.ask() for _ in range(40)}
                if len(found) == count:
                    return found

    def signal(self, number):
        self.process.send_signal(number)

    async def end(self):
        async with asyncio.timeout(30):
            return await self.process.wait()


@pytest.fixture
async def supervised(tmp_path):
    made = Supervised(tmp_path)
    yield made
    if made.process.returncode is None:
        made.signal(signal.SIGKILL)
        await made.process.wait()


@contextlib.asynccontextmanager
async def callers(supervised, count=4):
    """Ask all the time; none may be refused. Yields who answered, how long it took, when cut ones began."""
    answers, times, cut, going = collections.Counter(), [], [], True

    async def call():
        while going:
            began = time.monotonic()
            try:
                answers[await supervised.ask()] += 1
                times.append(time.monotonic() - began)
            except (ConnectionResetError, BrokenPipeError, EOFError):
                cut.append(began)
            await asyncio.sleep(0.002)

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(call())
        yield answers, times, cut
        going = False


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


async def gone(*pids):
    await until(lambda: not any(lives(pid) for pid in pids))


async def test_all_serve_and_a_signal_stops_them(supervised):
    await supervised.start("well", workers=3)
    pids = await supervised.pids(3)
    supervised.signal(signal.SIGTERM)
    assert await supervised.end() == 0
    await gone(*pids)


async def test_ctrl_c_stops_them_too(supervised):
    await supervised.start("well")
    supervised.signal(signal.SIGINT)
    assert await supervised.end() == 0


async def test_a_reply_under_way_is_finished(supervised):
    await supervised.start("well", workers=1)
    reader, writer = await asyncio.open_connection("127.0.0.1", supervised.port)
    writer.write(b"\n")
    await reader.readline()
    supervised.signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    writer.write(b"\n")
    assert await reader.readline()
    writer.close()
    assert await supervised.end() == 0


async def test_a_killed_process_is_replaced_and_nobody_is_refused(supervised):
    await supervised.start("well")
    victim, other = await supervised.pids()
    async with callers(supervised) as (answers, times, cut):
        await asyncio.sleep(0.2)
        os.kill(victim, signal.SIGKILL)
        await gone(victim)
        died = time.monotonic()
        await until(lambda: set(answers) - {victim, other})
        await asyncio.sleep(0.2)
    assert len(await supervised.pids()) == 2
    assert lives(other)
    # What it was just answering is cut, of course; what waited for it, or came later, is not.
    assert len(cut) <= 4
    assert all(began < died for began in cut)
    assert len(times) > 50


async def test_the_others_take_what_comes_while_one_is_replaced(supervised, tmp_path):
    flag = tmp_path / "flag"
    await supervised.start("flag", str(flag))
    victim, other = await supervised.pids()
    flag.touch()  # from here on no new process starts
    os.kill(victim, signal.SIGKILL)
    await until(lambda: "worker_died" in supervised.log.read_text())
    assert {await supervised.ask(most=1) for _ in range(60)} == {other}
    flag.unlink()
    assert other in await supervised.pids()


async def test_a_process_that_keeps_dying_is_started_ever_later(supervised, tmp_path):
    flag = tmp_path / "flag"
    await supervised.start("flag", str(flag))
    victim, _ = await supervised.pids()
    flag.touch()
    os.kill(victim, signal.SIGKILL)
    await asyncio.sleep(3)
    assert 3 <= supervised.log.read_text().count("worker_died") <= 6
    supervised.signal(signal.SIGTERM)
    assert await supervised.end() == 0


async def test_the_processes_leave_when_their_supervisor_is_killed(supervised):
    await supervised.start("well")
    pids = await supervised.pids()
    supervised.signal(signal.SIGKILL)
    await supervised.end()
    await gone(*pids)


async def test_a_rolling_restart_replaces_all_and_refuses_nobody(supervised):
    await supervised.start("well")
    before = await supervised.pids()
    async with callers(supervised) as (_, times, cut):
        for _ in range(2):
            supervised.signal(signal.SIGHUP)
            await gone(*before)
            before = await supervised.pids()
    assert max(times) < 5
    assert cut == []
    supervised.signal(signal.SIGTERM)
    assert await supervised.end() == 0


async def test_a_restart_that_fails_leaves_the_old_ones_serving(supervised, tmp_path):
    flag = tmp_path / "flag"
    await supervised.start("flag", str(flag))
    before = await supervised.pids()
    flag.touch()
    supervised.signal(signal.SIGHUP)
    await until(lambda: "restart_abandoned" in supervised.log.read_text())
    assert await supervised.pids() == before


async def test_what_cannot_start_is_given_up(supervised):
    await supervised.start("bad")
    assert await supervised.end() == 1
    log = supervised.log.read_text()
    assert "this setting is wrong" in log
    assert "no server process started" in log
    assert "exit code 1" in log


async def test_who_is_deaf_to_the_first_signal_ends_at_the_third(supervised):
    await supervised.start("deaf")
    pids = await supervised.pids()
    for _ in range(3):
        supervised.signal(signal.SIGTERM)
        await asyncio.sleep(0.2)
    async with asyncio.timeout(PATIENCE_S):
        assert await supervised.end() == 1
    await gone(*pids)


async def test_a_port_in_use_is_said(supervised):
    await supervised.start("well")
    pids = await supervised.pids()
    other = Supervised(supervised.folder)
    other.log = supervised.folder / "other"
    command = [sys.executable, "-c", PARENT, str(supervised.port), "2", str(other.program), "well"]
    with other.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    async with asyncio.timeout(PATIENCE_S):
        assert await process.wait() == 1
    assert "Address already in use" in other.log.read_text()
    assert await supervised.pids() == pids


async def test_readers_that_come_back_all_at_once_are_shared_out(supervised):
    await supervised.start("well")
    answers = collections.Counter(await asyncio.gather(*(supervised.ask(most=30) for _ in range(600))))
    assert len(answers) == 2
    assert max(answers.values()) <= 0.6 * 600


def test_without_a_supervisor_there_is_nothing_to_do():
    watch_parent(None, None)
    tell_ready()
    assert listening_sockets() == []


def test_the_addresses_of_a_host_share_one_port():
    port = free_port()
    for host, wanted in (("localhost", 0), ("", 0), ("127.0.0.1", port)):
        with contextlib.closing(Listeners(host, wanted, 3)) as listeners:
            found = {each.getsockname()[1] for slot in listeners.slots for each in slot}
            assert found == {listeners.port}
            assert wanted in (0, listeners.port)
            listeners.steer([0, 2])
            listeners.steer([])
