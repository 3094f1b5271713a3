"""The routes of OpenAI's API that keep nothing."""

from antiphon.dialects.openai import chat, embeddings, models
from antiphon.engine.engine import Engine
from antiphon.transports.http import Route
from antiphon.transports.stream import Streams


def routes(engine: Engine, streams: Streams) -> list[Route]:
    """Return them."""
    return [*chat.routes(engine, streams), *models.routes(engine), *embeddings.routes(engine)]
