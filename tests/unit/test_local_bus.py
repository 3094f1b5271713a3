import asyncio
import os
import shutil
import signal
import socket
import sys
import time

import pytest
import uvloop

from antiphon.buses import local
from antiphon.buses.local import LocalBus
from patience import PATIENCE_S, until

PEER = """
import asyncio, sys
from pathlib import Path
import uvloop
from antiphon.buses.local import LocalBus

async def main():
    bus = LocalBus(Path(sys.argv[1]))
    bus.subscribe("ask", lambda text: bus.publish("answer", text[::-1]))
    bus.publish("here", "")
    print("ready", flush=True)
    await asyncio.sleep(60)

uvloop.run(main())
"""


@pytest.fixture
async def make(tmp_path):
    opened = []

    def made(folder=tmp_path / "bus"):
        opened.append(LocalBus(folder))
        return opened[-1]

    yield made
    for bus in opened:
        await bus.close()


@pytest.fixture
async def peer(tmp_path):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PEER, str(tmp_path / "bus"), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_S):
        await process.stdout.readline()
    yield process
    if process.returncode is None:
        process.kill()
    await process.communicate()


def heard_by(bus, topic="a"):
    texts = []
    bus.subscribe(topic, texts.append)
    return texts


async def acquainted(*buses):
    await until(lambda: all(len(bus._peers) == len(buses) - 1 for bus in buses))


def sockets(folder):
    return sorted(each.name for each in folder.iterdir() if each.suffix == ".sock")


async def test_another_process_hears_and_answers(make, peer):
    bus = make()
    answers = heard_by(bus, "answer")
    for n in range(300):
        bus.publish("ask", f"{n} →")
    await until(lambda: len(answers) == 300)
    assert answers == [f"{n} →"[::-1] for n in range(300)]


async def test_peers_know_each_other_from_the_first_moment(make):
    first = make()
    heard = heard_by(first)
    second = make()
    second.publish("a", "1")
    await until(lambda: heard == ["1"])
    others = heard_by(second)
    first.publish("a", "2")  # between two looks at the folder
    await until(lambda: others == ["2"])


async def test_subscribers_of_the_same_process_are_woken_at_once(make):
    bus = make()
    heard = heard_by(bus)
    bus.publish("a", "1")
    assert heard == ["1"]


async def test_what_the_dead_left_is_removed_and_the_living_stay(make, peer, tmp_path):
    bus = make()
    assert len(sockets(tmp_path / "bus")) == 2
    peer.kill()
    await peer.wait()
    bus.publish("a", "1")
    await until(lambda: len(sockets(tmp_path / "bus")) == 1)
    assert not bus._peers
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(tmp_path / "bus" / "0123456789abcdef.sock"))
    dead.close()
    other = make()
    assert sockets(tmp_path / "bus") == sorted([bus._name, other._name])


async def test_a_hello_from_the_living_is_not_needed(make, tmp_path):
    """Should it be lost, the next look at the folder finds the peer."""
    bus = make()
    shy = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    shy.setblocking(False)
    with shy:
        shy.bind(str(tmp_path / "bus" / "0123456789abcdef.sock"))
        await asyncio.sleep(local.BETWEEN_LOOKS_S)
        bus.publish("a", "1")
        await asyncio.sleep(0.05)
        assert shy.recv(100) == b"a 1"


async def test_only_old_unfinished_sockets_are_removed(make, tmp_path):
    make()
    old, new = (tmp_path / "bus" / f"{n}.sock.new" for n in range(2))
    for each in (old, new):
        each.touch()
    os.utime(old, (1, 1))
    make()
    assert not old.exists()
    assert new.exists()


async def test_the_path_may_be_long(make, tmp_path):
    folder = tmp_path / ("x" * 200) / "bus"
    here, there = make(folder), make(folder)
    await acquainted(here, there)
    heard = heard_by(there)
    here.publish("a", "1")
    await until(lambda: heard == ["1"])


