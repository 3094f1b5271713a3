"""Contract C: a client that comes back under the same session and client id gets what it missed, once."""

import asyncio

import pytest

from antiphon.testing.model_server import expected_text
from backends import postgres
from backends.services import need
from serving import ServerProcess, model_toml
from session_chat import Chat, Told

TOKENS = 60
MODEL = f"test/test-{TOKENS}-25-0"
# Between two of its tokens there is time to acknowledge what came.
SLOW = "test/test-8-400-0"


@pytest.fixture
async def chat(server):
    async with Chat(server.url) as made:
        yield made


def chunks(count):
    return lambda told: len(told.order) >= count


@pytest.mark.parametrize("how", ["close", "cut"])
@pytest.mark.parametrize("away", [0.0, 0.3, 2.5])
async def test_what_was_missed_comes_once(chat, how, away):
    session = await chat.session()
    told = Told()  # which takes no repeat: all that was read before leaving was acknowledged
    line = await chat.connect(session, told=told)
    await line.send("come back", model=SLOW)
    await line.until(chunks(3))
    assert await line.quiet(0.15)
    await (line.socket.close() if how == "close" else asyncio.to_thread(line.cut))
    await asyncio.sleep(away)
    async with await chat.connect(session, told=told) as line:
        assert (await line.replies(1)).texts == [expected_text("come back", 8)]
        assert await line.quiet()
    # Once the reply was received, nothing of it comes again.
    async with await chat.connect(session, told=told) as line:
        assert await line.quiet()
    await chat.idle()


async def test_however_often_a_client_leaves_nothing_is_missing(chat):
    session = await chat.session()
    told = Told(repeats=True)
    visits = 0
    while not told.complete:
        line = await chat.connect(session, told=told)
        if not visits:
            await line.send("again and again", model=MODEL)
        before = len(told.order)
        await line.until(lambda told, before=before: told.complete or len(told.order) > before + 3)
        line.cut()
        visits += 1
    assert visits > 5
    assert told.texts == [expected_text("again and again", TOKENS)]
    # What was in flight: a frame or two a visit, not the reply.
    assert told.repeats <= 3 * visits


async def test_what_was_not_read_comes_again_and_is_recognised(chat):
    session = await chat.session()
    told = Told(repeats=True)
    line = await chat.connect(session, told=told)
    await line.send("unread", model=MODEL)
    await line.until(chunks(5))
    line.socket._response.connection.transport.pause_reading()
    await asyncio.sleep(0.5)  # on its way, but never received
    line.cut()
    async with await chat.connect(session, told=told) as line:
        assert (await line.replies(1)).texts == [expected_text("unread", TOKENS)]
    assert told.repeats <= 2


async def test_a_cursor_of_the_clients_own_makes_it_exact_and_goes_before_the_place(chat):
    session = await chat.session()
    told = Told()
    line = await chat.connect(session, told=told)
    await line.send("exact", model=MODEL)
    for _ in range(5):
        had = len(told.order)
        await line.until(lambda told, had=had: len(told.order) > had + 4)
        line.cut()
        line = await chat.connect(session, told=told, cursor=told.cursor)
    assert (await line.replies(1)).texts == [expected_text("exact", TOKENS)]
    await line.socket.close()
    # From the beginning, although all of it was received.
    again = Told()
    async with await chat.connect(session, told=again, cursor="1.0") as line:
        assert (await line.replies(1)).texts == told.texts


async def test_a_client_without_a_place_gets_what_runs_from_its_first_chunk(chat):
    session = await chat.session()
    async with await chat.connect(session, "first") as line:
        await line.send("running", model=MODEL)
        await line.until(chunks(20))
        async with await chat.connect(session, "second") as other:
            assert (await other.replies(1)).texts == [expected_text("running", TOKENS)]
        await line.replies(1)
    await asyncio.sleep(0.5)  # noted in the background
    async with await chat.connect(session, "third") as late:  # others have received it
        assert await late.quiet()


