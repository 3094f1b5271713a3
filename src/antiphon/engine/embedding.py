"""Texts as vectors, which a provider makes."""

import asyncio
from collections.abc import Mapping
from typing import Any

from antiphon.engine.catalogue import Catalogue
from antiphon.engine.rates import Rates
from antiphon.errors import Overloaded
from antiphon.model import Principal
from antiphon.providers.port import Embeddings

AT_ONCE = 8
"""Calls under way in this process: an answer takes tens of megabytes at its largest."""
WAITING = 100
"""Calls that wait for their turn."""


class Embedding:
    """Passes texts on to the provider of a model."""

    def __init__(self, catalogue: Catalogue, rates: Rates) -> None:
        self._catalogue = catalogue
        self._rates = rates
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._asked = 0

    async def embed(
        self, principal: Principal, model: str, texts: Any, params: Mapping[str, Any], *, address: str | None
    ) -> Embeddings:
        """Return the vectors of texts; ``model`` is ``<provider>/<model>``, the rest as for Embedder.

        Raises Invalid (no such provider, or it does not embed), RateLimited, Overloaded, ProviderError.
        """
        embedder, name = self._catalogue.embedder(model)
        if self._asked >= AT_ONCE + WAITING:
            raise Overloaded("Too many embeddings are being made here. Try again shortly.", retry_after=2)
        self._asked += 1
        try:
            await self._rates.check(user=principal.id, address=address)
            async with self._turn:
                return await embedder.embed(name, texts, params)
        finally:
            self._asked -= 1
