"""From a claimed turn to a provider's finish: prompt, continuation, retries."""

import asyncio
import random
from collections.abc import Sequence

import msgspec
import structlog

from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Catalogue
from antiphon.engine.draft import Draft, text_of
from antiphon.engine.window import fit
from antiphon.errors import ProviderError, ProviderRefused
from antiphon.model import Seam, Turn
from antiphon.providers.port import Finish, Prompt, Provider
from antiphon.stores.port import Exchange, Store

logger = structlog.get_logger(__name__)


class Generator:
    """Produces replies into drafts."""

    def __init__(self, store: Store, catalogue: Catalogue, bounds: Bounds) -> None:
        self._store = store
        self._catalogue = catalogue
        self._bounds = bounds

    async def generate(
        self, turn: Turn, draft: Draft, seams: list[Seam], history: Sequence[Exchange] | None
    ) -> Finish:
        """Fill the draft with one reply. Raises ProviderError.

        A draft that already holds chunks belongs to a turn taken over: the reply goes on after its text if
        the provider can do that, else a ``reset`` chunk is put and it begins again. A seam is noted.
        ``history`` is the turn's branch, where it is already known.
        """
        provider, model = self._catalogue.provider(turn.model)
        prefix = self._seam(turn, draft, provider, seams) if turn.epoch > 1 else ""
        bot = self._catalogue.bots.get(turn.bot)
        if history is None:
            history = await self._store.history(turn.prompt_id, self._bounds.history_exchanges)
        window = (bot and bot.context_tokens) or self._bounds.context_tokens
        budget = window - self._bounds.reply_tokens_reserved
        prompt = Prompt(
            model=model,
            messages=fit(bot.prompt if bot else None, history, budget),
            prefix=prefix,
            params={**(bot.params if bot else {}), **turn.params},
        )
        try:
            return await self._with_retries(provider, prompt, draft)
        except ProviderRefused:
            if not prefix or draft.all_chunks() != draft.chunks:
                raise
            # Some models behind a provider that goes on from a prefix do not: begin again instead.
            seams[-1] = Seam(chunk=len(draft.chunks), epoch=turn.epoch, how="restarted")
            draft.reset("the model would not go on with the text so far")
            return await self._with_retries(provider, msgspec.structs.replace(prompt, prefix=""), draft)

    def _seam(self, turn: Turn, draft: Draft, provider: Provider, seams: list[Seam]) -> str:
        """Note the takeover and return the text to go on from, empty to begin again."""
        prefix = text_of(draft.chunks)
        kinds = {chunk.kind for chunk in draft.chunks}
        goes_on = bool(prefix) and provider.continuation and "tool" not in kinds
        if goes_on or not draft.begun:
            how = "continued"
        else:
            how, prefix = "restarted", ""
        seams.append(Seam(chunk=len(draft.chunks), epoch=turn.epoch, how=how))  # type: ignore[arg-type]
        if how == "restarted":
            draft.reset("the process that wrote this reply was lost")
        logger.info("turn_taken_over", turn=turn.id, epoch=turn.epoch, chunk=len(draft.chunks), how=how)
        return prefix

    async def _with_retries(self, provider: Provider, prompt: Prompt, draft: Draft) -> Finish:
        """Ask the provider, and again after a passing failure, but only before the first token."""
        attempt = 0
        before = len(draft.all_chunks())
        while True:
            try:
                return await provider.stream(prompt, draft)
            except ProviderError as error:
                begun = len(draft.all_chunks()) > before
                if begun or not error.retryable or attempt >= self._bounds.retries:
                    raise
                pause = self._bounds.retry_base * 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
                if error.retry_after is not None:
                    if error.retry_after > self._bounds.retry_base * 2**self._bounds.retries * 4:
                        raise
                    pause = max(pause, error.retry_after)
                logger.info("provider_retry", code=error.code, attempt=attempt + 1, pause=round(pause, 3))
                await asyncio.sleep(pause)
                attempt += 1
