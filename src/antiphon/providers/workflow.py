"""Replies of outside workflow services, through NATS (spec 4).

For each reply a request goes out on ``chat.workflow.execute.{session_id}``, a JSON object of ``session_id``,
``message_id`` (of the reply), ``correlation_id``, ``execution_id``, ``message`` (the last user message),
``messages`` (the conversation, with roles), ``model``, ``params``, ``pod_id``, ``response_subject`` (which is
``chat.pod.{pod_id}.response``), ``attempt`` and ``timestamp``. In subjects, characters of a session id that
have a meaning there (``.``, ``*``, ``>``, ``%``) are percent-encoded; the body has the id as it is.

Chunks may come on ``response_subject``, on ``chat.pod.{this pod}.response`` or on
``chat.session.{session_id}.broadcast``, in any order and more than once.

A reply may be executed twice: its pod died, or the request was made again. What a first execution still
sends must not get into the second, though both have one ``message_id``. So each has an ``execution_id``, and
with it a ``pod_id`` of its own: whoever answers where it was asked to is told apart by the subject alone.
Elsewhere a chunk must have the ``correlation_id`` of the execution (the first has the turn's id, each further
one another) and, if its ``metadata`` has an ``execution_id``, that one. Only a service that answers elsewhere
*and* leaves both out can mix two executions up.

A reply that is stopped, or given up, is told on ``chat.workflow.cancel.{session_id}``.
"""

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from antiphon.connections.nats import NatsConnection
from antiphon.connections.nats_inbox import NO_RESPONDERS, status
from antiphon.errors import ProviderError, ProviderRefused, ProviderUnreachable, StoreUnavailable
from antiphon.ids import now_ms
from antiphon.providers.port import Finish, Model, Prompt, Sink
from antiphon.providers.workflow_reply import Patience, WorkflowChunk, WorkflowReply

MAX_REMEMBERED = 10_000
"""Replies whose next execution in this process is known not to be the first."""
TELL_EVERY_S = 10.0

_UNSAFE = re.compile(r"[^!-~]|[.*>%]")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(WorkflowChunk).decode
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

logger = structlog.get_logger(__name__)


class _Execution(msgspec.Struct, eq=False):
    """One request, and the reply that is coming."""

    id: str
    session_id: str
    message_id: str
    correlation_id: str
    reply: WorkflowReply

    @property
    def names(self) -> set[str]:
        """What chunks on subjects of many replies call it; not always it alone."""
        return {self.message_id, self.correlation_id}

    def owns(self, chunk: WorkflowChunk) -> bool:
        """Whether a chunk that came on a subject of many replies is this execution's."""
        if chunk.message_id and chunk.message_id != self.message_id:
            return False
        if chunk.correlation_id and chunk.correlation_id != self.correlation_id:
            return False
        return chunk.execution_id in (None, self.id)


