"""Which bots and models there are, and what a name means."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from antiphon.errors import Invalid, ProviderError
from antiphon.providers.port import Model, Provider


class Bot(msgspec.Struct, frozen=True, kw_only=True):
    """A named configuration: a model (``<provider>/<model>``), its system prompt and parameters."""

    name: str
    model: str
    title: str = ""
    greeting: str = ""
    prompt: str | None = None
    params: dict[str, Any] = {}
    context_tokens: int | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a request's bot and model names came to."""

    bot: str
    model: str


class Catalogue:
    """Bots by name and providers by name."""

    def __init__(
        self, bots: Mapping[str, Bot], providers: Mapping[str, Provider], *, default_bot: str
    ) -> None:
        self.bots = bots
        self.providers = providers
        self.default_bot = default_bot

    async def choose(self, bot: str | None, model: str | None) -> Choice:
        """Settle which bot and model answer. Raises Invalid for names that are not known.

        A model may be named alone when only one provider has it. A bot given with a model keeps its prompt.
        """
        if bot is not None and bot not in self.bots:
            raise Invalid(f"There is no bot {bot!r}. There are: {', '.join(sorted(self.bots))}.")
        if model is not None:
            full = await self._full_name(model)
            return Choice(bot=bot or full, model=full)
        chosen = self.bots[bot or self.default_bot]
        return Choice(bot=chosen.name, model=chosen.model)

    def provider(self, model: str) -> tuple[Provider, str]:
        """Split ``<provider>/<model>``. Raises Invalid if that provider is not configured."""
        name, _, rest = model.partition("/")
        if name not in self.providers or not rest:
            raise Invalid(f"No provider {name!r} is configured for the model {model!r}.")
        return self.providers[name], rest

    async def models(self) -> dict[str, list[Model] | ProviderError]:
        """Return the models of each provider, or why they could not be learnt."""

        async def ask(provider: Provider) -> list[Model] | ProviderError:
            try:
                return list(await provider.models())
            except ProviderError as error:
                return error

        answers = await asyncio.gather(*(ask(provider) for provider in self.providers.values()))
        return dict(zip(self.providers, answers, strict=True))

    async def _full_name(self, model: str) -> str:
        if model.partition("/")[0] in self.providers:
            return model
        offers = await self.models()
        having = [
            name
            for name, models in offers.items()
            if not isinstance(models, ProviderError) and any(m.id == model for m in models)
        ]
        if len(having) == 1:
            return f"{having[0]}/{model}"
        if having:
            names = ", ".join(f"{name}/{model}" for name in having)
            raise Invalid(f"Several providers have the model {model!r}. Name one: {names}.")
        raise Invalid(f"There is no model {model!r}. GET /api/models lists those there are.")
