"""What is known of a session beside its messages, kept near: in the cache, and in the store behind it."""

import contextlib
from typing import Any

import msgspec

from antiphon.caches.port import Cache
from antiphon.model import Principal
from antiphon.stores.port import SessionStore

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Contexts:
    """Contexts of sessions; one stays in the cache for ``seconds`` after it was last asked for or changed."""

    def __init__(self, store: SessionStore, cache: Cache, seconds: float) -> None:
        self._store = store
        self._cache = cache
        self._seconds = seconds

    async def get(self, principal: Principal, session_id: str) -> dict[str, Any]:
        """Return the context of a session. Raises NotFound."""
        found = await self._cache.get(_key(principal, session_id))
        with contextlib.suppress(msgspec.MsgspecError):
            if found is not None:
                context = _decode(found)
                await self.keep(principal, session_id, context)
                return context
        context = (await self._store.session(principal, session_id)).context
        await self.keep(principal, session_id, context)
        return context

    async def keep(self, principal: Principal, session_id: str, context: dict[str, Any]) -> None:
        """Keep the context that was just stored or used."""
        await self._cache.put(_key(principal, session_id), msgspec.json.encode(context), self._seconds)

    async def forget(self, principal: Principal, session_id: str) -> None:
        """Forget the context of a session that is gone."""
        await self._cache.forget(_key(principal, session_id))


def _key(principal: Principal, session_id: str) -> str:
    return f"context:{principal.id} {session_id}"
