"""A Redis that is paused, killed, emptied, set back: what becomes of log, bus, limits and presence."""

import asyncio
import contextlib
import signal
import time

import pytest

from antiphon.buses.redis import RedisBus
from antiphon.connections.redis import REQUEST_S, asking, connect
from antiphon.errors import Fenced, StoreUnavailable
from antiphon.ids import now_ms
from antiphon.limits.redis import RedisLimiter
from antiphon.logs.port import Append, Claim
from antiphon.logs.redis import RedisLog
from antiphon.model import Chunk
from antiphon.presence.redis import RedisPresence
from backends.redis import PrivateServer
from patience import PATIENCE_S, eventually, until

END = Chunk("end", "{}")


def text(*words):
    return [Chunk("content", word) for word in words]


@pytest.fixture
def make_server(tmp_path):
    made = []

    def make(*settings):
        made.append(PrivateServer(tmp_path / f"redis-{len(made)}", *settings))
        made[-1].start()
        return made[-1]

    yield make
    for server in made:
        server.kill()


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture
async def client(server):
    async with contextlib.aclosing(connect(server.url)) as client:
        yield client


@pytest.fixture
async def other_client(server):
    async with contextlib.aclosing(connect(server.url)) as client:
        yield client


@pytest.fixture
def old(client):
    return RedisLog(client, clocks_differ_ms=0)


@pytest.fixture
def new(other_client):
    return RedisLog(other_client, clocks_differ_ms=0)


JOURNALED = ("--appendonly", "yes")


async def test_a_killed_server_with_a_journal_keeps_everything(server, old, new):
    server.restart(*JOURNALED)
    created = now_ms()
    assert await old.append([Append("a", 1, 0, text("one"))]) == ["done"]
    assert await old.append([Append("b", 1, 0, [*text("x"), END])]) == ["done"]
    server.restart(*JOURNALED)
    assert await new.read([("a", 0), ("b", 0)]) == [text("one"), [*text("x"), END]]
    assert await old.append([Append("a", 1, 1, text("two"))]) == ["done"]
    server.restart(*JOURNALED)
    claims = [Claim("a", 2, created), Claim("b", 2, created), Claim("never begun", 2, created + 1_000)]
    assert await new.open(claims) == [text("one", "two"), [*text("x"), END], []]
    assert await old.append([Append("a", 1, 2, text("zombie"))]) == ["fenced"]
    assert await new.expire(now_ms() + 1_000) == 1


async def test_after_coming_back_empty_the_owner_sends_all_again(server, old, new):
    created = now_ms() - 5
    assert await old.append([Append("a", 1, 0, text("one", "two"))]) == ["done"]
    server.restart(empty=True)
    assert await new.read([("a", 0)]) == [[]]
    assert await old.append([Append("a", 1, 2, text("three"))]) == ["behind"]
    assert await old.open([Claim("a", 1, created)]) == [None]
    assert await old.append([Append("a", 1, 0, text("one", "two", "three"))]) == ["done"]
    assert await new.read([("a", 1)]) == [text("two", "three")]
    assert await new.open([Claim("a", 2, created)]) == [text("one", "two", "three")]


async def test_after_coming_back_empty_a_takeover_is_told_of_the_loss_until_it_writes(server, old, new):
    created = now_ms() - 5
    await old.append([Append("a", 1, 0, text("one")), Append("b", 1, 0, text("x"))])
    server.restart(empty=True)
    assert await new.open([Claim("a", 2, created), Claim("b", 2, created)]) == [None, None]
    # The answer may have been lost: asked again, and by the next owner, it is the same.
    assert await new.open([Claim("a", 2, created)]) == [None]
    assert await new.open([Claim("b", 3, created)]) == [None]
    assert await old.append([Append("a", 1, 1, text("zombie"))]) == ["fenced"]
    assert await old.append([Append("a", 1, 0, text("zombie"))]) == ["fenced"]
    with pytest.raises(Fenced):
        await old.open([Claim("a", 1, created)])
    assert await new.append([Append("a", 2, 0, text("again"))]) == ["done"]
    assert await new.read([("a", 0)]) == [text("again")]


async def test_turns_submitted_after_the_loss_have_lost_nothing(server, old, new):
    await old.append([Append("a", 1, 0, text("one"))])
    server.restart(empty=True)
    assert await old.append([Append("b", 1, 0, text("x"))]) == ["done"]
    assert await new.open([Claim("b", 2, now_ms()), Claim("c", 2, now_ms() + 5)]) == [text("x"), []]


async def test_turns_submitted_at_about_the_time_of_the_loss_may_have_lost_something(server, client):
    log = RedisLog(client)
    created = now_ms()
    assert await log.open([Claim("a", 2, created + 100), Claim("b", 2, created + 10_000)]) == [None, []]


