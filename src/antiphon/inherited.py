"""What a server process has from its supervisor: listening sockets, and a way to know that it lives.

Both ends are here: the supervisor makes the sockets and passes them on by number in the environment, the
server process picks them up. Without those variables each function of the second half does nothing.
"""

import array
import asyncio
import contextlib
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable, Sequence

LISTEN_FDS = "ANTIPHON_LISTEN_FDS"
PARENT_FD = "ANTIPHON_PARENT_FD"
READY_FD = "ANTIPHON_READY_FD"
BACKLOG = 4096

# Only Linux shares connections out among sockets of one port.
_SHARES_OUT = sys.platform == "linux"
_SO_ATTACH_REUSEPORT_CBPF = 51
_ATTEMPTS = 20


class Listeners:
    """The listening sockets of one port: for each slot one an address.

    A single socket for all would be simpler, but a process that wakes takes all the connections that wait: of
    1,000 readers that come back at once one of two processes got 884. The supervisor keeps the sockets open,
    so that what has queued for a process that died is served by the one that replaces it.

    Raises OSError if the port is taken or the host is not this machine's.
    """

    def __init__(self, host: str, port: int, slots: int) -> None:
        self.slots: list[list[socket.socket]] = [[] for _ in range(slots)]
        try:
            self.port = self._open(host, port)
        except BaseException:
            self.close()
            raise

    def steer(self, live: Sequence[int]) -> None:
        """Give new connections to these slots only, at random; with none, to all."""
        if not _SHARES_OUT or len(self.slots) == 1:
            return
        program = _choice(live or range(len(self.slots)))
        # Where the kernel knows no such programs it goes on by the hash of the addresses.
        with contextlib.suppress(OSError):
            for listener in self.slots[0]:
                listener.setsockopt(
                    socket.SOL_SOCKET,
                    _SO_ATTACH_REUSEPORT_CBPF,
                    struct.pack("HP", len(program) // 8, program.buffer_info()[0]),
                )

    def close(self) -> None:
        """Stop listening."""
        for listener in {id(each): each for slot in self.slots for each in slot}.values():
            listener.close()

    def _open(self, host: str, port: int) -> int:
        for attempt in range(_ATTEMPTS):
            try:
                return self._open_all(_addresses(host, port))
            except OSError as error:
                # The free port that the first address was given may be taken at the second.
                if port != 0 or error.errno != errno.EADDRINUSE or attempt == _ATTEMPTS - 1:
                    raise
                self.close()
                self.slots = [[] for _ in self.slots]
        raise AssertionError

    def _open_all(self, addresses: Sequence[tuple[int, tuple[object, ...]]]) -> int:
        port, missing = 0, None
        for family, (host, wanted, *more) in addresses:
            address = (host, wanted or port, *more)
            try:
                # The first is bound for itself alone: another server on this port must be an error, and not
                # a partner that the kernel shares the connections with.
                first = _bind(family, address, shared=False)
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                missing = error  # IPv6 is switched off, say: one of the addresses will do
                continue
            self.slots[0].append(first)
            port = first.getsockname()[1]
            if _SHARES_OUT and len(self.slots) > 1:
                first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            first.listen(BACKLOG)
            for slot in self.slots[1:]:
                slot.append(_bind(family, first.getsockname(), shared=True) if _SHARES_OUT else first)
                slot[-1].listen(BACKLOG)
        if not port and missing is not None:
            raise missing
        return port


def _addresses(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    """Return the addresses that asyncio would listen on."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bind(family: int, address: tuple[object, ...], *, shared: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except BaseException:
        bound.close()
        raise
    return bound


def _choice(live: Sequence[int]) -> "array.array[int]":
    """Return a classic BPF program that answers one of these numbers at random."""
    load_random, modulo, if_equal, answer = 0x20, 0x94, 0x15, 0x06
    random = 0xFFFFF000 + 56  # where the kernel keeps a random number for such programs
    lines = [(load_random, 0, 0, random), (modulo, 0, 0, len(live))]
    for n, slot in enumerate(live):
        lines += [(if_equal, 0, 1, n), (answer, 0, 0, slot)]
    lines.append((answer, 0, 0, live[0]))
    return array.array("B", b"".join(struct.pack("HBBI", *line) for line in lines))


def listening_sockets() -> list[socket.socket]:
    """Return the sockets to listen on, or none when this process has no supervisor."""
    return [socket.socket(fileno=number) for number in _take(LISTEN_FDS)]


def watch_parent(loop: asyncio.AbstractEventLoop, leave: Callable[[], None]) -> None:
    """Call ``leave`` when the supervisor is gone, however it went."""
    for number in _take(PARENT_FD):

        def gone(number: int = number) -> None:
            loop.remove_reader(number)
            os.close(number)
            leave()

        loop.add_reader(number, gone)


def tell_ready() -> None:
    """Tell the supervisor that requests are taken."""
    for number in _take(READY_FD):
        with contextlib.suppress(OSError):  # it went meanwhile
            os.write(number, b"1")
        os.close(number)


def _take(variable: str) -> list[int]:
    """Return the descriptors a variable names, which are this process's alone from now on."""
    numbers = [int(number) for number in os.environ.pop(variable, "").split(",") if number]
    for number in numbers:
        os.set_inheritable(number, False)
    return numbers
