"""The WebSocket protocol by the byte (RFC 6455), and what may be done to its server."""

import logging
import socket
import struct
import time
from pathlib import Path

import pytest

from antiphon.transports import ws_protocol
from sockets import BINARY, CLOSE, CONT, PING, PONG, TEXT, Raw, Served, close, frame

BIG = "ü" * 1000
EURO = "€".encode()


def closing(code):
    return (CLOSE, struct.pack("!H", code))


CASES = {
    "text": (frame(TEXT, b"hello"), [(TEXT, b"hello")]),
    "empty text": (frame(TEXT), [(TEXT, b"")]),
    "text of 125 bytes": (frame(TEXT, b"x" * 125), [(TEXT, b"x" * 125)]),
    "text of 126 bytes": (frame(TEXT, b"x" * 126), [(TEXT, b"x" * 126)]),
    "text of 65,535 bytes": (frame(TEXT, b"x" * 65_535), [(TEXT, b"x" * 65_535)]),
    "text of 65,536 bytes": (frame(TEXT, b"x" * 65_536), [(TEXT, b"x" * 65_536)]),
    "text of the largest size": (frame(TEXT, b"x" * 100_000), [(TEXT, b"x" * 100_000)]),
    "characters of two bytes": (frame(TEXT, BIG.encode()), [(TEXT, BIG.encode())]),
    "binary that is not UTF-8": (frame(BINARY, b"\xff\x00"), [(BINARY, b"\xff\x00")]),
    "two messages at once": (frame(TEXT, b"1") + frame(TEXT, b"2"), [(TEXT, b"1"), (TEXT, b"2")]),
    "two fragments": (frame(TEXT, b"a", fin=False) + frame(CONT, b"b"), [(TEXT, b"ab")]),
    "binary fragments": (frame(BINARY, b"a", fin=False) + frame(CONT, b"\xff"), [(BINARY, b"a\xff")]),
    "empty fragments": (frame(TEXT, fin=False) + frame(CONT, fin=False) * 50 + frame(CONT), [(TEXT, b"")]),
    "a character across fragments": (
        frame(TEXT, EURO[:1], fin=False) + frame(CONT, EURO[1:2], fin=False) + frame(CONT, EURO[2:]),
        [(TEXT, EURO)],
    ),
    "ping": (frame(PING, b"here?"), [(PONG, b"here?")]),
    "empty ping": (frame(PING), [(PONG, b"")]),
    "ping of 125 bytes": (frame(PING, b"p" * 125), [(PONG, b"p" * 125)]),
    "ping between fragments": (
        frame(TEXT, b"a", fin=False) + frame(PING, b"p") + frame(CONT, b"b"),
        [(PONG, b"p"), (TEXT, b"ab")],
    ),
    "pong nobody asked for": (frame(PONG, b"x") + frame(TEXT, b"a"), [(TEXT, b"a")]),
    "forged mark": (frame(PONG, b"mabcd") + frame(TEXT, b"a"), [(TEXT, b"a")]),
    "ping of 126 bytes": (frame(PING, b"p" * 126), [closing(1002)]),
    "ping in fragments": (frame(PING, b"p", fin=False), [closing(1002)]),
    "close in fragments": (frame(CLOSE, fin=False), [closing(1002)]),
    **{f"reserved bit {bit}": (frame(TEXT, b"a", rsv=bit), [closing(1002)]) for bit in (1, 2, 4, 7)},
    **{f"reserved opcode {code}": (frame(code, b"a"), [closing(1002)]) for code in (3, 7, 11, 15)},
    "no mask": (frame(TEXT, b"a", masked=False), [closing(1002)]),
    "continuation of nothing": (frame(CONT, b"a"), [closing(1002)]),
    "continuation after the end": (
        frame(TEXT, b"a", fin=False) + frame(CONT, b"b") + frame(CONT, b"c"),
        [closing(1002)],
    ),
    "a message within a message": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), [closing(1002)]),
    "close": (close(1000), [closing(1000)]),
    "close with a reason": (close(1000, b"bye"), [(CLOSE, b"\x03\xe8bye")]),
    "close without a code": (frame(CLOSE), [(CLOSE, b"")]),
    "close of one byte": (frame(CLOSE, b"\x03"), [closing(1002)]),
    "close with a reason that is not UTF-8": (close(1000, b"\xff"), [closing(1007)]),
    "close within a message": (frame(TEXT, b"a", fin=False) + close(1000), [closing(1000)]),
    "text after close": (close(1000) + frame(TEXT, b"a"), [closing(1000)]),
    "ping after close": (close(1000) + frame(PING, b"a"), [closing(1000)]),
    **{f"close {code}": (close(code), [closing(code)]) for code in (1001, 1011, 3000, 3999, 4000, 4999)},
    **{
        f"close {code}": (close(code), [closing(1002)])
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
    },
    "text that is not UTF-8": (frame(TEXT, b"\xc3\x28"), [closing(1007)]),
    "text that ends within a character": (frame(TEXT, EURO[:2]), [closing(1007)]),
    "surrogates": (frame(TEXT, b"\xed\xa0\x80"), [closing(1007)]),
    "not UTF-8 across fragments": (
        frame(TEXT, EURO[:2], fin=False) + frame(CONT, b"("),
        [closing(1007)],
    ),
    "one byte too many": (frame(TEXT, b"x" * 100_001), [closing(1009)]),
    "too long by its own word": (frame(TEXT, b"", declared=1 << 62), [closing(1009)]),
    "too long in fragments": (
        frame(TEXT, b"x" * 60_000, fin=False) + frame(CONT, b"x" * 60_000),
        [closing(1009)],
    ),
    "too long by far, sent to the end": (frame(TEXT, b"x" * 5_000_000), [closing(1009)]),
}


