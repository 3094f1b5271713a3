"""Reading a workflow's chunks: any order, any number of times, from anyone who can publish."""

import asyncio
import time
from typing import Any

import msgspec

from antiphon.errors import ProviderError, ProviderGarbled, ProviderTimeout
from antiphon.model import Usage
from antiphon.providers.port import Finish, Sink

MAX_AHEAD = 10_000
"""Chunks that may wait for a missing one; a number further ahead is not believed."""
MAX_WAITING_BYTES = 8 << 20
_MAX_QUOTE = 300


class WorkflowTimeout(ProviderTimeout):
    """A workflow was silent for too long; it may have acted already, so it is not run again by itself."""

    retryable = False


class WorkflowChunk(msgspec.Struct, frozen=True, gc=False):
    """One chunk as it travels (spec 4); what else a service puts in is left alone."""

    chunk_id: int
    chunk: str = ""
    chunk_type: str = "content"
    is_final: bool = False
    message_id: str = ""
    correlation_id: str = ""
    metadata: dict[str, Any] | None = None

    @property
    def execution_id(self) -> Any:
        """The execution it says it belongs to, if its service tells."""
        return (self.metadata or {}).get("execution_id")


class Patience(msgspec.Struct, frozen=True):
    """Seconds that a workflow may take: to its first chunk, between two, and for one that is overdue."""

    first_chunk: float
    idle: float
    missing_chunk: float

    def all(self) -> tuple[float, float, float]:
        """Return each."""
        return self.first_chunk, self.idle, self.missing_chunk


class WorkflowReply:
    """Puts one execution's chunks into a sink in the order of their numbers.

    ``ended`` gets the finish, or the error that the reply failed with.
    """

    def __init__(self, name: str, sink: Sink, patience: Patience) -> None:
        self._name = name
        self._sink = sink
        self._patience = patience
        self._next = 0
        self._waiting: dict[int, tuple[WorkflowChunk, int]] = {}
        self._waiting_bytes = 0
        self._paused = False
        self._heard = False
        self._since = time.monotonic()
        self.ended: asyncio.Future[Finish] = asyncio.get_running_loop().create_future()

    def take(self, chunk: WorkflowChunk, size: int) -> bool:
        """Take a chunk of so many bytes in; return whether it could belong to this reply at all."""
        if self.ended.done():
            return True
        if chunk.chunk_type == "error":
            # Services number these as they like, and nothing can follow.
            self.fail(ProviderError(f"{self._name} failed: {_quote(chunk)}."))
            return True
        if not 0 <= chunk.chunk_id < self._next + MAX_AHEAD:
            return False
        if chunk.chunk_id < self._next or chunk.chunk_id in self._waiting:
            return True
        if self._waiting_bytes + size > MAX_WAITING_BYTES:
            why = "faster than it is read" if self._paused else f"while chunk {self._next} is missing"
            self.fail(ProviderGarbled(f"{self._name} sent over {MAX_WAITING_BYTES >> 20} MiB {why}."))
            return True
        if not self._waiting or chunk.chunk_id == self._next:
            # Something came in order, or this one is the first to wait for another.
            self._since = time.monotonic()
        self._heard = True
        self._waiting[chunk.chunk_id] = chunk, size
        self._waiting_bytes += size
        self._move()
        return True

    def fail(self, error: ProviderError) -> None:
        """End the reply with an error."""
        if not self.ended.done():
            self.ended.set_exception(error)

    async def whole(self) -> Finish:
        """Wait until the reply is whole. Raises ProviderError."""
        while True:
            # What is allowed may become less meanwhile, but nothing runs out sooner than the shortest.
            await asyncio.wait([self.ended], timeout=min(self._time_left(), *self._patience.all()))
            if self.ended.done():
                return self.ended.result()
            if self._time_left() <= 0:
                raise self._late()

    def _move(self) -> None:
        """Put what is next in order, as far as it is there and the sink takes it."""
        while not self._paused and not self.ended.done():
            found = self._waiting.pop(self._next, None)
            if found is None:
                return
            chunk, size = found
            self._waiting_bytes -= size
            self._next += 1
            if not self._put(chunk):
                self._paused = True
                self._sink.on_drain(self._resume)
            if chunk.is_final and not self.ended.done():
                self.ended.set_result(_finish(chunk.metadata or {}))

    def _put(self, chunk: WorkflowChunk) -> bool:
        if chunk.chunk_type == "content":
            return not chunk.chunk or self._sink.content(chunk.chunk)
        if chunk.chunk_type == "metadata":
            thought = (chunk.metadata or {}).get("reasoning")
            if thought is True:
                thought = chunk.chunk
            if isinstance(thought, str) and thought:
                return self._sink.reasoning(thought)
        return True

    def _resume(self) -> None:
        self._paused = False
        self._since = time.monotonic()
        self._move()

    def _allowed(self) -> float:
        if not self._heard:
            return self._patience.first_chunk
        return self._patience.missing_chunk if self._waiting else self._patience.idle

    def _time_left(self) -> float:
        if self._paused:
            return self._allowed()
        return self._since + self._allowed() - time.monotonic()

    def _late(self) -> WorkflowTimeout:
        seconds = f"{self._allowed():g} s"
        if not self._heard:
            return WorkflowTimeout(f"{self._name} sent nothing within {seconds}.")
        if self._waiting:
            return WorkflowTimeout(
                f"{self._name} did not send chunk {self._next} within {seconds}, though later ones came."
            )
        return WorkflowTimeout(f"{self._name} sent no chunk after {self._next - 1} for {seconds}.")


def _finish(metadata: dict[str, Any]) -> Finish:
    reason = metadata.get("finish_reason")
    prompt = _count(metadata.get("prompt_tokens"))
    completion = _count(metadata.get("completion_tokens"))
    total = _count(metadata.get("tokens_used"))
    usage = None
    if completion is not None or total is not None:
        told = completion if completion is not None else max(0, (total or 0) - (prompt or 0))
        usage = Usage(prompt_tokens=prompt or 0, completion_tokens=told)
    return Finish(reason=reason if isinstance(reason, str) and reason else "stop", usage=usage)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _quote(chunk: WorkflowChunk) -> str:
    said = chunk.chunk or (chunk.metadata or {}).get("error") or "it does not say why"
    return str(said)[:_MAX_QUOTE].rstrip(". ")