async def test_a_server_set_back_to_a_snapshot_is_not_trusted(server, client, old, new):
    created = now_ms() - 5
    await old.append([Append("a", 1, 0, text("one")), Append("b", 1, 0, text("x"))])
    await client.save()
    await old.append([Append("a", 1, 1, text("two")), Append("c", 1, 0, text("z"))])
    server.restart()
    # Stale, but without a gap, and the living owner finds out.
    assert await new.read([("a", 0)]) == [text("one")]
    assert await old.append([Append("a", 1, 2, text("three"))]) == ["behind"]
    claims = [Claim("a", 2, created), Claim("b", 2, created), Claim("c", 2, created)]
    assert await new.open(claims) == [None, None, None]
    assert await new.read([("a", 0), ("b", 0)]) == [[], []]
    assert await old.append([Append("a", 1, 2, text("zombie"))]) == ["fenced"]


async def test_a_turn_that_went_on_after_the_snapshot_is_whole(server, client, old, new):
    created = now_ms() - 5
    await old.append([Append("a", 1, 0, text("one")), Append("b", 1, 0, text("x", "y"))])
    await client.save()
    server.restart()
    assert await old.append([Append("a", 1, 1, text("two"))]) == ["done"]
    # What the snapshot had is repeated with more: proof as good.
    assert await old.append([Append("b", 1, 1, text("y", "z"))]) == ["done"]
    assert await new.open([Claim("a", 2, created), Claim("b", 2, created)]) == [
        text("one", "two"),
        text("x", "y", "z"),
    ]


async def test_scripts_are_loaded_again_when_they_are_forgotten(server, client, old, new):
    assert await old.append([Append("a", 1, 0, text("one"))]) == ["done"]
    await client.script_flush()
    many = [Append(f"t{i}", 1, 0, text("x")) for i in range(500)]
    assert await old.append(many) == ["done"] * 500
    await client.script_flush()
    assert await old.open([Claim("a", 2, now_ms())]) == [text("one")]
    await asyncio.gather(*(new.append([Append(f"n{i}", 1, 0, text("x"))]) for i in range(20)))


async def test_evicted_keys_are_noticed(server, client, old, new):
    created = now_ms() + 1_000
    await old.append([Append(turn, 1, 0, text("one")) for turn in "abcd"])
    await client.delete("antiphon:chunks:a", "antiphon:chunks:c", "antiphon:turn:b")
    assert (
        await old.append([Append("a", 1, 1, text("two")), Append("b", 1, 1, text("two"))]) == ["behind"] * 2
    )
    assert await new.open([Claim("c", 2, created)]) == [None]
    # Both keys of a turn may go: after the first eviction nothing unknown counts as never begun.
    await client.config_set("maxmemory", "100kb")
    await client.config_set("maxmemory-policy", "allkeys-random")
    with contextlib.suppress(Exception):
        await client.set("filler", "x" * 10)
    await client.config_set("maxmemory", "0")
    assert await new.open([Claim("never begun", 2, created)]) == [None]


async def test_a_full_server_is_unavailable_and_recovers(server, client, old):
    await old.append([Append("a", 1, 0, text("one"))])
    await client.config_set("maxmemory", "100kb")
    with pytest.raises(StoreUnavailable, match=r"OutOfMemory|OOM") as caught:
        await old.append([Append("a", 1, 1, text("two")), Append("b", 1, 0, text("x"))])
    assert caught.value.retry_after == 1
    await client.config_set("maxmemory", "0")
    assert await old.append([Append("a", 1, 1, text("two")), Append("b", 1, 0, text("x"))]) == ["done"] * 2


async def test_a_replica_that_takes_over_is_not_trusted_at_a_takeover(server, make_server, old):
    replica = make_server(*JOURNALED)
    server.restart(*JOURNALED)
    created = now_ms() - 5
    async with contextlib.aclosing(connect(replica.url)) as client:
        await client.replicaof("127.0.0.1", server.port)
        await until_replicating(client)
        await old.append([Append("a", 1, 0, text("one")), Append("b", 1, 0, text("x"))])
        await until(lambda: client.exists("antiphon:turn:b"))
        log = RedisLog(client, clocks_differ_ms=0)
        with pytest.raises(StoreUnavailable, match=r"ReadOnly|READONLY"):
            await log.append([Append("a", 1, 1, text("two"))])
        server.kill()
        await client.replicaof("NO", "ONE")
        # The living owner goes on; who takes over cannot know what the replica had not yet got.
        assert await log.append([Append("a", 1, 1, text("two"))]) == ["done"]
        assert await log.open([Claim("a", 2, created), Claim("b", 2, created), Claim("c", 2, created)]) == [
            text("one", "two"),
            None,
            None,
        ]


async def until_replicating(client):
    async def up():
        return (await client.info("replication"))["master_link_status"] == "up"

    await until(up)


async def test_a_paused_server_is_unavailable_within_a_bound_and_recovers(server, old, new):
    await old.append([Append("a", 1, 0, text("one"))])
    await new.read([("a", 0)])
    server.signal(signal.SIGSTOP)
    began = time.monotonic()
    outcomes = await asyncio.gather(
        old.append([Append("a", 1, 1, text("two"))]),
        new.open([Claim("b", 1, now_ms() + 5)]),
        new.read([("a", 0)]),
        new.expire(0),
        return_exceptions=True,
    )
    took = time.monotonic() - began
    server.signal(signal.SIGCONT)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 4
    assert took < 2 * REQUEST_S
    # Whether it was written is unknown; the writer repeats it.
    assert await eventually(lambda: old.append([Append("a", 1, 1, text("two"))])) == ["done"]
    assert await new.read([("a", 0)]) == [text("one", "two")]