class WorkflowProvider:
    """A provider that has workflow services behind NATS do the work; see the module.

    Args:
        connection: the NATS it uses.
        pod_id: this process, unique among those that run.
        name: what users and messages call it.
        models: the models on offer; they are passed on in the request.
        first_chunk_timeout: seconds until the first chunk.
        idle_timeout: seconds between two chunks.
        missing_chunk_timeout: seconds to wait for a chunk when later ones are there.
    """

    continuation = False

    def __init__(
        self,
        connection: NatsConnection,
        pod_id: str,
        *,
        name: str = "workflow",
        models: Sequence[Model] = (Model(id="workflow"),),
        first_chunk_timeout: float = 60.0,
        idle_timeout: float = 60.0,
        missing_chunk_timeout: float = 30.0,
    ) -> None:
        self.name = name
        self._connection = connection
        self._pod = _token(pod_id)
        self._models = tuple(models)
        self._patience = Patience(first_chunk_timeout, idle_timeout, missing_chunk_timeout)
        self._running: dict[str, _Execution] = {}
        self._by_id: dict[str, list[_Execution]] = {}
        self._executed: dict[str, None] = {}
        self._client: Client | None = None
        self._subscriptions: list[Subscription] = []
        self._subscribing = asyncio.Lock()
        self._ignored = 0
        self._told_at = 0.0

    async def models(self) -> Sequence[Model]:
        """Return the models on offer: always the same ones."""
        return self._models

    async def stream(self, prompt: Prompt, sink: Sink) -> Finish:
        """Put one reply into the sink and return when it is whole; see the port."""
        execution = self._begin(prompt, sink)
        try:
            try:
                with self._connection.errors():
                    await self._request(execution, prompt)
            except StoreUnavailable as error:
                raise ProviderUnreachable(f"{self.name} cannot be reached: {error.message}") from error
            return await execution.reply.whole()
        except ProviderUnreachable:
            raise
        except (ProviderError, asyncio.CancelledError):
            await self._cancel(execution)
            raise
        finally:
            self._end(execution)

    async def close(self) -> None:
        """End the subscriptions; the connection is another's to close."""
        subscriptions, self._subscriptions = self._subscriptions, []
        with contextlib.suppress(nats.errors.Error, OSError):
            for subscription in subscriptions:
                await subscription.unsubscribe()

    def _begin(self, prompt: Prompt, sink: Sink) -> _Execution:
        key = secrets.token_hex(8)
        correlation_id = turn = prompt.turn_id or key
        if prompt.epoch > 1 or turn in self._executed:
            correlation_id = f"{turn}:{key}"
        self._executed[turn] = None
        if len(self._executed) > MAX_REMEMBERED:
            del self._executed[next(iter(self._executed))]
        reply = WorkflowReply(self.name, sink, self._patience)
        # A stateless call has no session and no message; its own id stands for both.
        execution = _Execution(key, prompt.session_id or key, prompt.reply_id or key, correlation_id, reply)
        self._running[key] = execution
        for name in execution.names:
            self._by_id.setdefault(name, []).append(execution)
        return execution

    def _end(self, execution: _Execution) -> None:
        del self._running[execution.id]
        for name in execution.names:
            same = self._by_id[name]
            same.remove(execution)
            if not same:
                del self._by_id[name]
        if execution.reply.ended.done() and not execution.reply.ended.cancelled():
            execution.reply.ended.exception()

    async def _request(self, execution: _Execution, prompt: Prompt) -> None:
        client = await self._connection.client()
        await self._subscribe(client)
        pod_id = f"{self._pod}.{execution.id}"
        answer_on = f"chat.pod.{pod_id}.response"
        asked = [message.content for message in prompt.messages if message.role == "user"]
        try:
            body = _encode(
                {
                    **_ids(execution),
                    "message": asked[-1] if asked else "",
                    "messages": [message.as_openai() for message in prompt.messages],
                    "model": prompt.model,
                    "params": prompt.params,
                    "pod_id": pod_id,
                    "response_subject": answer_on,
                    "attempt": prompt.epoch,
                    "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_ms() / 1000)),
                }
            )
        except (TypeError, ValueError, RecursionError) as error:
            raise ProviderRefused(f"The parameters cannot be sent as JSON: {error}.") from error
        if len(body) > client.max_payload:
            raise ProviderRefused(f"The conversation is larger than NATS takes ({client.max_payload} bytes).")
        # Where nobody listens, the server says so on the subject for answers.
        await client.publish(f"chat.workflow.execute.{_token(execution.session_id)}", body, answer_on)

    async def _cancel(self, execution: _Execution) -> None:
        client = self._client
        if client is not None and client.is_connected:
            with contextlib.suppress(nats.errors.Error, OSError):
                await client.publish(
                    f"chat.workflow.cancel.{_token(execution.session_id)}", _encode(_ids(execution))
                )

    async def _subscribe(self, client: Client) -> None:
        async with self._subscribing:
            if client is self._client:
                return
            self._subscriptions = [
                await client.subscribe(subject, cb=heard)
                for subject, heard in (
                    (f"chat.pod.{self._pod}.*.response", self._heard_own),
                    (f"chat.pod.{self._pod}.response", self._heard_shared),
                    ("chat.session.*.broadcast", self._heard_shared),
                )
            ]
            self._client = client

    async def _heard_own(self, message: Msg) -> None:
        execution = self._running.get(message.subject.split(".")[-2])
        if execution is None:
            return
        if status(message) == NO_RESPONDERS:
            execution.reply.fail(
                ProviderUnreachable(
                    f"{self.name} has no service behind it: nobody listens on chat.workflow.execute.*."
                )
            )
            return
        chunk = self._read(message)
        if chunk is not None and chunk.execution_id in (None, execution.id):
            self._give(execution, chunk, message)

    async def _heard_shared(self, message: Msg) -> None:
        chunk = self._read(message)
        if chunk is None:
            return
        for execution in self._by_id.get(chunk.message_id or chunk.correlation_id, ()):
            if execution.owns(chunk):
                self._give(execution, chunk, message)
                return

    def _give(self, execution: _Execution, chunk: WorkflowChunk, message: Msg) -> None:
        if not execution.reply.take(chunk, len(message.data)):
            self._ignore(f"chunk number {chunk.chunk_id} is out of bounds")

    def _read(self, message: Msg) -> WorkflowChunk | None:
        try:
            return _decode(message.data)
        except _UNREADABLE as error:
            self._ignore(str(error))
            return None

    def _ignore(self, why: str) -> None:
        """Count what cannot be used and say so now and then: whoever sends it may send much."""
        self._ignored += 1
        now = time.monotonic()
        if now - self._told_at > TELL_EVERY_S:
            self._told_at = now
            logger.warning("workflow_chunks_ignored", provider=self.name, count=self._ignored, why=why[:200])
            self._ignored = 0


def _ids(execution: _Execution) -> dict[str, Any]:
    return {
        "session_id": execution.session_id,
        "message_id": execution.message_id,
        "correlation_id": execution.correlation_id,
        "execution_id": execution.id,
    }


def _token(text: str) -> str:
    """Return a text as one token of a subject."""
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)
