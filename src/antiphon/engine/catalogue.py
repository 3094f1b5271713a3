"""Which bots and models there are, and what a name means."""

import asyncio
import contextlib
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from antiphon.caches.port import Cache
from antiphon.errors import Invalid, ProviderError, ProviderTimeout
from antiphon.providers.port import Embedder, Model, Provider

MODELS_S = 30.0
"""How long a provider's list of models is good for."""
PATIENCE_S = 5.0
"""How long it is waited for: one provider that hangs must not hold up what is asked of the others."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Model]).decode


class Bot(msgspec.Struct, frozen=True, kw_only=True):
    """A named configuration: a model (``<provider>/<model>``), its system prompt and parameters.

    ``told`` names what the model is told of a session's context; nothing, by default: it may be personal.
    """

    name: str
    model: str
    title: str = ""
    greeting: str = ""
    prompt: str | None = None
    params: dict[str, Any] = {}
    context_tokens: int | None = None
    told: list[str] = []


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a request's bot and model names came to."""

    bot: str
    model: str


class Catalogue:
    """Bots by name and providers by name.

    ``origins`` are the base URLs of those providers that ask for their models elsewhere: ``cache`` keeps
    their lists. The others know their models by themselves, and faster than any cache.
    """

    def __init__(
        self,
        bots: Mapping[str, Bot],
        providers: Mapping[str, Provider],
        *,
        default_bot: str,
        cache: Cache,
        origins: Mapping[str, str] | None = None,
    ) -> None:
        self.bots = bots
        self.providers = providers
        self.default_bot = default_bot
        self._cache = cache
        self._keys = {
            name: f"models:{name}:{hashlib.sha256(url.encode()).hexdigest()[:16]}"
            for name, url in (origins or {}).items()
        }
        # The questions under way, each with the moment until which it is waited for.
        self._asking: dict[str, tuple[asyncio.Task[list[Model] | ProviderError], float]] = {}

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

    def nearest(self, bot: str, model: str) -> Choice:
        """Return who answers in place of a bot and model that may not be known here."""
        provider, _, name = model.partition("/")
        known = provider in self.providers and bool(name)
        if bot in self.bots:
            return Choice(bot=bot, model=model if known else self.bots[bot].model)
        if known:
            return Choice(bot=model, model=model)
        default = self.bots[self.default_bot]
        return Choice(bot=default.name, model=default.model)

    def embedder(self, model: str) -> tuple[Embedder, str]:
        """Split ``<provider>/<model>``. Raises Invalid if there is no such provider or it does not embed."""
        provider, rest = self.provider(model)
        if not isinstance(provider, Embedder):
            raise Invalid(f"The provider of {model!r} makes no embeddings.")
        return provider, rest

    async def names(self) -> dict[str, str]:
        """Return all names that ``model`` may have where bots count as models, and whose each is.

        A provider that cannot be asked is left out.
        """
        names = dict.fromkeys(self.bots, "antiphon")
        for provider, models in (await self.models()).items():
            if not isinstance(models, ProviderError):
                names |= {f"{provider}/{model.id}": provider for model in models}
        return names

    async def models(self) -> dict[str, list[Model] | ProviderError]:
        """Return the models of each provider, or why they could not be learnt.

        A list may be 30 s older than the provider's own; a failure is never kept.
        """
        answers = await asyncio.gather(*(self.offer(name) for name in self.providers))
        return dict(zip(self.providers, answers, strict=True))

    async def offer(self, name: str) -> list[Model] | ProviderError:
        """Return one provider's models, or why they could not be learnt."""
        # One question for all who ask at once; it outlives who put it first.
        if name not in self._asking:
            task = asyncio.create_task(self._ask(name))
            self._asking[name] = task, asyncio.get_running_loop().time() + PATIENCE_S
            task.add_done_callback(lambda _: self._asking.pop(name))
        asking, until = self._asking[name]
        try:
            async with asyncio.timeout_at(until):
                return await asyncio.shield(asking)
        except TimeoutError:
            return ProviderTimeout(f"{name} has not listed its models within {PATIENCE_S:g} s.")

    async def _ask(self, name: str) -> list[Model] | ProviderError:
        key = self._keys.get(name)
        kept = None if key is None else await self._cache.get(key)
        if kept is not None:
            # Another release may have written it in another form: then it is not there.
            with contextlib.suppress(msgspec.DecodeError):
                return _decode(kept)
        try:
            models = list(await self.providers[name].models())
        except ProviderError as error:
            return error
        if key is not None:
            await self._cache.put(key, _encode(models), MODELS_S)
        return models

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
