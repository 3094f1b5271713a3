import asyncio

import pytest

from antiphon.errors import (
    ProviderError,
    ProviderGarbled,
    ProviderTimeout,
    ProviderUnreachable,
)
from antiphon.providers import stream_connection
from antiphon.providers.stream_client import Endpoint
from patience import until
from wire import (
    CHUNKED,
    CLOSED,
    OK,
    SIZED,
    Reader,
    Script,
    client,
    get,
)


@pytest.mark.parametrize("answer", [[CHUNKED], [SIZED], [CLOSED, None]])
async def test_the_three_kinds_of_body(answer):
    async with Script(answer) as server, client() as http:
        response, reader = await get(http, server, body=b'{"a": 1}')
        assert (response.head.status, reader.body, response.body) == (200, b"hello world", b"")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/x HTTP/1.1\r\nHost: localhost:%d\r\n" % server.port)
    assert body == b'{"a": 1}'


@pytest.mark.parametrize("answer", [CHUNKED, SIZED, CLOSED])
async def test_byte_by_byte(answer):
    pieces = [answer[i : i + 1] for i in range(len(answer))]
    async with Script([*pieces, None]) as server, client() as http:
        assert (await get(http, server))[1].body == b"hello world"


async def test_chunks_of_one_read_come_in_one_piece():
    async with Script([CHUNKED]) as server, client() as http:
        assert (await get(http, server))[1].pieces == [b"hello world"]


async def test_interim_answers_are_skipped():
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    async with Script([interim + SIZED], [interim, SIZED]) as server, client() as http:
        response, reader = await get(http, server)
        assert "link" not in response.head.headers
        assert reader.body == (await get(http, server))[1].body == b"hello world"


async def test_connections_are_used_again():
    async with Script(*[[CHUNKED], [SIZED]] * 5) as server, client() as http:
        for _ in range(10):
            await get(http, server)
        assert server.connections == 1


@pytest.mark.parametrize("header", [b"Connection: close\r\n", b""])
async def test_a_closing_connection_is_not_used_again(header):
    answer = OK + header + b"Content-Length: 2\r\n\r\nok"
    extra = b"" if header else b"HTTP/1.1 200 OK\r\n"
    async with Script([answer + extra], [answer]) as server, client() as http:
        await get(http, server)
        await get(http, server)
        assert server.connections == 2


async def test_idle_connections_are_bounded_in_number_and_age():
    async with Script(*[[0.05, SIZED]] * 6) as server, client(max_idle=2, max_idle_age=0.6) as http:
        await asyncio.gather(*(get(http, server) for _ in range(6)))
        (kept,) = http._idle.values()
        assert len(kept) == 2
        await until(lambda: http._sweeper is None)
        assert not http._idle


async def test_a_dead_kept_connection_is_tried_again_once():
    async with Script([SIZED], [None], [SIZED], [None], [None]) as server, client() as http:
        await get(http, server)
        assert (await get(http, server))[1].body == b"hello world"
        assert server.connections == 2
        with pytest.raises(ProviderUnreachable):
            await get(http, server)
        assert len(server.requests) == 5


async def test_no_second_try_after_the_first_byte_or_on_a_new_connection():
    async with Script([None], [SIZED], [b"HTTP/1.1 ", None]) as server, client() as http:
        with pytest.raises(ProviderUnreachable, match="without an answer"):
            await get(http, server)
        await get(http, server)
        with pytest.raises(ProviderUnreachable):
            await get(http, server)
        assert len(server.requests) == 3


@pytest.mark.parametrize("answer", [CHUNKED[:-20], SIZED[:-3]])
async def test_cut_in_the_body(answer):
    async with Script([answer, None]) as server, client() as http:
        reader = Reader()
        with pytest.raises(ProviderGarbled, match="cut"):
            await get(http, server, reader)
        assert reader.body


async def test_cancelling_closes_the_connection():
    async with Script([CHUNKED[:70]]) as server, client() as http:
        reader = Reader()
        task = asyncio.create_task(get(http, server, reader))
        await reader.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.gone.wait()
        assert not http._watched
        assert not http._idle
        reader.exchange.pause()
        reader.exchange.resume()
        reader.exchange.finish()


async def test_cancelling_while_connecting():
    async with Script([SIZED]) as server, client() as http:
        for _ in range(3):
            task = asyncio.create_task(get(http, server))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert not http._watched
        assert (await get(http, server))[1].body == b"hello world"


async def test_pause_stops_the_sender_and_resume_goes_on():
    big = b"x" * (32 << 20)
    answer = OK + b"Content-Length: %d\r\n\r\n" % len(big)
    async with Script([answer, big]) as server, client(idle_timeout=0.3) as http:
        reader = Reader(on_data=lambda reader: reader.exchange.pause())
        task = asyncio.create_task(get(http, server, reader))
        await reader.arrived.wait()
        await asyncio.sleep(1)  # longer than the idle timeout, which does not run meanwhile
        assert len(reader.pieces) == 1
        assert not task.done()
        reader.on_data = None
        reader.exchange.resume()
        await task
        assert len(reader.body) == len(big)


