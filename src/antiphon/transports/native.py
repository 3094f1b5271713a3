"""What the native contract says the same way on every transport."""

from typing import Any

import msgspec

from antiphon.engine.engine import Engine
from antiphon.engine.options import options_of
from antiphon.engine.submit import Ask, check_session_id
from antiphon.model import Chunk, Principal

_encode = msgspec.json.encode


class NewMessage(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A message to be answered.

    ``parent`` is the id of the reply that the message follows; left out, the newest one; ``null``: none, a
    new beginning. To edit a message, send the new text with the old one's ``parent_id``.
    """

    text: str
    bot: str | None = None
    model: str | None = None
    parent: str | msgspec.UnsetType | None = msgspec.UNSET
    params: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    idempotency_key: str | None = None

    def ask(
        self, session_id: str, address: str | None, *, key: str | None = None, create: bool = False
    ) -> Ask:
        """Return the request for a reply; ``key`` is for a message without an idempotency key of its own.

        Raises Invalid.
        """
        return Ask(
            session_id=check_session_id(session_id),
            text=self.text,
            bot=self.bot,
            model=self.model,
            parent_id="latest" if self.parent is msgspec.UNSET else self.parent,
            params=self.params,
            metadata=self.metadata,
            idempotency_key=self.idempotency_key or key,
            create_session=create,
            address=address,
        )


async def once_more(
    engine: Engine,
    principal: Principal,
    turn_id: str,
    *,
    model: str | None,
    key: str | None,
    address: str | None,
) -> Ask:
    """Return the request to answer a turn's message again, as a branch. Raises NotFound."""
    old = await engine.store.turn(principal, turn_id)
    options, params = options_of(old.params)
    return Ask(
        session_id=old.session_id,
        text=None,
        prompt_id=old.prompt_id,
        bot=old.bot if old.bot in engine.catalogue.bots else None,
        model=model or old.model,
        instructions=options.instructions,
        params=params,
        idempotency_key=key,
        address=address,
    )


def chunk_fields(number: int, seq: int, chunk: Chunk) -> bytes:
    """Return the JSON fields of chunk ``seq`` of turn ``number``, see PROTOCOL.md; without the braces."""
    kind = chunk.kind
    if kind in ("content", "reasoning"):
        text = _encode(chunk.text)
        return b'"type":"%b","turn":%d,"seq":%d,"text":%b' % (kind.encode(), number, seq, text)
    return b'"type":"%b","turn":%d,"seq":%d,"data":%b' % (kind.encode(), number, seq, chunk.text.encode())