@pytest.fixture(scope="module")
def served():
    with Served() as made:
        yield made


@pytest.mark.parametrize("name", CASES)
def test_frames_get_the_answers_of_the_standard(served, name):
    sent, expected = CASES[name]
    with Raw(served.port) as peer:
        peer.send(sent)
        if expected[-1][0] == CLOSE:
            found = peer.rest()
        else:
            found = [peer.frame() for _ in expected]
            peer.send(close(1000))
            assert peer.rest() == [closing(1000)]
    # A reason may follow the code.
    found = [(code, data[: len(due[1])]) for (code, data), due in zip(found, expected, strict=True)]
    assert found == expected
    served.until(lambda: served.connections == served.running == 0)


@pytest.mark.parametrize("size", [1, 7])
def test_frames_may_come_in_any_pieces(served, size):
    sent = (
        frame(TEXT, b"one" * 50, fin=False) + frame(PING, b"p") + frame(CONT, EURO) + frame(BINARY, b"\x00")
    )
    with Raw(served.port) as peer:
        for at in range(0, len(sent), size):
            peer.send(sent[at : at + size])
            time.sleep(0.001)
        assert [peer.frame() for _ in range(3)] == [
            (PONG, b"p"),
            (TEXT, b"one" * 50 + EURO),
            (BINARY, b"\x00"),
        ]


