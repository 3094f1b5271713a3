"""What a NATS that is restarted, paused, killed or emptied does to the log and the bus."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from antiphon.buses.nats import NatsBus
from antiphon.connections.nats import NatsConnection
from antiphon.errors import Fenced, StoreUnavailable
from antiphon.ids import now_ms
from antiphon.logs.nats import NatsLog
from antiphon.logs.port import Append, Claim
from antiphon.model import Chunk
from other_programs import lacking
from patience import PATIENCE_S
from ports import free_port

END = Chunk("end", "{}")
KILLS = int(os.environ.get("NATS_KILLS", "3"))


class Server:
    """A nats-server of the test's own, always on the same port."""

    def __init__(self, program, folder):
        self.port = free_port()
        self.program, self.folder, self.process = program, folder, None
        self.url = f"nats://127.0.0.1:{self.port}"

    def start(self):
        command = [self.program, "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def send(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(number)
            if number != signal.SIGKILL:
                self.process.send_signal(signal.SIGCONT)
            self.process.wait(20)
            self.process = None

    def empty(self):
        shutil.rmtree(self.folder)


@pytest.fixture
def server(tmp_path):
    here = Path(__file__).parents[2] / ".services" / "bin" / "nats-server"
    program = shutil.which("nats-server") or (here.exists() and here)
    if not program:
        lacking("needs nats-server: run `make services`")
    server = Server(program, tmp_path / "jetstream")
    server.start()
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture
async def connect(server):
    opened = []

    def make():
        opened.append(NatsConnection(server.url))
        return opened[-1]

    yield make
    for connection in opened:
        await connection.close()


def text(*words):
    return [Chunk("content", word) for word in words]


async def patiently(ask):
    """Ask until it is answered; each refusal comes within five seconds, and the end within thirty."""
    async with asyncio.timeout(30):
        while True:
            began = time.monotonic()
            try:
                return await ask()
            except StoreUnavailable:
                assert time.monotonic() - began < 5
                await asyncio.sleep(0.05)


async def read(log, turn):
    (chunks,) = await log.read([(turn, 0)])
    return chunks


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_keeps_everything(server, connect, how):
    writer, reader = NatsLog(connect()), NatsLog(connect())
    await patiently(lambda: writer.append([Append("a", 1, 0, text("one"))]))
    await patiently(lambda: writer.open([Claim("b", 2, now_ms() + 9_000)]))
    assert await read(reader, "a") == text("one")
    server.stop(how)
    with pytest.raises(StoreUnavailable):
        await writer.append([Append("a", 1, 1, text("two"))])
    server.start()
    assert await patiently(lambda: writer.append([Append("a", 1, 1, text("two"))])) == ["done"]
    assert await patiently(lambda: reader.append([Append("b", 1, 0, text("zombie"))])) == ["fenced"]
    assert await patiently(lambda: writer.append([Append("b", 2, 0, text("x"))])) == ["done"]
    assert await read(reader, "a") == text("one", "two")


async def test_a_server_that_comes_back_empty_is_told_and_filled_again(server, connect):
    writer, reader = NatsLog(connect()), NatsLog(connect())
    submitted = now_ms()
    first = [*text("one"), *text("two")]
    assert await patiently(lambda: writer.append([Append("a", 1, 0, first)])) == ["done"]
    assert await read(reader, "a") == first
    server.stop()
    server.empty()
    server.start()
    assert await patiently(lambda: writer.append([Append("a", 1, 2, text("three"))])) == ["behind"]
    # Not even all of it, unless it is opened: a fence may have gone with the rest.
    assert await writer.append([Append("a", 1, 0, [*first, *text("three")])]) == ["behind"]
    assert await patiently(lambda: reader.read([("a", 2)])) == [[]]
    assert await writer.open([Claim("a", 1, submitted)]) == [None]
    assert await writer.append([Append("a", 1, 0, [*first, *text("three")])]) == ["done"]
    assert await patiently(lambda: reader.read([("a", 2)])) == [text("three")]
    assert await writer.append([Append("a", 1, 3, [END])]) == ["done"]
    assert await reader.open([Claim("a", 2, submitted)]) == [[*first, *text("three"), END]]


async def test_another_process_learns_of_the_loss_too(server, connect):
    writer = NatsLog(connect())
    submitted = now_ms()
    await patiently(lambda: writer.append([Append("a", 2 - 1, 0, text("one"))]))
    server.stop()
    server.empty()
    server.start()
    taker = NatsLog(connect())
    assert await patiently(lambda: taker.open([Claim("a", 2, submitted)])) == [None]
    assert await patiently(lambda: writer.append([Append("a", 1, 1, text("zombie"))])) == ["fenced"]


async def test_a_paused_server_is_told_within_a_bound_and_mends(server, connect):
    log = NatsLog(connect())
    await patiently(lambda: log.append([Append("a", 1, 0, text("0"))]))
    server.send(signal.SIGSTOP)
    refused, until = 0, time.monotonic() + 9
    while time.monotonic() < until:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await log.append([Append("a", 1, 1, text("1" * 10_000))])
        assert time.monotonic() - began < 5
        refused += 1
    assert refused >= 2
    server.send(signal.SIGCONT)
    assert await patiently(lambda: log.append([Append("a", 1, 1, text("1" * 10_000))])) == ["done"]
    assert await read(log, "a") == text("0", "1" * 10_000)


async def test_a_server_that_was_never_there_is_told_within_a_bound(server, connect):
    server.stop()
    log = NatsLog(connect())
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="NATS could not be used"):
        await log.append([Append("a", 1, 0, text("x"))])
    assert time.monotonic() - began < 5
    server.start()
    assert await patiently(lambda: log.append([Append("a", 1, 0, text("x"))])) == ["done"]


