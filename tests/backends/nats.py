"""Back ends on a real NATS."""

import contextlib
import secrets

from antiphon import registry
from antiphon.connections.nats import NatsConnection
from backends.services import need


@contextlib.asynccontextmanager
async def connections():
    """Yield a maker of connections: each instance has its own, as in another process."""
    url = need("NATS_URL")
    opened = []

    def make():
        opened.append(NatsConnection(url))
        return opened[-1]

    yield make
    for connection in opened:
        await connection.close()


@contextlib.asynccontextmanager
async def log(migrated_database, tmp_path):
    stream = f"test-{secrets.token_hex(6)}"
    async with connections() as connect:
        # A test's turns are as young as its stream.
        yield lambda: registry.load(registry.LOGS, "nats")(connect(), stream=stream, clock_skew_ms=500)
        client = await connect().client()
        for name in (stream, f"{stream}-ended"):
            await client.request(f"$JS.API.STREAM.DELETE.{name}", timeout=5)


@contextlib.asynccontextmanager
async def bus(migrated_database, tmp_path):
    prefix = f"test-{secrets.token_hex(6)}"
    opened = []
    async with connections() as connect:

        def make():
            opened.append(registry.load(registry.BUSES, "nats")(connect(), prefix=prefix))
            return opened[-1]

        yield make
        for one in opened:
            await one.close()
