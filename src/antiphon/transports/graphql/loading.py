"""Loading the GraphQL libraries with the first query, not with the server.

They take most of a second and some megabytes, which a server that is never asked in GraphQL should not pay,
and a server that is should not stand still for.
"""

import asyncio
import importlib
from typing import TYPE_CHECKING

from antiphon.engine.engine import Engine
from antiphon.transports.graphql.wire import Limits

if TYPE_CHECKING:
    from antiphon.transports.graphql.graph import Graph


class Loader:
    """Makes the one Graph of this process when it is first needed."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits
        self._making: asyncio.Task[Graph] | None = None

    async def graph(self) -> "Graph":
        """Return it, once it is there."""
        if self._making is None:
            self._making = asyncio.create_task(asyncio.to_thread(self._make), name="load GraphQL")
        # It outlives who asked first.
        return await asyncio.shield(self._making)

    def _make(self) -> "Graph":
        graph = importlib.import_module("antiphon.transports.graphql.graph")
        made: Graph = graph.Graph(self._engine, self._limits)
        return made
