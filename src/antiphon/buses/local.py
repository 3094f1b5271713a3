"""Wake-ups between the processes of one machine, by Unix datagram sockets.

Each process binds a socket in a folder that only its user can enter, and sends to every other socket there:
there is no hub that could fail, and no file that grows. What is published in one turn of the event loop
goes out in one datagram; what a peer has no room for waits here, up to a bound.
"""

import asyncio
import contextlib
import os
import re
import secrets
import socket
import stat
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from antiphon.buses.memory import MemoryBus

logger = structlog.get_logger(__name__)

LONGEST_DATAGRAM = 65_536 + 1_024
BUFFER = 1 << 20
MOST_WAITING = 1 << 20
"""Bytes that wait for a peer without room, which is one that hangs or was stopped; more are lost."""
READS_AT_ONCE = 64
BETWEEN_LOOKS_S = 0.25
AFTER_FAILURE_S = 5.0
LEAVING_S = 0.5
UNFINISHED_S = 60.0

_NAME = re.compile(r"[0-9a-f]{16}\.sock")
_UNFINISHED = ".new"


class LocalBus:
    """The Bus port on a folder of sockets, which is made if need be.

    Raises PermissionError, or another OSError, if the folder is not this user's alone or can hold no socket:
    when it is made, if the event loop runs by then, else at first use.
    """

    most_bytes = 65_536

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._here = MemoryBus()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._name = ""
        self._directory = -1
        self._socket: socket.socket | None = None
        self._peers: dict[str, _Peer] = {}
        self._pending: list[bytes] = []
        self._next_look = 0.0
        # One byte more than any of ours: a datagram that fills it was cut off and is not ours.
        self._buffer = memoryview(bytearray(LONGEST_DATAGRAM + 1))
        self._is_open()

    def publish(self, topic: str, text: str) -> None:
        """See Bus."""
        try:
            item = f"{topic} {text}".encode()
        except UnicodeEncodeError:
            return
        size = len(item) - len(topic) - 1
        if size > self.most_bytes or len(item) > LONGEST_DATAGRAM or b"\0" in item:
            return
        if self._is_open() and self._loop is not None:
            if not self._pending:
                self._loop.call_soon(self._flush)
            self._pending.append(item)
        self._here.publish(topic, text)

    def subscribe(self, topic: str, wake: Callable[[str], None]) -> Callable[[], None]:
        """See Bus."""
        self._is_open()
        return self._here.subscribe(topic, wake)

    async def close(self) -> None:
        """See Bus."""
        if self._socket is not None and not self._closed:
            self._flush()
            self._closed = True
            until = time.monotonic() + LEAVING_S
            for peer in tuple(self._peers.values()):
                while peer.waits and time.monotonic() < until:  # noqa: ASYNC110 - happens once, rarely
                    await asyncio.sleep(0.005)
            self._unbind()
            for peer in self._peers.values():
                peer.close()
            self._peers.clear()
        self._closed = True
        await self._here.close()

    def _is_open(self) -> bool:
        """Whether there is a socket; binds it once the event loop runs."""
        if self._socket is None and not self._closed:
            with contextlib.suppress(RuntimeError):
                self._loop = asyncio.get_running_loop()
            if self._loop is not None:
                self._bind(self._loop)
        return not self._closed and self._socket is not None

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        directory = _open_folder(self._folder)
        name = f"{secrets.token_hex(8)}.sock"
        bound = _socket()
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            # A file appears before its socket answers. Peers take one that does not answer for a dead
            # process's, so they may see it only afterwards.
            bound.bind(_address(directory, self._folder, name + _UNFINISHED))
            os.rename(name + _UNFINISHED, name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            bound.close()
            os.close(directory)
            raise
        self._name, self._directory, self._socket = name, directory, bound
        loop.add_reader(bound.fileno(), self._read)
        self._look()
        self._sweep_unfinished()
        self._send([f" {name}".encode()])

    def _unbind(self) -> None:
        if self._socket is None or self._loop is None:
            return
        self._loop.remove_reader(self._socket.fileno())
        self._unlink(self._name)
        self._socket.close()
        self._socket = None
        os.close(self._directory)

    def _flush(self) -> None:
        """Send what was published since the last time."""
        if self._closed or not self._pending:
            return
        datagrams = _pack(self._pending)
        self._pending = []
        if time.monotonic() >= self._next_look:
            self._look()
        self._send(datagrams)

    def _send(self, datagrams: Sequence[bytes]) -> None:
        for peer in tuple(self._peers.values()):
            peer.send(datagrams)

    def _look(self) -> None:
        """Get to know the sockets of the folder.

        Peers say themselves when they come; this is for when that was lost, or the folder was deleted.
        """
        self._next_look = time.monotonic() + BETWEEN_LOOKS_S
        names = _names(self._directory)
        if self._name not in names and self._loop is not None:
            self._bind_again(self._loop)
            return
        for name in names:
            self._meet(name)

    def _bind_again(self, loop: asyncio.AbstractEventLoop) -> None:
        """Come back after somebody deleted the socket's file, without which nobody new finds it."""
        old, directory = self._socket, self._directory
        self._read()  # what is still in the old one
        try:
            self._bind(loop)
        except OSError as error:
            logger.warning("bus_folder_lost", folder=str(self._folder), error=str(error))
            self._next_look = time.monotonic() + AFTER_FAILURE_S
            return
        if old is not None:
            loop.remove_reader(old.fileno())
            old.close()
        os.close(directory)

    def _meet(self, name: str) -> None:
        """Connect to a peer if it is new and lives; remove what a dead one left."""
        if name == self._name or name in self._peers or self._loop is None or not _NAME.fullmatch(name):
            return
        try:
            address = _address(self._directory, self._folder, name)
            self._peers[name] = _Peer(address, self._loop, lambda: self._lose(name))
        except ConnectionRefusedError:
            self._unlink(name)
        except OSError as error:
            logger.debug("bus_peer_unreachable", error=str(error))

    def _lose(self, name: str) -> None:
        """Forget a peer that is dead, and remove its file: names are never used again."""
        peer = self._peers.pop(name, None)
        if peer is not None:
            peer.close()
            self._unlink(name)
            self._next_look = 0.0

    def _unlink(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=self._directory)

    def _sweep_unfinished(self) -> None:
        """Remove what processes left that died between two lines of ``_bind``."""
        for name in _names(self._directory):
            with contextlib.suppress(OSError):
                made = os.stat(name, dir_fd=self._directory, follow_symlinks=False).st_mtime
                if name.endswith(_UNFINISHED) and time.time() - made > UNFINISHED_S:
                    self._unlink(name)

    def _read(self) -> None:
        """Take what came; the rest in the next turn of the loop, so that others have theirs."""
        for _ in range(READS_AT_ONCE):
            if self._socket is None:
                return  # a subscriber that was woken closed the bus
            try:
                size = self._socket.recv_into(self._buffer)
            except (BlockingIOError, InterruptedError):
                return
            if size <= LONGEST_DATAGRAM:
                self._take(bytes(self._buffer[:size]))

    def _take(self, datagram: bytes) -> None:
        """Wake for each publication of a datagram; ignore what is none."""
        try:
            items = datagram.decode().split("\0")
        except UnicodeDecodeError:
            return
        for item in items:
            topic, space, text = item.partition(" ")
            if topic and space:
                try:
                    self._here.publish(topic, text)
                except Exception as error:  # one subscriber's fault must not silence the others
                    logger.exception("wake_failed", topic=topic, error=type(error).__name__)
            elif space:
                self._meet(text)


class _Peer:
    """Another process's socket, and what waits until it has room."""

    def __init__(self, address: str, loop: asyncio.AbstractEventLoop, lost: Callable[[], None]) -> None:
        self._loop = loop
        self._lost = lost
        self._waiting: deque[bytes] = deque()
        self._size = 0
        # Connected, although datagrams need not be: only so does the kernel tell when the peer has room.
        self._socket = _socket()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            self._socket.connect(address)
        except BaseException:
            self._socket.close()
            raise

    @property
    def waits(self) -> bool:
        """Whether something is still to be sent."""
        return bool(self._waiting)

    def send(self, datagrams: Sequence[bytes]) -> None:
        """Send now or, in order, when there is room."""
        idle = not self._waiting
        for datagram in datagrams:
            if self._size + len(datagram) <= MOST_WAITING:
                self._waiting.append(datagram)
                self._size += len(datagram)
        if idle and not self._send_waiting():
            self._loop.add_writer(self._socket.fileno(), self._go_on)

    def _go_on(self) -> None:
        if self._send_waiting():
            self._loop.remove_writer(self._socket.fileno())

    def _send_waiting(self) -> bool:
        """Send what there is room for; return whether that was all."""
        while self._waiting:
            try:
                self._socket.send(self._waiting[0])
            except (BlockingIOError, InterruptedError):
                return False
            except ConnectionError:
                self._loop.call_soon(self._lost)  # not now: the table of peers is being walked
                self._waiting.clear()
                self._size = 0
                return True
            except OSError as error:  # no memory in the kernel: this one is lost
                logger.debug("bus_datagram_lost", error=str(error))
            self._size -= len(self._waiting.popleft())
        return True

    def close(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        if self._socket.fileno() >= 0:
            self._loop.remove_writer(self._socket.fileno())
            self._socket.close()


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def _open_folder(folder: Path) -> int:
    """Open the folder, and make it if need be. Raises PermissionError if others may enter it or own it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    found = os.fstat(directory)
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        os.close(directory)
        raise PermissionError(
            f"{folder} must belong to the user that runs antiphon and be closed to all others: "
            f"delete it, or run `chmod 700` on it."
        )
    return directory


def _address(directory: int, folder: Path, name: str) -> str:
    """Return a path of the socket that is short enough for the kernel (108 bytes), however long the folder's.

    It also leads to the folder that was examined, whatever has been put in its place since.
    """
    by_descriptor = f"/proc/self/fd/{directory}"
    return f"{by_descriptor if Path(by_descriptor).exists() else folder}/{name}"


def _names(directory: int) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:  # the folder itself was deleted
        return []


def _pack(items: Sequence[bytes]) -> list[bytes]:
    """Join publications to datagrams; texts hold no NUL."""
    datagrams: list[bytes] = []
    batch: list[bytes] = []
    size = 0
    for item in items:
        if batch and size + len(item) + 1 > LONGEST_DATAGRAM:
            datagrams.append(b"\0".join(batch))
            batch, size = [], 0
        batch.append(item)
        size += len(item) + bool(size)
    if batch:
        datagrams.append(b"\0".join(batch))
    return datagrams
