"""The bus on PostgreSQL, with a driver that fails in ways a real server cannot be asked for."""

import asyncio

import asyncpg

from antiphon.buses import postgres
from patience import PATIENCE_S


class Driver:
    """A connection that breaks the first time it is used."""

    def __init__(self, said, error=None):
        self.said = said
        self.error = error

    def add_termination_listener(self, told):
        """It is never told."""

    def is_closed(self):
        return False

    async def add_listener(self, channel, heard):
        """Nobody speaks."""

    async def remove_listener(self, channel, heard):
        """Nobody speaks."""

    async def fetchval(self, *statement):
        if self.error is not None:
            raise self.error
        self.said.append(statement)

    def terminate(self):
        """Nothing is held."""


async def test_it_survives_whatever_the_driver_raises(monkeypatch):
    said = []
    drivers = [Driver(said, asyncpg.InternalClientError("another operation is in progress")), Driver(said)]

    async def connect(*_, **__):
        return drivers.pop(0)

    monkeypatch.setattr(postgres.Address, "connect", connect)
    bus = postgres.PostgresBus("postgresql://nobody@127.0.0.1/none")
    bus.publish("turns", "lost with its connection")
    async with asyncio.timeout(PATIENCE_S):
        while len(drivers) > 1:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        bus.publish("turns", "after it")
        while not said:
            await asyncio.sleep(0.01)
        await bus.close()
    assert "after it" in str(said)
