"""Replies that are kept nowhere: asked for, read once and forgotten.

They run like all others (same prompt, same provider, same ticks and bounds), but neither the store nor the
log hears of them, and so they end with their process and with their reader.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Catalogue
from antiphon.engine.committer import Deliverer
from antiphon.engine.deliver import Channel
from antiphon.engine.draft import Draft, text_of
from antiphon.engine.figures import Figures
from antiphon.engine.finish import Ending
from antiphon.engine.generate import Generator
from antiphon.engine.rates import Rates
from antiphon.errors import AntiphonError, Invalid, Overloaded, ProviderTimeout, TooLarge
from antiphon.ids import new_id, now_ms
from antiphon.model import Chunk, Principal, Turn, TurnState
from antiphon.providers.port import PromptMessage

logger = structlog.get_logger(__name__)
# So long a reply that is ended by its leaving pod has to tell so.
ENDED_WITHIN_S = 1.0


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants answered; ``messages`` are all that a model is sent, after the bot's prompt.

    ``whole``: nobody reads the reply before its end.
    """

    messages: Sequence[PromptMessage]
    bot: str | None = None
    model: str | None = None
    params: dict[str, Any] = {}
    address: str | None = None
    whole: bool = False


class Passing:
    """The replies of this kind that run in this process."""

    def __init__(
        self,
        catalogue: Catalogue,
        generator: Generator,
        rates: Rates,
        figures: Figures,
        bounds: Bounds,
    ) -> None:
        self._catalogue = catalogue
        self._generator = generator
        self._deliverer = Deliverer(bounds.tick)
        self._rates = rates
        self._figures = figures
        self._bounds = bounds
        self._limits = (bounds.pending_chars, bounds.reply_chars, bounds.chunks_a_turn)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._draining = False

    def __len__(self) -> int:
        return len(self._running)

    @property
    def pieces(self) -> int:
        """How many pieces of replies came so far, see Desk."""
        return self._deliverer.pieces

    async def begin(self, principal: Principal, question: Question) -> Channel:
        """Start a reply and return what to follow it by, from its first chunk.

        It is stopped when its last reader leaves. Raises Invalid, TooLarge, RateLimited, Overloaded.
        """
        self._check(question)
        await self._rates.check(user=principal.id, address=question.address)
        choice = await self._catalogue.choose(question.bot, question.model)
        self._catalogue.provider(choice.model)
        self._check_room()  # again: much may have begun meanwhile, and the pod may be leaving
        turn = Turn(
            id=new_id("turn"),
            session_id="",
            number=1,
            state=TurnState.RUNNING,
            pod=None,
            epoch=1,
            prompt_id="",
            reply_id=new_id("msg"),
            bot=choice.bot,
            model=choice.model,
            params=question.params,
            stop_requested=False,
            created_at=now_ms(),
            ended_at=None,
        )
        channel = Channel(turn, [], self._left)
        self._running[turn.id] = asyncio.create_task(self._run(turn, channel, question), name=turn.id)
        return channel

    async def run(self) -> None:
        """Deliver, until drained."""
        await self._deliverer.run()

    async def drain(self, seconds: float) -> None:
        """Take no more; wait for those under way, which nobody can go on with, and then end them."""
        self._draining = True
        if self._running:
            await asyncio.wait(tuple(self._running.values()), timeout=seconds)
        late = tuple(self._running.values())
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=ENDED_WITHIN_S)
        self._deliverer.close()

    def _check_room(self) -> None:
        if self._draining:
            raise Overloaded("This pod is leaving. Send again: another will take it.", retry_after=1)
        if len(self._running) >= self._bounds.running_turns:
            raise Overloaded("Too many replies are under way here. Try again shortly.", retry_after=2)

    def _check(self, question: Question) -> None:
        self._check_room()
        if not question.messages:
            raise Invalid("There is no message to answer.")
        for message in question.messages:
            # A reply is given back as it was made.
            most = self._bounds.reply_chars if message.role == "assistant" else self._bounds.message_chars
            if len(message.content) > most:
                told = f"A message has {len(message.content)} characters; at most {most} are taken."
                raise TooLarge(told)

    def _left(self, channel: Channel) -> None:
        task = self._running.get(channel.turn.id)
        if task is not None and not channel.ended:
            task.cancel()

    async def _run(self, turn: Turn, channel: Channel, question: Question) -> None:
        failure: list[Exception] = []
        task = asyncio.current_task()
        assert task is not None

        def fail(error: Exception) -> None:
            failure.append(error)
            task.cancel()

        draft = Draft(turn, channel, self._limits, self._deliverer, fail)
        try:
            ending = await self._attempt(turn, draft, question)
            if failure:  # failed in its last step: let the cancellation come through
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            ending = self._cut(failure[0] if failure else None)
        finally:
            self._running.pop(turn.id, None)
        chunks = draft.all_chunks()
        end = ending.end(draft, chunks, text_of(chunks))
        last = Chunk("end", msgspec.json.encode(end).decode())
        self._figures.ended(draft, last.text)
        draft.put(last)

    def _cut(self, failure: Exception | None) -> Ending:
        """Return how a cut reply ends: by a failure, its pod leaving, or for want of readers."""
        if isinstance(failure, AntiphonError):
            return Ending.failed(failure)
        if self._draining:
            return Ending.failed(Overloaded("This pod is leaving. Send again.", retry_after=1))
        return Ending.stopped()

    async def _attempt(self, turn: Turn, draft: Draft, question: Question) -> Ending:
        try:
            async with asyncio.timeout(self._bounds.turn_seconds):
                answered = self._generator.answer(turn, draft, question.messages, whole=question.whole)
                return Ending.complete(await answered)
        except TimeoutError:
            limit = self._bounds.turn_seconds
            return Ending.failed(ProviderTimeout(f"The reply took longer than {limit:g} s and was ended."))
        except AntiphonError as error:
            return Ending.failed(error)
        except Exception as error:
            logger.exception("turn_crashed", turn=turn.id, error=type(error).__name__)
            return Ending.failed(AntiphonError("The server could not produce this reply. Try again."))
