"""From a claimed turn to a provider's finish: prompt, continuation, retries."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import structlog
from msgspec import structs

from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Catalogue
from antiphon.engine.draft import Draft, text_of
from antiphon.engine.options import going_on, options_of
from antiphon.engine.patience import patiently
from antiphon.engine.reply_cache import Kept, ReplyCache
from antiphon.engine.window import estimate_tokens, fit, room
from antiphon.errors import ProviderError, ProviderRefused
from antiphon.model import Turn
from antiphon.providers.port import Finish, Prompt, PromptMessage, Provider
from antiphon.stores.port import Exchange, Store

logger = structlog.get_logger(__name__)


class Generator:
    """Produces replies into drafts."""

    def __init__(self, store: Store, catalogue: Catalogue, replies: ReplyCache, bounds: Bounds) -> None:
        self._store = store
        self._catalogue = catalogue
        self._replies = replies
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
        budget = room(bot.context_tokens if bot else None, self._bounds)
        options, params = options_of(turn.params)
        messages = fit(options.system(bot.prompt if bot else None), history, budget)
        prompt = _prompt(turn, model, messages, {**(bot.params if bot else {}), **params}, prefix)
        if options.cache and turn.epoch == 1:
            return await self._cached(turn, provider, prompt, draft)
        return await self._produce(provider, prompt, draft)

    async def answer(
        self, turn: Turn, draft: Draft, messages: Sequence[PromptMessage], *, whole: bool = False
    ) -> Finish:
        """Fill the draft with the reply to just these messages. Raises ProviderError.

        ``whole``: nobody reads it before its end.
        """
        provider, model = self._catalogue.provider(turn.model)
        bot = self._catalogue.bots.get(turn.bot)
        head = [PromptMessage(role="system", content=bot.prompt)] if bot and bot.prompt else []
        prompt = _prompt(turn, model, [*head, *messages], {**(bot.params if bot else {}), **turn.params})
        return await self._with_retries(provider, structs.replace(prompt, whole=whole), draft)

    async def _cached(self, turn: Turn, provider: Provider, prompt: Prompt, draft: Draft) -> Finish:
        """Answer from the cache, or ask and keep what came."""
        kept = await self._replies.get(turn.model, prompt)
        if kept is not None:
            draft.content(kept.text)
            return Finish(reason="stop", usage=kept.usage, cached=True)
        finish = await self._produce(provider, prompt, draft)
        chunks = draft.all_chunks()
        text = text_of(chunks)
        # Nothing at all is no answer to give again.
        if finish.reason == "stop" and text and all(chunk.kind == "content" for chunk in chunks):
            await self._replies.put(turn.model, prompt, Kept(text, finish.usage))
        return finish

    async def _produce(self, provider: Provider, prompt: Prompt, draft: Draft) -> Finish:
        """Ask for the reply, or the rest of it."""
        asked = prompt
        if prompt.prefix:
            params = going_on(prompt.params, estimate_tokens(prompt.prefix))
            asked = structs.replace(prompt, params=params)
        try:
            return await self._with_retries(provider, asked, draft)
        except ProviderRefused:
            if not prompt.prefix or draft.all_chunks()[-1].kind != "seam":
                raise
            # Some models behind a provider that goes on from a prefix do not: begin again instead.
            draft.reset("the model would not go on with the text so far")
            return await self._with_retries(provider, structs.replace(prompt, prefix=""), draft)

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


def _prompt(
    turn: Turn,
    model: str,
    messages: Sequence[PromptMessage],
    params: dict[str, Any],
    prefix: str = "",
) -> Prompt:
    return Prompt(
        model=model,
        messages=messages,
        prefix=prefix,
        params=params,
        session_id=turn.session_id,
        turn_id=turn.id,
        reply_id=turn.reply_id,
        epoch=turn.epoch,
    )
