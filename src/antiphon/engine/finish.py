"""Folds a turn's chunks into its one assistant message."""

import asyncio

import msgspec
import structlog

from antiphon.engine.draft import Draft, text_of
from antiphon.engine.window import estimate_tokens
from antiphon.errors import AntiphonError, StoreUnavailable
from antiphon.model import Chunk, End, Fault, Seam, Turn, TurnState, Usage
from antiphon.providers.port import Finish
from antiphon.stores.port import Outcome, Store

logger = structlog.get_logger(__name__)
LONGEST_PAUSE_S = 5.0


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended a turn."""

    state: TurnState
    finish_reason: str
    usage: Usage | None = None
    error: Fault | None = None

    @classmethod
    def complete(cls, finish: Finish) -> "Ending":
        """The provider came to an end."""
        return cls(state=TurnState.COMPLETE, finish_reason=finish.reason, usage=finish.usage)

    @classmethod
    def stopped(cls) -> "Ending":
        """Somebody asked for it."""
        return cls(state=TurnState.STOPPED, finish_reason="stopped")

    @classmethod
    def failed(cls, error: AntiphonError) -> "Ending":
        """It could not be completed; what there is is kept."""
        fault = Fault(code=error.code, message=error.message)
        return cls(state=TurnState.FAILED, finish_reason="error", error=fault)

    def end(self, turn: Turn, text: str, seams: list[Seam]) -> End:
        """Return the end as told to readers; tokens are estimated where the provider did not count."""
        usage = self.usage or Usage(
            prompt_tokens=0, completion_tokens=estimate_tokens(text) if text else 0, estimated=True
        )
        return End(
            state=self.state,
            finish_reason=self.finish_reason,
            model=turn.model,
            message_id=turn.reply_id,
            usage=usage,
            error=self.error,
            seams=seams,
        )


async def store_ending(
    store: Store, turn: Turn, draft: Draft, ending: Ending, seams: list[Seam]
) -> Chunk | None:
    """Store the message and the turn's end; return the ``end`` chunk, which is left to be appended.

    Returns None, having stored nothing, if the turn is another attempt's by now. Everything the draft holds
    is stored, also what the log has not got yet: its append and delivery follow. A store that is away is
    waited for, because until then the reply is whole in this process only.
    """
    chunks = draft.all_chunks()
    text = text_of(chunks)
    end = ending.end(turn, text, seams)
    last = Chunk("end", msgspec.json.encode(end).decode())
    outcome = Outcome(state=ending.state, content=text, end=end, chunks=[*chunks, last])
    pause = 0.1
    while True:
        try:
            return last if await store.finish(turn, outcome) else None
        except StoreUnavailable as error:
            logger.warning("finish_waits", turn=turn.id, error=error.message)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_S, pause * 2)
