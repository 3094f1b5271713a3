"""From a request for a response to what the engine is asked."""

import hashlib
import hmac

import msgspec

from antiphon.dialects.openai.errors import InvalidParameter
from antiphon.dialects.openai.names import Named
from antiphon.dialects.openai.responses_object import METADATA, turn_id
from antiphon.dialects.openai.responses_request import Wanted
from antiphon.engine.engine import Engine
from antiphon.engine.passing import Question
from antiphon.engine.submit import Ask, check_session_id
from antiphon.engine.window import fit, room
from antiphon.errors import Invalid, NotFound, TooLarge
from antiphon.ids import new_id
from antiphon.model import Principal, Turn
from antiphon.stores.port import Exchange
from antiphon.transports.asgi import Request


class Asking:
    """Makes questions of requests."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._secret: bytes | None = None

    async def ask(self, request: Request, wanted: Wanted, who: Named) -> Ask:
        """Return what is to be kept. Raises InvalidParameter, TooLarge, NotFound (the conversation)."""
        kept, given = wanted.kept, wanted.given
        self._check_size(wanted)
        key = request.header(b"idempotency-key")
        before = await self._before(request.principal, wanted)
        if before is not None:
            session_id = before.session_id
        elif kept.conversation is not None:
            session_id = await self._conversation(request.principal, kept.conversation)
        else:
            session_id = await self._new_session(request.principal, key)
        return Ask(
            session_id=session_id,
            text=given.text,
            parent_id=before.reply_id if before is not None else "latest",
            bot=who.bot,
            model=who.model,
            given=[] if given.plain else given.messages,
            instructions=wanted.instructions,
            params=wanted.params,
            metadata={METADATA: msgspec.to_builtins(kept)},
            idempotency_key=key,
            create_session=before is None and kept.conversation is None,
            address=request.address,
        )

    async def question(self, request: Request, wanted: Wanted, who: Named) -> Question:
        """Return what is not to be kept. Raises InvalidParameter."""
        before = await self._before(request.principal, wanted)
        asked = Exchange(before=None, text=wanted.given.text, given=wanted.given.messages)
        history = [asked]
        if before is not None:
            reply = await self._engine.store.message(request.principal, before.reply_id)
            calls = reply.metadata.get("tool_calls", [])
            asked = msgspec.structs.replace(asked, before=reply.content, calls=calls)
            history = [*await self._engine.store.history(before.prompt_id, self._most), asked]
        bot = self._engine.catalogue.bots.get(who.bot or "")
        budget = room(bot.context_tokens if bot is not None else None, self._engine.bounds)
        return Question(
            messages=fit(wanted.instructions, history, budget),
            bot=who.bot,
            model=who.model,
            params=wanted.params,
            address=request.address,
        )

    @property
    def _most(self) -> int:
        return self._engine.bounds.history_exchanges

    def _check_size(self, wanted: Wanted) -> None:
        most = self._engine.bounds.params_bytes
        if len(msgspec.json.encode(wanted.params)) > most:
            raise TooLarge(
                f"The tools and other parameters take more than {most} bytes as JSON. "
                "Send fewer or shorter ones, or store: false, which keeps nothing."
            )

    async def _before(self, principal: Principal, wanted: Wanted) -> Turn | None:
        """Return the turn of the response that this one is to follow."""
        previous = wanted.kept.previous_response_id
        if previous is None:
            return None
        name = "previous_response_id"
        try:
            turn = await self._engine.store.turn(principal, turn_id(previous))
        except NotFound as error:
            told = f"Previous response with id {previous[:100]!r} not found."
            raise InvalidParameter(told, name, "previous_response_not_found") from error
        if not turn.state.ended:
            raise InvalidParameter(
                "The previous response is under way: wait for its end, or cancel it.", name
            )
        return turn

    async def _conversation(self, principal: Principal, conversation: str) -> str:
        try:
            return (await self._engine.store.session(principal, check_session_id(conversation))).id
        except (Invalid, NotFound) as error:
            raise NotFound(f"Conversation with id {conversation[:100]!r} not found.") from error

    async def _new_session(self, principal: Principal, key: str | None) -> str:
        """Return an id for a new session: the same for a request that is repeated under its key."""
        if key is None:
            return new_id("ses")
        if self._secret is None:
            self._secret = (await self._engine.store.secret("responses")).encode()
        # Nobody else can tell it, and so nobody can take it first.
        told = f"{principal.id}\n{key}".encode()
        return f"ses_{hmac.digest(self._secret, told, hashlib.sha256).hex()[:28]}"