async def test_nothing_accepted_is_lost_by_killing_the_server_under_load(server, connect):
    log = NatsLog(connect())
    accepted = {}

    async def write(turns, enough):
        while not enough.is_set():
            batch = [Append(t, 1, accepted[t], text(str(accepted[t]))) for t in turns]
            assert await patiently(lambda batch=batch: log.append(batch)) == ["done"] * len(turns)
            for turn in turns:
                accepted[turn] += 1
            await asyncio.sleep(0.001)

    for kill in range(KILLS):
        turns = [f"k{kill}-{n}" for n in range(20)]
        accepted.update(dict.fromkeys(turns, 0))
        enough = asyncio.Event()
        writing = asyncio.create_task(write(turns, enough))
        await asyncio.sleep(0.1 + 0.05 * (kill % 7))
        server.stop(signal.SIGKILL)
        before = accepted[turns[0]]
        server.start()
        while accepted[turns[0]] < before + 5 and not writing.done():
            await asyncio.sleep(0.02)
        enough.set()
        await writing
        fresh = NatsLog(connect())
        for turn, count in accepted.items():
            stored = await patiently(lambda fresh=fresh, turn=turn: fresh.read([(turn, 0)]))
            assert stored == [text(*map(str, range(count)))]
    print(f"{KILLS} kills, {sum(accepted.values())} messages")


async def test_an_append_larger_than_a_message_is_one_append(server, connect):
    log = NatsLog(connect())
    huge = text("🎼" * 400_000, "é" * 700_000)
    assert await patiently(lambda: log.append([Append("a", 1, 0, huge), Append("b", 1, 0, text("x"))])) == [
        "done",
        "done",
    ]
    assert await log.append([Append("a", 1, 2, text("more"))]) == ["done"]
    other = NatsLog(connect())
    assert await other.read([("a", 0), ("a", 1), ("a", 2)]) == [
        [*huge, *text("more")],
        [huge[1], *text("more")],
        text("more"),
    ]
    assert await other.read([("a", 0)]) == [[*huge, *text("more")]]
    assert await other.open([Claim("a", 2, now_ms() + 9_000)]) == [[*huge, *text("more")]]


async def test_an_expired_turn_stays_shut_for_a_late_writer(server, connect):
    writer, other = NatsLog(connect()), NatsLog(connect())
    await patiently(lambda: writer.append([Append("a", 1, 0, [*text("one"), END])]))
    await other.open([Claim("a", 3, now_ms() + 9_000)])
    assert await other.expire(now_ms() + 1_000) == 1
    assert await other.expire(now_ms() + 1_000) == 0
    assert await writer.append([Append("a", 1, 0, text("zombie"))]) == ["fenced"]
    assert await other.append([Append("a", 3, 2, text("zombie"))]) == ["fenced"]
    assert await read(writer, "a") == []
    # Whoever still owns it begins anew.
    for _ in range(2):  # the first answer may have been lost
        assert await other.open([Claim("a", 4, now_ms() + 9_000)]) == [None]
    assert await other.append([Append("a", 4, 0, text("again"))]) == ["done"]
    assert await read(writer, "a") == text("again")


async def test_writers_that_race_never_interleave(server, connect):
    """Each opens under an epoch of its own and writes until it is fenced: what it wrote is one piece."""
    logs = [NatsLog(connect()) for _ in range(6)]
    await patiently(lambda: logs[0].append([Append("a", 1, 0, text("1:0"))]))

    async def write(log, epoch):
        await asyncio.sleep(0.01 * epoch)
        try:
            (found,) = await log.open([Claim("a", epoch, now_ms() + 9_000)])
        except Fenced:
            return
        assert found is not None
        written = len(found)
        while written < 2_000:
            told = await log.append([Append("a", epoch, written, text(f"{epoch}:{written}"))])
            if told != ["done"]:
                assert told == ["fenced"]
                return
            written += 1

    await asyncio.gather(*(write(log, epoch) for epoch, log in enumerate(logs, start=2)))
    stored = [chunk.text.split(":") for chunk in await read(NatsLog(connect()), "a")]
    assert [int(number) for _, number in stored] == list(range(2_000))
    epochs = [int(epoch) for epoch, _ in stored]
    assert epochs == sorted(epochs)
    assert epochs[-1] == 7


async def test_the_bus_wakes_again_after_a_restart(server, connect):
    here, there = NatsBus(connect()), NatsBus(connect())
    heard = []
    there.subscribe("a", heard.append)
    there.subscribe("b", heard.append)

    async def wakes(topic):
        heard.clear()
        async with asyncio.timeout(PATIENCE_S):
            while topic not in heard:
                here.publish(topic, topic)
                await asyncio.sleep(0.05)

    await wakes("a")
    server.stop()
    here.publish("a", "lost or late")
    server.start()
    await wakes("a")
    await wakes("b")
    server.send(signal.SIGSTOP)
    for _ in range(100):
        here.publish("a", "x" * 200_000)
    await asyncio.sleep(0.1)
    assert here._waiting_bytes <= 4 << 20
    server.send(signal.SIGCONT)
    await wakes("b")
    for bus in (here, there):
        await bus.close()