async def test_a_server_that_is_gone_is_unavailable_at_once_and_recovers(server, old):
    server.restart(*JOURNALED)
    await old.append([Append("a", 1, 0, text("one"))])
    server.kill()
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(StoreUnavailable) as caught:
            await old.append([Append("a", 1, 1, text("two"))])
    assert time.monotonic() - began < REQUEST_S
    assert "Redis could not be used" in caught.value.message
    server.start(*JOURNALED)
    assert await old.append([Append("a", 1, 1, text("two"))]) == ["done"]


async def test_wrong_passwords_are_told_without_the_password(make_server):
    server = make_server("--protected-mode", "no")
    url = f"redis://user:geheim@127.0.0.1:{server.port}/0"
    async with contextlib.aclosing(connect(url)) as client:
        with pytest.raises(StoreUnavailable) as caught:
            await RedisLog(client).append([Append("a", 1, 0, text("one"))])
    assert "geheim" not in str(caught.value)
    with pytest.raises(ValueError, match="cannot be read") as unread:
        connect("redis://user:ge/heim@127.0.0.1:1/0")
    assert "heim" not in str(unread.value)


async def test_what_is_cancelled_leaves_no_answer_to_another(client):
    async def ask(n):
        async with asking():
            return await client.execute_command("ECHO", str(n))

    for n in range(50):
        task = asyncio.create_task(ask(n))
        await asyncio.sleep(0.0001 * (n % 10))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await ask(f"after {n}") == f"after {n}".encode()


@pytest.fixture
async def two_buses(client, other_client):
    here, there = RedisBus(client), RedisBus(other_client)
    yield here, there
    await here.close()
    await there.close()


async def hears(here, there, topic="a"):
    heard = []
    end = there.subscribe(topic, heard.append)
    async with asyncio.timeout(PATIENCE_S):
        while not heard:
            here.publish(topic, "?")
            await asyncio.sleep(0.05)
    end()


async def test_the_bus_hears_again_after_a_restart(server, two_buses):
    here, there = two_buses
    kept = []
    there.subscribe("kept", kept.append)
    await hears(here, there)
    server.kill()
    local = []
    here.subscribe("local", local.append)
    here.publish("local", "at once")
    assert local == ["at once"]
    await asyncio.sleep(0.5)
    server.start()
    await hears(here, there)
    here.publish("kept", "x")
    await until(lambda: kept)


async def test_the_bus_notices_a_server_that_falls_silent_and_hears_again(server, client, two_buses):
    here, there = two_buses
    await hears(here, there)
    server.signal(signal.SIGSTOP)
    await asyncio.sleep(6)
    local = []
    here.subscribe("local", local.append)
    for n in range(20_000):
        here.publish("local", str(n))
    assert len(local) == 20_000
    server.signal(signal.SIGCONT)
    await hears(here, there)
    assert await client.ping()


async def test_the_bus_hears_again_when_its_connection_is_cut(client, two_buses):
    here, there = two_buses
    await hears(here, there)
    await client.client_kill_filter(_type="pubsub")
    await hears(here, there, "b")


async def test_a_bus_closes_while_its_server_is_silent(server, client):
    bus = RedisBus(client)
    bus.publish("a", "x")
    await asyncio.sleep(0.1)
    server.signal(signal.SIGSTOP)
    bus.publish("a", "x")
    began = time.monotonic()
    await bus.close()
    assert time.monotonic() - began < 4
    server.signal(signal.SIGCONT)


async def test_limits_are_off_while_there_is_no_server(server, client):
    limiter = RedisLimiter(client, {"user": "1/minute"})
    assert await limiter.hit("user", "u") is None
    assert await limiter.hit("user", "u") > 0
    server.kill()
    assert await limiter.hit("user", "u") is None
    server.start()
    assert await limiter.hit("user", "u") is None
    assert await limiter.hit("user", "u") > 0


async def test_presence_forgets_the_dead_and_comes_back_after_a_loss(server, client):
    presence = RedisPresence(client)
    await presence.joined("s", "pod", "one")
    await presence.joined("s", "pod", "two")
    assert await client.smembers("session:connections:s") == {b"pod:one", b"pod:two"}
    assert 25 < await client.ttl("connection:heartbeat:pod:one") <= 30
    assert await client.ttl("session:connections:s") > 30
    await client.delete("connection:heartbeat:pod:one")
    assert await presence.connections("s") == ["pod:two"]
    assert await client.smembers("session:connections:s") == {b"pod:two"}
    server.kill()
    await presence.joined("s", "pod", "three")
    await presence.left("s", "pod", "two")
    await presence.keep("pod", [("s", "two")])
    assert await presence.connections("s") == []
    server.restart(empty=True)
    await presence.keep("pod", [("s", f"c{n}") for n in range(250)])
    assert len(await presence.connections("s")) == 250
