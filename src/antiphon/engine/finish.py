"""Folds a turn's chunks into its one assistant message."""

import msgspec

from antiphon.engine.draft import Draft, text_of
from antiphon.engine.patience import patiently
from antiphon.engine.tool_calls import assemble
from antiphon.engine.window import estimate_tokens
from antiphon.errors import AntiphonError, ProviderError
from antiphon.ids import now_ms
from antiphon.model import Chunk, End, Fault, Seam, Turn, TurnState, Usage
from antiphon.providers.port import Finish
from antiphon.stores.port import Finished, Outcome, Store


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended a turn."""

    state: TurnState
    finish_reason: str
    usage: Usage | None = None
    error: Fault | None = None
    cached: bool = False

    @classmethod
    def complete(cls, finish: Finish) -> "Ending":
        """The provider came to an end."""
        return cls(
            state=TurnState.COMPLETE,
            finish_reason=finish.reason,
            usage=finish.usage,
            cached=finish.cached,
        )

    @classmethod
    def stopped(cls) -> "Ending":
        """Somebody asked for it."""
        return cls(state=TurnState.STOPPED, finish_reason="stopped")

    @classmethod
    def failed(cls, error: AntiphonError) -> "Ending":
        """It could not be completed; what there is is kept."""
        fault = Fault(
            code=error.code,
            message=error.message,
            retry_after=error.retry_after,
            provider_status=error.provider_status if isinstance(error, ProviderError) else None,
        )
        return cls(state=TurnState.FAILED, finish_reason="error", error=fault)

    def end(self, draft: Draft, chunks: list[Chunk], text: str) -> End:
        """Return the end as told to readers; tokens are estimated where the provider did not count."""
        turn = draft.turn
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
            seams=_seams(chunks),
            tool_calls=assemble(chunks),
            cached=self.cached,
            pod=turn.pod,
            first_token_ms=draft.first_token_ms,
            total_ms=max(0, now_ms() - turn.created_at),
        )


def _seams(chunks: list[Chunk]) -> list[Seam]:
    return [
        Seam(
            chunk=i,
            epoch=msgspec.json.decode(chunk.text)["epoch"],
            how="continued" if chunk.kind == "seam" else "restarted",
        )
        for i, chunk in enumerate(chunks)
        if chunk.kind in ("seam", "reset")
    ]


async def store_ending(store: Store, turn: Turn, draft: Draft, ending: Ending) -> tuple[Finished, Chunk]:
    """Store the message and the turn's end; return what came of it and the ``end`` chunk to be appended.

    Everything the draft holds is stored, also what the log has not got yet: its append and delivery follow.
    A store that is away is waited for, because until then the reply is whole in this process only.
    """
    chunks = draft.all_chunks()
    text = text_of(chunks)
    end = ending.end(draft, chunks, text)
    last = Chunk("end", msgspec.json.encode(end).decode())
    outcome = Outcome(state=ending.state, content=text, end=end, chunks=[*chunks, last])
    return await patiently(lambda: store.finish(turn, outcome), "finish_waits"), last