async def test_a_late_resume_does_not_touch_the_next_request():
    async with Script([SIZED], [CHUNKED[:70]]) as server, client() as http:
        first, second = Reader(on_data=lambda reader: reader.exchange.pause()), Reader()
        await get(http, server, first)
        task = asyncio.create_task(get(http, server, second))
        await second.arrived.wait()
        second.exchange.pause()
        first.exchange.resume()
        first.exchange.finish()
        assert second.exchange.paused
        assert not task.done()
        task.cancel()
        assert server.connections == 1


async def test_timeouts():
    pieces = [[], [CHUNKED[:40]], [CHUNKED[:70]]]
    async with Script(*pieces) as server, client(first_byte_timeout=0.3, idle_timeout=0.3) as http:
        for what in ("sent nothing", "sent nothing", "in mid-reply"):
            with pytest.raises(ProviderTimeout, match=what):
                await get(http, server)
        assert not http._watched


async def test_slow_but_steady_is_no_timeout():
    pieces = [b"3\r\nabc\r\n", 0.3] * 5
    answer = [CHUNKED[: CHUNKED.index(b"5\r\n")], *pieces, b"0\r\n\r\n"]
    async with Script(answer) as server, client(first_byte_timeout=1, idle_timeout=1) as http:
        assert (await get(http, server))[1].body == b"abc" * 5


class Silent(asyncio.Protocol):
    """A server that accepts and never says a word, not even in a TLS handshake."""

    def __init__(self, gone):
        self.gone = gone

    def connection_lost(self, exc):
        self.gone.set()


async def test_connect_timeout():
    gone = asyncio.Event()
    silent = await asyncio.get_running_loop().create_server(lambda: Silent(gone), "127.0.0.1", 0)
    url = f"https://127.0.0.1:{silent.sockets[0].getsockname()[1]}/"
    async with client(connect_timeout=0.3) as http:
        with pytest.raises(ProviderTimeout, match="No connection"):
            await http.send(Endpoint("POST", url), b"", Reader())
        assert not http._watched
        await gone.wait()
        task = asyncio.create_task(http.send(Endpoint("POST", url), b"", Reader()))
        await until(lambda: http._watched)
    with pytest.raises(ProviderUnreachable, match="stopping"):
        await task
    silent.close()


async def test_no_server():
    async with Script() as server, client() as http:
        server.server.close()
        await server.server.wait_closed()
        with pytest.raises(ProviderUnreachable, match=r"Is it running"):
            await get(http, server)


async def test_enough_is_enough():
    reader = Reader(on_data=lambda reader: reader.exchange.finish())
    async with Script([CHUNKED[:70]], [CHUNKED[:70], 0.1, CHUNKED[70:]], [SIZED]) as server, client() as http:
        await get(http, server, reader)
        await until(lambda: not http._watched)  # what does not end soon is closed
        await server.gone.wait()
        await get(http, server, reader)
        await until(lambda: http._idle)  # what ends soon is kept
        assert len(reader.pieces) == 2
        await get(http, server)
        assert server.connections == 2


async def test_an_error_of_the_sink_comes_out_as_it_is():
    def fail(_):
        raise ZeroDivisionError

    async with Script([SIZED], [SIZED]) as server, client() as http:
        with pytest.raises(ZeroDivisionError):
            await get(http, server, Reader(on_data=fail))
        reader = Reader()
        reader.begin = lambda *_: 1 / 0
        with pytest.raises(ZeroDivisionError):
            await get(http, server, reader)


async def test_a_body_nobody_wants_is_collected_up_to_a_bound():
    limit = stream_connection.MAX_COLLECTED
    long = b"HTTP/1.1 500 -\r\nContent-Length: %d\r\n\r\n" % (limit * 100) + b"x" * limit * 2
    async with Script([SIZED], [long]) as server, client() as http:
        assert (await get(http, server, Reader(collect=True)))[0].body == b"hello world"
        response, _ = await get(http, server, Reader(collect=True))
        assert (response.head.status, len(response.body)) == (500, limit)


BIG = b"x" * (stream_connection.MAX_HEAD + 10)


@pytest.mark.parametrize(
    "answer",
    [
        [b"nonsense\r\n\r\n"],
        [OK + b"X: " + BIG],
        [OK + b"X: " + BIG + b"\r\n\r\n"],
        [OK + b"X: y\r\n" * 20000 + b"\r\n"],
        [b"HTTP/1.1 100 -\r\n\r\n" * 20000],
        [OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"],
        [OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: " + BIG, BIG],
        [OK + b"Content-Length: 1\r\nContent-Encoding: gzip\r\n\r\nx"],
        [b"HTTP/1.1 101 -\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc"],
    ],
)
async def test_garbage(answer):
    async with Script([*answer, None]) as server, client() as http:
        with pytest.raises(ProviderError):
            await get(http, server)
        assert not http._idle


async def test_closing_ends_what_is_under_way():
    async with Script([CHUNKED[:70]]) as server, client() as http:
        reader = Reader()
        task = asyncio.create_task(get(http, server, reader))
        await reader.arrived.wait()
        await http.close()
        with pytest.raises(ProviderUnreachable, match="stopping"):
            await task
        with pytest.raises(ProviderUnreachable, match="stopping"):
            await get(http, server)
