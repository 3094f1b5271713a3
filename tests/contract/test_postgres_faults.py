"""A PostgreSQL that is restarted, killed, paused, cut off, read-only: what becomes of store, log and bus."""

import asyncio
import time
from urllib.parse import urlsplit

import asyncpg
import pytest

from antiphon.buses.postgres import PostgresBus
from antiphon.connections import postgres as connections
from antiphon.errors import AntiphonError, Invalid, StoreUnavailable
from antiphon.ids import now_ms
from antiphon.logs.port import Append, Claim
from antiphon.logs.postgres import PostgresLog
from antiphon.stores.postgres import PostgresExecutor, migrate_postgres
from antiphon.stores.sql.store import SqlStore
from backends import postgres
from backends.postgres_faults import ANN, LONGEST_S, PrivateServer, Wire, ask, opened, outcome, text
from backends.services import need
from patience import eventually


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    need("POSTGRES_URL")
    server = PrivateServer(tmp_path_factory.mktemp("server"))
    yield server
    server.services.down(purge=True)


@pytest.fixture
async def server(private):
    private.start()
    private.database = url = await postgres.create(private.url)
    yield private
    private.start()
    await postgres.drop(private.url, url)


@pytest.fixture
async def url():
    found = await postgres.database()
    await postgres.empty(found)
    return found


@pytest.fixture
async def admin(url):
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


async def test_a_restart_is_passed_over_and_a_killed_server_is_found_again(server):
    async with opened(server.database) as executor:
        store, log = SqlStore(executor), PostgresLog(executor)
        await store.heartbeat("pod", 10**9, works=True)
        turn = (await store.submit(ANN, ask())).turn
        await log.append([Append(turn.id, 1, 0, text("one"))])
        await asyncio.to_thread(server.restart)
        assert (await store.turn(ANN, turn.id)).id == turn.id, "the cut connection is not given to anybody"
        assert await log.append([Append(turn.id, 1, 1, text("two"))]) == ["done"]
        await asyncio.to_thread(server.kill)
        for call in (
            store.turn(ANN, turn.id),
            store.ping(),
            store.submit(ANN, ask()),
            log.read([(turn.id, 0)]),
        ):
            with pytest.raises(StoreUnavailable) as told:
                await call
            assert told.value.retry_after == 1
        await asyncio.to_thread(server.start)
        assert await eventually(lambda: log.read([(turn.id, 0)])) == [text("one", "two")]
        assert await store.finish(turn, outcome(turn)) == "done"


async def test_all_that_is_written_while_the_server_is_killed_is_there_once(server):
    async with opened(server.database) as executor, opened(server.database) as other:
        store, log = SqlStore(executor), PostgresLog(executor)
        await store.heartbeat("pod", 10**9, works=True)
        done = asyncio.Event()

        async def converse(n):
            count = 0
            while not done.is_set():
                new = ask(f"s{n}", text=str(count), idempotency_key=str(count))
                turn = (await eventually(lambda new=new: store.submit(ANN, new))).turn
                for first in range(3):
                    entry = Append(turn.id, turn.epoch, first, text(str(first)))
                    assert await eventually(lambda entry=entry: log.append([entry])) == ["done"]
                assert await eventually(lambda turn=turn: store.finish(turn, outcome(turn))) == "done"
                count += 1
            return count

        work = [asyncio.create_task(converse(n)) for n in range(8)]
        for disturb in (server.restart, server.kill, server.restart):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(disturb)
            await asyncio.to_thread(server.start)
        await asyncio.sleep(0.3)
        done.set()
        counts = await asyncio.gather(*work)
        assert min(counts) > 2
        for n, count in enumerate(counts):
            messages = await SqlStore(other).messages(ANN, f"s{n}", None, 10_000)
            assert [m.content for m in messages if m.role == "user"] == [str(i) for i in range(count)]
            turns = await SqlStore(other).turns(ANN, f"s{n}", 0, 10_000)
            assert [turn.number for turn in turns] == list(range(1, count + 1))
            chunks = await PostgresLog(other).read([(turn.id, 0) for turn in turns])
            assert chunks == [text("0", "1", "2")] * count


