"""Ports for servers of the tests."""

import itertools
import os
import random
import socket

# Below what the system hands out by itself, and of each test process its own: between the choice of a port
# and the start of its server, a second later, nobody else may get it. Else tests talk to others' servers.
_FIRST = 12_000
_EACH = 2_000
_PROCESSES = 4
_process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _PROCESSES
_offsets = itertools.count(random.randrange(_EACH))


def free_port():
    """Return a port of 127.0.0.1 on which nobody listens."""
    for offset in itertools.islice(_offsets, _EACH):
        port = _FIRST + _process * _EACH + offset % _EACH
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")
