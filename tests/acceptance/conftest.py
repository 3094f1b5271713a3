"""A server and a model to talk to."""

import pytest

from antiphon.testing.model_server import serve
from serving import Client, ServerProcess, model_toml


@pytest.fixture
async def model():
    server = await serve("127.0.0.1", 0)
    yield server
    await server.close()


@pytest.fixture
async def server(tmp_path, model):
    async with ServerProcess(tmp_path, model_toml(model.port)) as process:
        yield process


@pytest.fixture
async def client(server):
    async with Client(server.url) as made:
        yield made