async def test_a_paused_server_keeps_nobody_waiting_for_long(server):
    async with opened(server.database, pool=4) as executor:
        store, log = SqlStore(executor), PostgresLog(executor)
        await store.heartbeat("pod", 10**9, works=True)
        await log.append([Append("a", 1, 0, text("one"))])
        await asyncio.gather(*(store.ping() for _ in range(8)))
        with server.paused():
            began = time.monotonic()
            calls = [store.submit(ANN, ask()), log.append([Append("a", 1, 1, text("two"))]), store.ping()]
            calls += [store.ping() for _ in range(20)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(result, StoreUnavailable) for result in results), results
            assert time.monotonic() - began < LONGEST_S
        assert await eventually(lambda: log.append([Append("a", 1, 1, text("two"))])) == ["done"]
        assert await log.read([("a", 0)]) == [text("one", "two")]


async def test_an_append_whose_answer_is_lost_is_stored_once(url):
    async with Wire(url) as wire, opened(wire.url) as executor:
        log = PostgresLog(executor)
        await log.append([Append("a", 1, 0, text("one"))])
        for first, words in ((1, b"second"), (2, b"third")):
            wire.words = words
            assert await log.append([Append("a", 1, first, text(words.decode()))]) == ["done"]
        assert wire.cuts == 2
        assert await log.read([("a", 0)]) == [text("one", "second", "third")]


async def test_an_entry_of_nothing_is_done_and_leaves_nothing(url):
    async with opened(url) as executor:
        log = PostgresLog(executor)
        assert await log.append([Append("a", 1, 0, text("one")), Append("b", 2, 0, [])]) == ["done", "behind"]
        assert await log.append([Append("a", 1, 1, [])]) == ["done"]
        assert await log.append([Append("a", 1, 1, text("two")), Append("c", 1, 3, [])]) == ["done", "behind"]
        assert await log.read([("a", 0)]) == [text("one", "two")]


async def test_a_commit_whose_answer_is_lost_is_not_repeated_but_may_be_asked_again(url):
    async with Wire(url) as wire, opened(wire.url) as executor:
        store = SqlStore(executor, outbox=True)
        await store.heartbeat("pod", 10**9, works=True)
        wire.words = b"COMMIT\0"
        new = ask(idempotency_key="k")
        with pytest.raises(StoreUnavailable, match="not known"):
            await store.submit(ANN, new)
        submitted = await store.submit(ANN, new)
        assert not submitted.fresh
        wire.words = b"COMMIT\0"
        with pytest.raises(StoreUnavailable, match="not known"):
            await store.finish(submitted.turn, outcome(submitted.turn))
        assert await store.finish(submitted.turn, outcome(submitted.turn)) == "done"
        assert len(await store.messages(ANN, "s", None, 10)) == 2


async def test_an_operation_that_is_cut_before_its_commit_runs_again(url):
    async with Wire(url) as wire, opened(wire.url) as executor:
        store = SqlStore(executor)
        await store.heartbeat("pod", 10**9, works=True)
        wire.words = b"user:ann"
        assert (await store.submit(ANN, ask())).turn.number == 1
        wire.words = b"BEGIN"
        assert len(await store.turns(ANN, "s", 0, 10)) == 1
        assert wire.cuts == 2


@pytest.mark.parametrize("wait", [0.0, 0.002, 0.01, 0.05])
async def test_whatever_was_accepted_before_a_takeover_is_returned_by_it_and_nothing_after(url, wait):
    async with opened(url) as executor, opened(url) as other:
        old, new = PostgresLog(executor), PostgresLog(other)
        turns = [f"t{n}" for n in range(40)]
        accepted = dict.fromkeys(turns, 0)
        fenced = set()

        async def write():
            while len(fenced) < len(turns):
                going = [turn for turn in turns if turn not in fenced]
                batch = [Append(turn, 1, accepted[turn], text(f"old {accepted[turn]}")) for turn in going]
                for turn, told in zip(going, await old.append(batch), strict=True):
                    if told == "done":
                        accepted[turn] += 1
                    else:
                        assert told == "fenced"
                        fenced.add(turn)

        async def take_over(some):
            found = await new.open([Claim(turn, 2, now_ms()) for turn in some])
            batch = [Append(turn, 2, len(had), text("new")) for turn, had in zip(some, found, strict=True)]
            assert await new.append(batch) == ["done"] * len(some)
            return dict(zip(some, found, strict=True))

        writing = asyncio.create_task(write())
        had = {}
        await asyncio.sleep(wait)
        for at in range(0, 40, 8):
            had |= await take_over(list(reversed(turns[at : at + 8])))
            await asyncio.sleep(wait / 5)
        await asyncio.wait_for(writing, 20)
        for turn in turns:
            assert had[turn] == text(*(f"old {i}" for i in range(accepted[turn])))
        assert await new.read([(turn, 0) for turn in turns]) == [had[turn] + text("new") for turn in turns]


