"""The one way in: validate, limit, store, start."""

import contextlib
import re
from collections.abc import Callable
from typing import Any

import msgspec

from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Catalogue
from antiphon.engine.contexts import Contexts
from antiphon.engine.messages import read_message
from antiphon.engine.options import KEY, Options
from antiphon.engine.ports import Ports
from antiphon.engine.rates import Rates
from antiphon.engine.worker import Worker
from antiphon.errors import Invalid, NotFound, Overloaded, TooLarge
from antiphon.model import Principal, Turn
from antiphon.nesting import MOST_DEPTH, too_deep
from antiphon.stores.port import Latest, NewTurn, Submitted

_SESSION_ID = re.compile(r"[!-.0-~]{1,200}")
_KEY = re.compile(r"[!-~]{1,200}")
LONGEST_MODEL = 200


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants answered.

    See NewTurn for ``text``, ``given``, ``prompt_id`` and ``parent_id``, Options for the ``instructions``
    and ``cache``.
    """

    session_id: str
    text: str | None
    prompt_id: str | None = None
    parent_id: str | Latest | None = "latest"
    bot: str | None = None
    model: str | None = None
    given: list[dict[str, Any]] = []
    instructions: str | None = None
    cache: bool = False
    sender: str = "user"
    params: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    context: dict[str, Any] = {}
    idempotency_key: str | None = None
    create_session: bool = False
    address: str | None = None


def check_session_id(session_id: str) -> str:
    """Return the id if it may name a session. Raises Invalid."""
    if not _SESSION_ID.fullmatch(session_id):
        raise Invalid("A session id is 1 to 200 printable ASCII characters, without spaces and slashes.")
    return session_id


def check_key(key: str | None) -> str | None:
    """Return the idempotency key if it may be one, or None. Raises Invalid."""
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid("An idempotency key is 1 to 200 printable ASCII characters without spaces.")
    return key


def check_json(name: str, value: dict[str, Any], most: int) -> None:
    """Refuse what is not to be stored as JSON. Raises Invalid (too deep), TooLarge (over so many bytes)."""
    if not value:
        return
    if too_deep(value):
        raise Invalid(f"{name} has more than {MOST_DEPTH} lists and objects within each other.")
    if len(msgspec.json.encode(value)) > most:
        raise TooLarge(f"{name} takes more than {most} bytes as JSON.")


class Submitter:
    """Accepts requests for replies."""

    def __init__(
        self,
        ports: Ports,
        worker: Worker,
        catalogue: Catalogue,
        rates: Rates,
        contexts: Contexts,
        bounds: Bounds,
        *,
        announce: Callable[[Principal, Turn], None],
    ) -> None:
        self._store = ports.store
        self._bus = ports.bus
        self._rates = rates
        self._contexts = contexts
        self._worker = worker
        self._catalogue = catalogue
        self._bounds = bounds
        self._announce = announce
        self.accepting = True

    async def submit(self, principal: Principal, ask: Ask) -> Submitted:
        """Store the message and its turn and see to it that the turn runs.

        Raises BadRequest, Invalid, TooLarge, NotFound, Conflict, RateLimited, Overloaded; nothing is
        stored then.
        """
        self._check(ask)
        await self._rates.check(user=principal.id, address=ask.address, session=ask.session_id)
        choice = await self._catalogue.choose(ask.bot, ask.model)
        self._catalogue.provider(choice.model)
        new = NewTurn(
            session_id=ask.session_id,
            bot=choice.bot,
            model=choice.model,
            text=ask.text,
            prompt_id=ask.prompt_id,
            sender=ask.sender,
            parent_id=ask.parent_id,
            given=ask.given,
            params=await self._params(principal, ask, choice.bot),
            metadata=ask.metadata,
            context=ask.context,
            idempotency_key=ask.idempotency_key,
            create_session=ask.create_session,
            claim_for=self._worker.pod if self._worker.has_room else None,
            max_active=self._bounds.running_turns_a_session,
            max_queued=self._bounds.queued_turns,
            history_limit=self._bounds.history_exchanges,
        )
        with self._worker.asking():
            submitted = await self._store.submit(principal, new)
        if submitted.fresh:
            self._begin(principal, submitted)
        return submitted

    async def _params(self, principal: Principal, ask: Ask, bot_name: str) -> dict[str, Any]:
        """Return what the turn keeps of how it is to be answered, whichever pod does."""
        bot = self._catalogue.bots.get(bot_name)
        context: dict[str, Any] = {}
        if bot is not None and bot.told:
            known = ask.context
            with contextlib.suppress(NotFound):  # a session that this message creates
                known = await self._contexts.get(principal, ask.session_id)
            context = {name: known[name] for name in bot.told if name in known}
        options = Options(instructions=ask.instructions, context=context, cache=ask.cache)
        return options.stored_in(ask.params)

    def _begin(self, principal: Principal, submitted: Submitted) -> None:
        turn = submitted.turn
        if turn.pod is not None:
            self._worker.start(submitted)
        else:
            self._bus.publish("turns", turn.id)
        self._announce(principal, turn)

    def _check(self, ask: Ask) -> None:
        if not self.accepting:
            raise Overloaded("This pod is leaving. Send again: another will take it.", retry_after=1)
        check_session_id(ask.session_id)
        if ask.text is not None:
            self._check_text(ask.text)
        if ask.model is not None and (len(ask.model) > LONGEST_MODEL or "\x00" in ask.model):
            raise Invalid(f"A model's name has at most {LONGEST_MODEL} characters, none of them NUL.")
        check_key(ask.idempotency_key)
        if ask.instructions is not None:
            self._check_length("The instructions have", ask.instructions)
        for given in ask.given:
            message = read_message(given)
            most = self._bounds.reply_chars if message.role == "assistant" else self._bounds.message_chars
            self._check_length("A part of the message has", message.content, most)
            if too_deep(given):
                raise Invalid(f"A part of the message has more than {MOST_DEPTH} lists and objects in it.")
        if KEY in ask.params or "given" in ask.metadata:
            raise Invalid(f"The names {KEY!r} in params and 'given' in metadata are reserved.")
        for name, value, most in (
            ("params", ask.params, self._bounds.params_bytes),
            ("metadata", ask.metadata, self._bounds.metadata_bytes),
            ("context", ask.context, self._bounds.metadata_bytes),
        ):
            check_json(name, value, most)

    def _check_text(self, text: str) -> None:
        if not text.strip():
            raise Invalid("The message is empty. Write something.")
        self._check_length("The message has", text)
        if "\x00" in text:
            raise Invalid("The message contains a NUL character, which no database stores. Remove it.")

    def _check_length(self, what: str, text: str, most: int | None = None) -> None:
        most = most or self._bounds.message_chars
        if len(text) > most:
            raise TooLarge(f"{what} {len(text)} characters; at most {most} are taken.")
