"""From a claimed turn to a provider's finish: prompt, continuation, retries."""

import asyncio
import random
from collections.abc import Sequence

import msgspec
import structlog

from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Catalogue
from antiphon.engine.draft import Draft, text_of
from antiphon.engine.patience import patiently
from antiphon.engine.window import fit
from antiphon.errors import ProviderError, ProviderRefused
from antiphon.model import Turn
from antiphon.providers.port import Finish, Prompt, Provider
from antiphon.stores.port import Exchange, Store

logger = structlog.get_logger(__name__)


class Generator:
    """Produces replies into drafts."""

    def __init__(self, store: Store, catalogue: Catalogue, bounds: Bounds) -> None:
        self._store = store
        self._catalogue = catalogue
        self._bounds = bounds

    async def generate(self, turn: Turn, draft: Draft, history: Sequence[Exchange] | None) -> Finish:
        """Fill the draft with one reply. Raises ProviderError.

        A draft that already holds chunks belongs to a turn taken over: the reply goes on after its text if
        the provider can do that, behind a ``seam`` chunk, else it begins again behind a ``reset`` chunk.
        ``history`` is the turn's branch, where it is already known.
        """
        provider, model = self._catalogue.provider(turn.model)
        prefix = self._seam(turn, draft, provider) if turn.epoch > 1 else ""
        bot = self._catalogue.bots.get(turn.bot)
        if history is None:
            most = self._bounds.history_exchanges
            history = await patiently(lambda: self._store.history(turn.prompt_id, most), "history_waits")
        window = (bot and bot.context_tokens) or self._bounds.context_tokens
        budget = max(window // 2, window - self._bounds.reply_tokens_reserved)
        prompt = Prompt(
            model=model,
            messages=fit(bot.prompt if bot else None, history, budget),
            prefix=prefix,
            params={**(bot.params if bot else {}), **turn.params},
            session_id=turn.session_id,
            turn_id=turn.id,
            reply_id=turn.reply_id,
            epoch=turn.epoch,
        )
        try:
            return await self._with_retries(provider, prompt, draft)
        except ProviderRefused:
            if not prefix or draft.all_chunks()[-1].kind != "seam":
                raise
            # Some models behind a provider that goes on from a prefix do not: begin again instead.
            draft.reset("the model would not go on with the text so far")
            return await self._with_retries(provider, msgspec.structs.replace(prompt, prefix=""), draft)

    def _seam(self, turn: Turn, draft: Draft, provider: Provider) -> str:
        """Mark the takeover and return the text to go on from, empty to begin again."""
        prefix = text_of(draft.chunks)
        has_tools = any(chunk.kind == "tool" for chunk in draft.chunks)
        goes_on = bool(prefix) and provider.continuation and not has_tools
        logger.info(
            "turn_taken_over", turn=turn.id, epoch=turn.epoch, chunk=len(draft.chunks), goes_on=goes_on
        )
        if goes_on or not draft.begun:
            draft.seam()
            return prefix
        draft.reset("the process that wrote this reply was lost")
        return ""

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