async def test_a_stopped_pod_does_not_hold_its_locks_for_long(url):
    async with opened(url) as executor:
        store = SqlStore(executor)
        await store.heartbeat("pod", 0, works=True)
        stopped = await connections.Address(url).connect()
        await stopped.execute("BEGIN")
        await stopped.execute("SELECT id FROM pods WHERE id = 'pod' FOR KEY SHARE")
        began = time.monotonic()
        await eventually(lambda: store.bury("other"))
        assert 1 < time.monotonic() - began < 10
        assert not await store.heartbeat("pod", 0, works=True)
        stopped.terminate()


async def test_a_server_that_became_read_only_is_left(url, admin):
    name = urlsplit(url).path[1:]
    async with opened(url) as executor:
        store = SqlStore(executor)
        await store.heartbeat("pod", 10**9, works=True)
        try:
            await executor.run(lambda driver: driver.execute("SET default_transaction_read_only = on"))
            assert await store.heartbeat("pod", 10**9, works=True), "on another connection"
            await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            await executor.run(lambda driver: driver.execute("SET default_transaction_read_only = on"))
            with pytest.raises(StoreUnavailable):
                await store.submit(ANN, ask())
        finally:
            await admin.execute("SET default_transaction_read_only = off")
            await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        assert (await store.submit(ANN, ask())).turn.state == "running"


async def test_a_server_with_no_connection_left_is_busy(url, admin):
    await admin.execute("DROP ROLE IF EXISTS antiphon_few")
    await admin.execute("CREATE ROLE antiphon_few LOGIN PASSWORD 'few' CONNECTION LIMIT 1")
    place = urlsplit(url)
    few = place._replace(netloc=f"antiphon_few:few@{place.netloc.rpartition('@')[2]}").geturl()
    try:
        async with opened(few) as executor:
            store = SqlStore(executor)
            results = await asyncio.gather(*(store.ping() for _ in range(3)), return_exceptions=True)
            assert [type(result) for result in results if result] == [StoreUnavailable] * 2
            await store.ping()
            with pytest.raises(StoreUnavailable, match="rights"):
                await store.session(ANN, "s")
    finally:
        await admin.execute("DROP ROLE antiphon_few")


@pytest.mark.parametrize(
    ("user", "host", "path", "query", "told"),
    [
        ("antiphon:s3cret", "{}", "/antiphon_nowhere", "", "no database of that name"),
        ("nobody:s3cret", "{}", "/antiphon", "", "DATABASE_URL"),
        ("antiphon:s3cret", "127.0.0.1:1", "/antiphon", "", "could not be used"),
        ("antiphon:s3cret", "nowhere.invalid", "/antiphon", "", "could not be used"),
        ("antiphon:pass/s3cret", "{}", "/antiphon", "", "percent-encoded"),
        ("antiphon:pass#s3cret", "{}", "/antiphon", "", "percent-encoded"),
        ("antiphon", "{}", "/antiphon", "sslmode=s3cret", "percent-encoded"),
    ],
)
async def test_a_wrong_address_is_told_without_its_password(url, user, host, path, query, told):
    here = urlsplit(url).netloc.rpartition("@")[2]
    wrong = f"postgresql://{user}@{host.format(here)}{path}?{query}"
    async with opened(wrong) as executor:
        with pytest.raises(StoreUnavailable, match=told) as raised:
            await SqlStore(executor).ping()
    assert "s3cret" not in str(raised.value)
    with pytest.raises(StoreUnavailable, match=told):
        await migrate_postgres(wrong)


async def test_an_empty_database_is_told_from_a_broken_one():
    url = await postgres.create(need("POSTGRES_URL"), migrate=False)
    async with opened(url) as executor:
        with pytest.raises(StoreUnavailable, match="antiphon migrate"):
            await SqlStore(executor).session(ANN, "s")
    await postgres.drop(need("POSTGRES_URL"), url)


