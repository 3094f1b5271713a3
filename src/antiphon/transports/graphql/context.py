"""What resolvers know of the request they answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from strawberry.dataloader import DataLoader

from antiphon.engine.engine import Engine
from antiphon.model import Message, Principal, Turn

T = TypeVar("T")


class Context:
    """Who asks, and the engine.

    ``messages`` and ``turns`` look things up by id, each once however often a level of the query names it.
    Nothing is kept from level to level: a mutation may have changed it. ``searching`` is held by a search:
    fields are resolved at once, but an operation takes one place of those for searches, however many it has.
    """

    def __init__(self, engine: Engine, principal: Principal, address: str | None) -> None:
        self.engine = engine
        self.principal = principal
        self.address = address
        self.searching = asyncio.Lock()
        self.messages: DataLoader[str, Message] = DataLoader(self._find_messages, cache=False)
        self.turns: DataLoader[str, Turn] = DataLoader(self._find_turns, cache=False)

    async def _find_messages(self, ids: list[str]) -> Sequence[Message | BaseException]:
        return await _each(ids, lambda key: self.engine.store.message(self.principal, key))

    async def _find_turns(self, ids: list[str]) -> Sequence[Turn | BaseException]:
        return await _each(ids, lambda key: self.engine.store.turn(self.principal, key))


async def _each(keys: list[str], find: Callable[[str], Awaitable[T]]) -> Sequence[T | BaseException]:
    distinct = list(dict.fromkeys(keys))
    found = await asyncio.gather(*map(find, distinct), return_exceptions=True)
    by_key = dict(zip(distinct, found, strict=True))
    return [by_key[key] for key in keys]
