"""A pod that is declared dead and does not know it: what it still writes must reach nobody."""

import asyncio
import shutil

import pytest

from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Bot, Catalogue
from antiphon.engine.draft import text_of
from antiphon.engine.engine import Engine
from antiphon.engine.ports import Ports
from antiphon.engine.submit import Ask
from antiphon.logs.sqlite import SqliteLog
from antiphon.model import Principal
from antiphon.registry import BUSES, CACHES, EXECUTORS, LIMITERS, PRESENCES, STORES, load
from antiphon.testing.model_server import expected_text, serve
from antiphon.transports.sse import NATIVE
from patience import PATIENCE_S

pytestmark = pytest.mark.chaos
ANN = Principal("user:ann")
TOKENS = 80


def pod(database, model_port):
    """One process's engine on the shared file. A takeover begins again, so what a zombie adds differs."""
    from antiphon.providers.openai import OpenAIProvider

    executor = load(EXECUTORS, "sqlite")(database, synchronous="NORMAL")
    store = load(STORES, "sqlite")(executor)
    provider = OpenAIProvider(name="test", base_url=f"http://127.0.0.1:{model_port}/v1")
    bot = Bot(name="slow", model=f"test/test-{TOKENS}-15-0")
    presence = load(PRESENCES, "memory")()
    ports = Ports(
        store,
        SqliteLog(executor),
        load(BUSES, "memory")(),
        load(LIMITERS, "memory")({}),
        presence,
        load(CACHES, "memory")(),
    )
    known = Catalogue({"slow": bot}, {"test": provider}, default_bot="slow", cache=load(CACHES, "memory")())
    return Engine(ports, known, Bounds(lease=0.4))


class Tap:
    """A reader that takes what a native client would be sent."""

    def __init__(self):
        self.seen = []

    def feed(self, turn, first, chunks, memo):
        self.seen += [(first + i, chunk) for i, chunk in enumerate(chunks)]
        assert NATIVE.chunks(turn, first, chunks, "")

    def lost(self, turn):
        self.seen.append(("lost", None))


async def zombie_run(database, model_port):
    """Let A begin a reply and fall silent, let B take it over while A goes on; return what readers saw."""
    a, b = pod(database, model_port), pod(database, model_port)
    await a.start(alone=False)
    await b.start(alone=False)
    turn = (await a.submit(ANN, Ask(session_id="s", text="x", create_session=True))).turn
    at_a, at_b = Tap(), Tap()
    (await a.channel(turn)).attach(at_a, 0)
    while len(at_a.seen) < 10:
        await asyncio.sleep(0.01)
    a._tasks[2].cancel()  # no heartbeat any more; everything else goes on
    async with asyncio.timeout(PATIENCE_S):
        while (current := await b.store.turn(ANN, turn.id)).pod != b.pod:
            await asyncio.sleep(0.02)
    (await b.channel(current)).attach(at_b, 0)
    async with asyncio.timeout(PATIENCE_S):
        while not at_b.seen or at_b.seen[-1][1] is None or at_b.seen[-1][1].kind != "end":
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
    messages = await b.store.messages(ANN, "s", None, 10)
    kept = await b.store.transcript(turn.id)
    for engine in (a, b):
        await engine.close()
    return at_a, at_b, messages, kept


@pytest.fixture
async def model():
    server = await serve("127.0.0.1", 0)
    yield server
    await server.close()


@pytest.fixture
def database(migrated_database, tmp_path):
    return shutil.copy(migrated_database, tmp_path / "antiphon.db")


def agree(seen, kept):
    """Whether every chunk a reader saw is the one that is kept under its number, each once and in order."""
    numbered = [(seq, chunk) for seq, chunk in seen if seq != "lost"]
    return [seq for seq, _ in numbered] == list(range(len(numbered))) and all(
        seq < len(kept) and chunk == kept[seq] for seq, chunk in numbered
    )


async def test_a_zombie_is_fenced(database, model):
    at_a, at_b, messages, kept = await zombie_run(database, model.port)
    assert [m.content for m in messages] == ["x", expected_text("x", TOKENS)]
    assert agree(at_b.seen, kept)
    assert agree(at_a.seen, kept), "the zombie delivered what the log refused"
    assert at_a.seen[-1][0] == "lost", "the zombie's reader must be told to come back"
    assert text_of([chunk for _, chunk in at_b.seen]) == expected_text("x", TOKENS)


async def test_without_fencing_the_zombie_is_noticed(database, model, monkeypatch):
    honest = SqliteLog.append

    async def unfenced(self, batch):
        await honest(self, batch)
        return ["done"] * len(batch)

    monkeypatch.setattr(SqliteLog, "append", unfenced)
    at_a, at_b, _, kept = await zombie_run(database, model.port)
    assert not (agree(at_a.seen, kept) and agree(at_b.seen, kept))