async def test_what_postgres_cannot_store_is_refused(url):
    async with opened(url) as executor:
        store = SqlStore(executor)
        for wrong in ("nul \x00", "surrogate \ud800"):
            with pytest.raises(Invalid):
                await store.create_session(ANN, "s", wrong, {})
        with pytest.raises(Invalid):
            await store.create_session(ANN, "long" * 100, "", {})
        with pytest.raises(Invalid):
            await store.messages(ANN, "s", 2**70, 10) if await store.create_session(
                ANN, "s", "", {}
            ) else None


async def test_a_cancelled_call_leaves_no_trace(url, admin):
    async with opened(url, pool=1) as executor:
        store = SqlStore(executor)
        await store.create_session(ANN, "s", "", {})
        await admin.execute("BEGIN")
        await admin.execute("SELECT id FROM sessions FOR UPDATE")
        waiting = asyncio.create_task(store.submit(ANN, ask()))
        await asyncio.sleep(0.2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await store.ping()
        await admin.execute("ROLLBACK")
        assert (await store.submit(ANN, ask(claim_for=None))).turn.number == 1


async def test_a_wait_for_a_connection_has_an_end(url, monkeypatch):
    monkeypatch.setattr(connections, "ACQUIRE_S", 0.2)
    async with opened(url, pool=1) as executor:
        long = asyncio.create_task(executor.run(lambda driver: driver.execute("SELECT pg_sleep(1)")))
        await asyncio.sleep(0.1)
        with pytest.raises(StoreUnavailable, match="busy"):
            await SqlStore(executor).ping()
        await long
        await SqlStore(executor).ping()


async def test_after_closing_nothing_runs_and_what_ran_is_done(url):
    executor = PostgresExecutor(url)
    await executor.write(lambda c: c.exec_driver_sql("SELECT 1").scalar_one())
    slow = asyncio.create_task(executor.run(lambda driver: driver.fetchval("SELECT 7 FROM pg_sleep(0.5)")))
    await asyncio.sleep(0.1)
    await executor.close()
    assert slow.done()
    assert await slow == 7
    with pytest.raises(StoreUnavailable, match="shutting down"):
        await executor.read(lambda c: c.exec_driver_sql("SELECT 1").scalar_one())
    await executor.close()


async def test_an_address_may_say_more(url, admin):
    await admin.execute("CREATE SCHEMA IF NOT EXISTS elsewhere")
    elsewhere = (
        url.replace("postgresql:", "postgres:")
        + "?search_path=elsewhere&statement_cache_size=0&sslmode=prefer"
    )
    assert await migrate_postgres(elsewhere)
    assert not await migrate_postgres(url)
    async with opened(elsewhere) as executor, opened(url) as here:
        store, log = SqlStore(executor), PostgresLog(executor)
        await store.heartbeat("pod", 10**9, works=True)
        turn = (await store.submit(ANN, ask())).turn
        assert await log.append([Append(turn.id, 1, 0, text("x"))]) == ["done"]
        assert await store.finish(turn, outcome(turn)) == "done"
        assert await SqlStore(here).sessions(ANN, None, 10) == []
        with pytest.raises(AntiphonError):
            await SqlStore(here).turn(ANN, turn.id)
        await executor.write(lambda c: c.exec_driver_sql("DROP SCHEMA elsewhere CASCADE"))


async def test_the_bus_is_heard_again(server):
    here, there = PostgresBus(server.database), PostgresBus(server.database)
    heard, own = [], []
    there.subscribe("a", heard.append)
    there.subscribe("pod.b", heard.append)
    here.subscribe("a", own.append)

    async def arrives(topic, word):
        async def say():
            while word not in heard:
                here.publish(topic, word)
                await asyncio.sleep(0.1)

        await asyncio.wait_for(say(), 20)

    await arrives("a", "first")
    await asyncio.to_thread(server.kill)
    here.publish("a", "away")
    assert own[-1] == "away", "within the process nothing depends on the server"
    await asyncio.to_thread(server.start)
    await arrives("a", "second")
    with server.paused():
        await asyncio.sleep(6)
    await arrives("a", "third")
    await arrives("pod.b", "fourth")
    await asyncio.to_thread(server.kill)
    began = time.monotonic()
    await asyncio.gather(here.close(), there.close())
    assert time.monotonic() - began < 6
