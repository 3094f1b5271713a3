"""A TCP port that leads to another one, and the faults that a network has between the two."""

import asyncio
import random
import socket

HOST = "127.0.0.1"
# Below the range that outgoing connections draw from: a port must still be free when it is opened again.
PORTS = range(10000, 20000)


def steady_port():
    """Return a port that stays ours while nobody listens on it."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


class _End(asyncio.Protocol):
    """One side of a connection through the proxy."""

    def __init__(self, proxy, peer=None):
        self.proxy = proxy
        self.peer = peer
        self.transport = None
        self.early = []
        self.choked = False
        self._due = 0.0
        self._reading = True
        self._gone = False

    def connection_made(self, transport):
        self.transport = transport
        if self.proxy.closed:
            transport.abort()
            return
        self.proxy.ends.add(self)
        if self.peer is None:
            self.proxy.connect_soon(self)
        self.flow()

    def data_received(self, data):
        if not self.proxy.delay:
            self._pass(data)
            return
        loop = asyncio.get_running_loop()
        self._due = max(self._due, loop.time() + self.proxy.delay)
        loop.call_at(self._due, self._pass, data)

    def _pass(self, data):
        self.proxy.bytes += len(data)
        if self.peer is None:
            self.early.append(data)
        elif self.peer.transport is not None and not self.peer.gone:
            self.peer.transport.write(data)

    def pause_writing(self):
        self.choked = True
        self.peer.flow()

    def resume_writing(self):
        self.choked = False
        self.peer.flow()

    def flow(self):
        """Read, or leave what comes where it is."""
        reading = not self.proxy.swallowing and not (self.peer and self.peer.choked)
        if reading != self._reading and self.transport is not None and not self.transport.is_closing():
            self._reading = reading
            (self.transport.resume_reading if reading else self.transport.pause_reading)()

    def connection_lost(self, error):
        self._gone = True
        self.proxy.ends.discard(self)
        if self.peer is not None and self.peer.transport is not None and not self.peer.gone:
            self.peer.transport.close()

    @property
    def gone(self):
        return self._gone


class FaultProxy:
    """Listens on a port of its own and passes everything on, until told otherwise."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.port = steady_port()
        self.ends = set()
        self.delay = 0.0
        self.swallowing = False
        self.closed = False
        self.bytes = 0
        self._waiting = []
        self._server = None
        self._tasks = set()

    async def start(self):
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _End(self), HOST, self.port, backlog=1024)
        return self

    async def close(self):
        self.closed = True
        self._stop_listening()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self):
        """Reset all connections there are."""
        for end in tuple(self.ends):
            end.transport.abort()

    def refuse(self):
        """Reset all connections and refuse new ones, until healed."""
        self._stop_listening()
        self.cut()

    def swallow(self):
        """Pass nothing in either direction and tell nobody; new connections are accepted as well."""
        self.swallowing = True
        for end in tuple(self.ends):
            end.flow()

    async def heal(self):
        """Be a good network again. What was swallowed arrives now, as after retransmission."""
        self.delay = 0.0
        self.swallowing = False
        waiting, self._waiting = self._waiting, []
        for end in waiting:
            self.connect_soon(end)
        for end in tuple(self.ends):
            end.flow()
        if self._server is None and not self.closed:
            await self.start()

    def connect_soon(self, end):
        """Connect an accepted connection with the target."""
        if self.swallowing:
            self._waiting.append(end)
            return
        task = asyncio.get_running_loop().create_task(self._connect(end))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, end):
        if end.gone:
            return
        try:
            _, peer = await asyncio.get_running_loop().create_connection(
                lambda: _End(self, end), *self.target
            )
        except OSError:
            end.transport.abort()
            return
        if end.gone:
            peer.transport.abort()
            return
        end.peer = peer
        for data in end.early:
            peer.transport.write(data)
        end.early.clear()

    def _stop_listening(self):
        if self._server is not None:
            self._server.close()
            self._server = None
