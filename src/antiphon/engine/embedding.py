"""Texts as vectors, which a provider makes."""

from collections.abc import Mapping
from typing import Any

from antiphon.engine.catalogue import Catalogue
from antiphon.engine.rates import Rates
from antiphon.errors import Overloaded
from antiphon.model import Principal
from antiphon.providers.port import Embeddings

AT_ONCE = 32
"""Calls under way in this process: an answer takes tens of megabytes at its largest."""


class Embedding:
    """Passes texts on to the provider of a model."""

    def __init__(self, catalogue: Catalogue, rates: Rates) -> None:
        self._catalogue = catalogue
        self._rates = rates
        self._running = 0

    async def embed(
        self, principal: Principal, model: str, texts: Any, params: Mapping[str, Any], *, address: str | None
    ) -> Embeddings:
        """Return the vectors of texts; ``model`` is ``<provider>/<model>``, the rest as for Embedder.

        Raises Invalid (no such provider, or it does not embed), RateLimited, Overloaded, ProviderError.
        """
        embedder, name = self._catalogue.embedder(model)
        if self._running >= AT_ONCE:
            raise Overloaded("Too many embeddings are being made here. Try again shortly.", retry_after=2)
        self._running += 1
        try:
            await self._rates.check(user=principal.id, address=address)
            return await embedder.embed(name, texts, params)
        finally:
            self._running -= 1