REFUSED = {
    "no key": ({"Sec_WebSocket_Key": None}, 400),
    "a key of another length": ({"Sec_WebSocket_Key": "AAAA"}, 400),
    "another version": ({"Sec_WebSocket_Version": "12"}, 400),
    "a long header": ({"Cookie": "a" * 20_000}, 431),
    "many headers": ({f"X_{n}": "1" for n in range(200)}, 431),
    "a long path": ({"head": f"GET /echo?{'a' * 20_000} HTTP/1.1"}, 414),
    "another method": ({"head": "PUT /echo HTTP/1.1"}, 405),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_handshake_that_cannot_be_is_answered_and_leaves_nothing(served, name):
    headers, status = REFUSED[name]
    with Raw(served.port, **headers) as peer:
        assert peer.status == status
        assert peer.ended()
    served.until(lambda: served.connections == served.running == 0)


def test_a_refusal_by_the_application_is_a_response_and_no_error(served, caplog):
    caplog.set_level(logging.INFO)
    with Raw(served.port, "/refuse") as peer:
        assert peer.status == 404
        assert "x-why: none" in peer.head
        assert peer._take(12) == b"nothing here"
        assert peer.ended()
    served.until(lambda: served.connections == served.running == 0)
    assert not caplog.records


def test_what_peers_do_wrong_is_not_logged(served, caplog):
    caplog.set_level(logging.INFO)
    for wrong in (frame(TEXT, b"\xff"), frame(3), frame(TEXT, declared=1 << 40)):
        with Raw(served.port) as peer:
            peer.send(wrong)
            peer.rest()
    served.until(lambda: served.connections == 0)
    assert not caplog.records


def test_frames_before_the_handshake_is_answered_do_no_harm(served, caplog):
    with socket.create_connection(("127.0.0.1", served.port), 5) as early:
        early.sendall(
            b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + frame(3)
        )
        time.sleep(0.2)
    served.until(lambda: served.connections == served.running == 0)
    assert not caplog.records


def test_marks_come_back_once_answered_and_only_those_that_were_sent(served):
    served.marks.clear()
    with Raw(served.port) as peer:
        peer.send(frame(TEXT, b"mark one!"), frame(TEXT, b"mark two!"), frame(TEXT, b"mark three"))
        pings = [payload for code, payload in [peer.frame() for _ in range(6)] if code == PING]
        assert pings == [b"mone!", b"mtwo!", b"mthree"]
        peer.send(frame(PONG, pings[1]), frame(PONG, pings[0]), frame(PONG, b"mfour"), frame(TEXT, b"end"))
        assert peer.frame() == (TEXT, b"end")
        assert served.marks == [b"two!"]


def test_tiny_fragments_do_not_add_up_in_memory(served):
    """Kept one by one, these would take fifty times what they carry, and empty ones have no bound at all."""
    with Raw(served.port) as peer:
        peer.send(frame(TEXT, b"a", fin=False))
        for _ in range(30):
            peer.send(frame(CONT, b"b", fin=False) * 1000, frame(CONT, fin=False) * 500)
        peer.send(frame(PING, b"done"))
        assert peer.frame() == (PONG, b"done")
        (protocol,) = served.server.server_state.connections
        assert len(protocol.frames) == 1
        peer.send(frame(CONT, b"c"))
        assert peer.frame() == (TEXT, b"a" + b"b" * 30_000 + b"c")


def test_pings_of_a_peer_that_reads_no_pongs_do_not_add_up(served):
    """Only the newest needs an answer; it comes once there is room."""
    payload = b"x" * 100
    with Raw(served.port, receive_buffer=4096) as peer:
        flood = frame(PING, payload) * 1000
        begun = _memory()
        for _ in range(400):  # 40 MB of pongs
            peer.send(flood)
        peer.send(frame(PING, b"last"))
        assert _memory() - begun < 8_000_000
        seen = 0
        while peer.frame() != (PONG, b"last"):
            seen += 1
        assert seen < 400_000


def test_a_peer_that_does_not_read_does_not_keep_a_connection(served, monkeypatch):
    monkeypatch.setattr(ws_protocol, "FLUSH_WITHIN_S", 0.5)
    with Raw(served.port, "/drop", receive_buffer=4096) as peer:
        served.until(lambda: served.running == 0, within=3)
        served.until(lambda: served.connections == 0, within=3)
        assert peer.ended()


def test_a_peer_that_reads_again_learns_why_it_was_dropped(served):
    with Raw(served.port, "/drop", receive_buffer=65536) as peer:
        served.until(lambda: served.running == 0, within=3)
        (text, data), (code, reason) = peer.rest()
        assert (text, len(data)) == (TEXT, 12_000_000)
        assert (code, reason) == (CLOSE, struct.pack("!H", 4008) + b"slow")


def test_the_application_learns_that_the_peer_has_gone_while_it_writes(served):
    with Raw(served.port, "/say", receive_buffer=4096) as peer:
        time.sleep(0.2)
        assert served.running == 1
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
    served.until(lambda: served.connections == served.running == 0, within=3)


def test_a_peer_that_answers_no_ping_is_let_go(monkeypatch):
    monkeypatch.setattr(ws_protocol, "FLUSH_WITHIN_S", 0.5)
    with Served(ws_ping_interval=0.3, ws_ping_timeout=0.3) as quick:
        with Raw(quick.port) as mute, Raw(quick.port, "/say", receive_buffer=4096) as stuck:
            assert [mute.frame()[0] for _ in range(2)] == [PING, CLOSE]
            quick.until(lambda: quick.connections == quick.running == 0, within=5)
            assert mute.ended()
            assert stuck.ended()


def test_a_slow_reader_is_not_taken_for_a_dead_one():
    """The pings of a peer wait behind what it has not read yet."""
    with Served(ws_ping_interval=0.2, ws_ping_timeout=1.0) as quick:
        with Raw(quick.port, "/say", receive_buffer=65536) as slow:
            got = 0
            until = time.monotonic() + 4
            while time.monotonic() < until:
                got += len(slow.socket.recv(65536))
                time.sleep(0.02)
            assert quick.running == 1
            assert 1_000_000 < got < 20_000_000


def test_a_leaving_server_waits_for_closing_frames_to_be_answered():
    with Served() as leaving:
        with Raw(leaving.port) as peer:
            leaving.server.should_exit = True
            assert peer.frame() == closing(1012)
            peer.send(close(1012))
            assert peer.rest() == []


def _memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