async def test_a_folder_that_is_deleted_is_made_again(make, tmp_path):
    here, there = make(), make()
    await acquainted(here, there)
    heard = heard_by(there)
    shutil.rmtree(tmp_path / "bus")
    here._next_look = there._next_look = 0
    here.publish("a", "1")
    there.publish("a", "2")
    await until(lambda: sorted(heard) == ["1", "2"])
    last = make()
    late = heard_by(last)
    await until(lambda: last._name in here._peers)
    here.publish("a", "3")
    await until(lambda: heard[-1] == "3" and late == ["3"])
    assert len(sockets(tmp_path / "bus")) == 3


async def test_a_full_peer_does_not_hold_the_sender_up(make, peer):
    bus = make()
    answers = heard_by(bus, "answer")
    bus.publish("ask", "first")
    await until(lambda: answers)
    os.kill(peer.pid, signal.SIGSTOP)
    slowest = 0.0
    for n in range(400):
        began = time.monotonic()
        bus.publish("ask", str(n) + "." * 10_000)
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0)
    assert slowest < 0.1
    (stuck,) = bus._peers.values()
    assert stuck.waits
    assert stuck._size <= local.MOST_WAITING
    os.kill(peer.pid, signal.SIGCONT)
    await until(lambda: not stuck.waits)
    bus.publish("ask", "last")
    await until(lambda: answers[-1] == "tsal")
    numbers = [int(text.strip(".")[::-1]) for text in answers[1:-1]]
    assert numbers == list(range(len(numbers)))
    assert 0 < len(numbers) < 400


async def test_leaving_does_not_wait_long_for_a_full_peer(make, peer):
    bus = make()
    os.kill(peer.pid, signal.SIGSTOP)
    for _ in range(40):
        bus.publish("ask", "." * 60_000)
    async with asyncio.timeout(PATIENCE_S):
        await bus.close()
    os.kill(peer.pid, signal.SIGCONT)


async def test_what_was_published_is_sent_before_it_closes(make, tmp_path):
    here, there = make(), make()
    await acquainted(here, there)
    heard = heard_by(there)
    for n in range(1000):
        here.publish("a", str(n) + "." * 500)
    await here.close()
    await until(lambda: len(heard) == 1000)
    assert sockets(tmp_path / "bus") == [there._name]
    here.publish("a", "after")
    assert heard_by(here) == []


async def test_garbage_is_ignored(make, tmp_path):
    bus = make()
    heard = heard_by(bus)
    bus.subscribe("fails", lambda _: 1 / 0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.connect(str(tmp_path / "bus" / bus._name))
        other.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, local.BUFFER)
        for datagram in (
            b"",
            b"\xff\xfe",
            b"word",
            b" ../../etc/passwd",
            b" 0000000000000000.sock",
            b"\0\0",
            b"fails x",
            b"a " + b"." * (local.LONGEST_DATAGRAM + 10),
            b"a 1\0a\0a 2",
        ):
            other.send(datagram)
    await until(lambda: heard)
    assert heard == ["1", "2"]


async def test_what_cannot_be_carried_wakes_nobody(make):
    bus = make()
    heard = heard_by(bus)
    for text in ("\ud800", "a\0b", "." * (bus.most_bytes + 1)):
        bus.publish("a", text)
    assert heard == []


async def test_the_folder_is_for_its_user_only(make, tmp_path):
    make()
    assert (tmp_path / "bus").stat().st_mode & 0o777 == 0o700
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "bus")
    with pytest.raises(PermissionError, match="chmod 700"):
        make(tmp_path / "open")
    with pytest.raises(OSError, match="link"):
        make(tmp_path / "link")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
async def test_another_users_folder_is_refused(make, tmp_path):
    folder = tmp_path / "bus"
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)
    with pytest.raises(PermissionError, match="must belong"):
        make()


def test_it_may_be_made_before_the_loop_runs(tmp_path):
    bus = LocalBus(tmp_path / "bus")
    heard = heard_by(bus)
    bus.publish("a", "here only")

    async def main():
        there = LocalBus(tmp_path / "bus")
        bus.publish("b", "")
        there.publish("a", "1")
        await until(lambda: heard == ["here only", "1"])
        await there.close()
        await bus.close()

    uvloop.run(main())
