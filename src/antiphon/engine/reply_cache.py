"""Replies kept for a while, for questions that are equal in all that a model is sent."""

import contextlib
import hashlib

import msgspec

from antiphon.caches.port import Cache
from antiphon.model import Usage
from antiphon.providers.port import Prompt


class Kept(msgspec.Struct, frozen=True):
    """A whole reply."""

    text: str
    usage: Usage | None


_decode = msgspec.json.Decoder(Kept).decode


class ReplyCache:
    """Whole replies by their prompts, in a cache that pods may share; with 0 ``seconds`` none is kept."""

    def __init__(self, cache: Cache, seconds: float) -> None:
        self._cache = cache
        self._seconds = seconds
        self.hits = 0
        self.misses = 0

    async def get(self, model: str, prompt: Prompt) -> Kept | None:
        """Return the reply to an equal question."""
        if not self._seconds:
            return None
        found = await self._cache.get(_key(model, prompt))
        # Another release may have written it in another form: then it is not there.
        with contextlib.suppress(msgspec.MsgspecError):
            if found is not None:
                kept = _decode(found)
                self.hits += 1
                return kept
        self.misses += 1
        return None

    async def put(self, model: str, prompt: Prompt, kept: Kept) -> None:
        """Keep a reply that is whole."""
        if self._seconds:
            await self._cache.put(_key(model, prompt), msgspec.json.encode(kept), self._seconds)


def _key(model: str, prompt: Prompt) -> str:
    """Return a digest of all that decides about the reply: equal in every process, other than ``hash``."""
    asked = msgspec.json.encode([model, prompt.messages, prompt.params], order="sorted")
    return f"reply:{hashlib.sha256(asked).hexdigest()}"