async def test_a_client_that_was_there_gets_what_others_received_meanwhile(chat):
    session = await chat.session()
    told = Told()
    await (await chat.connect(session, "away", told)).socket.close()
    async with await chat.connect(session, "here") as line:
        await line.send("without you", model="test/test-5-0-0")
        await line.replies(1)
    async with await chat.connect(session, "away", told) as line:
        assert (await line.replies(1)).texts == [expected_text("without you", 5)]


async def test_two_connections_of_one_client_are_both_served_and_the_furthest_counts(chat):
    session = await chat.session()
    one, other = [await chat.connect(session, told=Told()) for _ in range(2)]
    await one.send("twice", model=MODEL)
    await asyncio.gather(one.until(chunks(5)), other.until(chunks(5)))
    slow = other.socket._response.connection.transport
    slow.pause_reading()
    await one.replies(1)
    assert await one.quiet(0.3)
    other.cut()
    await one.socket.close()
    async with await chat.connect(session) as line:
        assert await line.quiet()
    # And both live to the end.
    both = [await chat.connect(session, told=Told()) for _ in range(2)]
    await both[0].send("both", model="test/test-10-10-0")
    for line in both:
        assert (await line.replies(1)).texts == [expected_text("both", 10)]
        await line.socket.close()
    await chat.idle()


async def test_a_killed_server_goes_on_where_its_clients_are(tmp_path, model):
    told = Told(repeats=True)
    async with ServerProcess(tmp_path, model_toml(model.port)) as server, Chat(server.url) as chat:
        session = await chat.session()
        line = await chat.connect(session, told=told)
        await line.send("killed", model="test/test-100-30-0")
        await line.until(chunks(60))
        await server.kill()
        await line.until(lambda _: False)
        had = len(told.order)
        await server.start()
        async with await chat.connect(session, told=told) as line:
            assert (await line.replies(1)).texts == [expected_text("killed", 100)]
    assert had >= 60
    # Places are written once a second: no more than what came in that time is repeated.
    assert told.repeats <= 50


async def test_a_reply_that_begins_again_says_so(tmp_path, model):
    told = Told(repeats=True)
    toml = model_toml(model.port, continuation=False)
    async with ServerProcess(tmp_path, toml) as server, Chat(server.url) as chat:
        session = await chat.session()
        line = await chat.connect(session, told=told)
        await line.send("anew", model="test/test-40-30-0")
        await line.until(chunks(20))
        await server.kill()
        await line.until(lambda _: False)
        await server.start()
        async with await chat.connect(session, told=told) as line:
            assert (await line.replies(1)).texts == [expected_text("anew", 40)]
    assert told.resets == 1


async def test_another_pod_goes_on_where_the_client_was(tmp_path, model):
    url = await postgres.create(need("POSTGRES_URL"))
    pods = []
    try:
        for name in "ab":
            (tmp_path / name).mkdir()
            pods.append(ServerProcess(tmp_path / name, model_toml(model.port), DATABASE_URL=url))
        async with pods[0], pods[1], Chat(pods[0].url) as first, Chat(pods[1].url) as second:
            session = await first.session()
            await between_pods(session, [first, second])
            told = Told(repeats=True)
            line = await first.connect(session, "k", told)
            await line.send("pod killed", model="test/test-100-30-0")
            await line.until(chunks(60))
            await pods[0].kill()
            await line.until(lambda _: False)
            async with await second.connect(session, "k", told) as line:
                assert (await line.replies(1)).texts == [expected_text("pod killed", 100)]
            assert told.repeats <= 50
    finally:
        await postgres.drop(need("POSTGRES_URL"), url)


async def between_pods(session, chats):
    """Go from pod to pod and back, while a connection to the first still seems open to it."""
    told = Told()
    stale = await chats[0].connect(session, told=told)
    await stale.send("to and fro", model="test/test-5-2000-0")
    await stale.until(chunks(2))
    assert await stale.quiet(1.5)  # until it is written, also without the connection's end
    async with await chats[1].connect(session, told=told) as line:
        assert (await line.replies(1)).texts == [expected_text("to and fro", 5)]
        assert await line.quiet(1.5)
    async with await chats[0].connect(session, told=told) as line:
        assert await line.quiet()
    stale.cut()
    async with await chats[1].connect(session, told=told) as line:
        assert await line.quiet()
