"""Contract G: the AI SDK's ``useChat`` with its defaults, resuming included.

A chat is a session. A reply goes on whoever listens: ``stop()`` of the client ends its request only.
"""

import asyncio
import contextlib
from collections.abc import Sequence

import msgspec

from antiphon.dialects.ai_sdk_request import ChatBody, Kept, ask_of, kept_of
from antiphon.dialects.ai_sdk_stream import START_STEP, UIMessageFormat, earlier_step, event, start
from antiphon.engine.cursor import Cursor
from antiphon.engine.engine import Engine
from antiphon.engine.submit import Ask, check_session_id
from antiphon.errors import AntiphonError, CursorExpired, Invalid, NotFound
from antiphon.ids import now_ms
from antiphon.model import Message, Principal, Turn
from antiphon.stores.port import Submitted
from antiphon.transports.asgi import Request, answer, retry_header
from antiphon.transports.http import Route
from antiphon.transports.native import once_more
from antiphon.transports.stream import Streams, cursor_of

VERSION = (b"x-vercel-ai-ui-message-stream", b"v1")
# So many calls of tools, one after the other, a resumed message is told of from its beginning.
MOST_STEPS = 50
JUST_ENDED_MS = 1000
MARKED_WITHIN_S = 0.3


class AiSdk:
    """Handlers of this contract."""

    def __init__(self, engine: Engine, streams: Streams) -> None:
        self._engine = engine
        self._store = engine.store
        self._streams = streams
        self._marking: set[asyncio.Task[None]] = set()

    async def chat(self, request: Request) -> None:
        """Answer the last message, or regenerate its answer, as a UI message stream."""
        body = await request.json(ChatBody)
        message_id = ""
        if body.trigger == "submit-message":
            turn = (await self._submit(request.principal, ask_of(body, request.address))).turn
            message_id = body.last.id if body.last.role == "assistant" else ""
        elif body.trigger == "regenerate-message":
            turn = await self._regenerate(request, body)
        else:
            raise Invalid("The trigger is submit-message or regenerate-message.")
        opening = start(turn, message_id or turn.reply_id) + START_STEP
        await self._stream(request, turn, 0, opening)

    async def resume_chat(self, request: Request) -> None:
        """Resume a chat: the reply under way, from its beginning or from the cursor on.

        So is the newest reply if it has ended since and nobody got its end. 204 if there is none. With
        ``Last-Event-ID`` a stream of this contract goes on as if it had not been cut; ``?cursor=`` begins a
        stream for the rest of a reply, wherever the reader got what came before.
        """
        session_id = check_session_id(request.params[0])
        cursor = cursor_of(request, "cursor")
        if cursor is not None:
            turn, received = await self._at(request.principal, session_id, cursor)
            goes_on = received and request.header(b"last-event-id")
            opening = b"" if goes_on else start(turn, turn.reply_id) + START_STEP
            await self._stream(request, turn, received, opening)
            return
        owed = await self._owed(request.principal, session_id)
        if owed is None:
            await request.nothing()
        else:
            await self._stream(request, owed, 0, await self._opening(request.principal, owed))

    async def _submit(self, principal: Principal, ask: Ask) -> Submitted:
        """Submit; a reply to follow that is not of this session is as good as none."""
        try:
            return await self._engine.submit(principal, ask)
        except NotFound:
            if ask.parent_id in (None, "latest"):
                raise
            return await self._engine.submit(principal, msgspec.structs.replace(ask, parent_id="latest"))

    async def _regenerate(self, request: Request, body: ChatBody) -> Turn:
        """Answer the last message once more. One that never came here is answered for the first time."""
        ask = ask_of(body, request.address)
        if ask.sender != "user":
            raise Invalid("Regenerating answers a user's message, which is to be the last one.")
        turn_id = await self._turn_of(request.principal, body)
        if turn_id is None:
            first = await self._submit(request.principal, ask)
            if first.fresh:
                return first.turn
            turn_id = first.turn.id
        again = await once_more(
            self._engine,
            request.principal,
            turn_id,
            model=body.model,
            key=request.header(b"idempotency-key"),
            address=request.address,
        )
        given = {"bot": body.bot, "instructions": body.instructions, "params": body.params}
        changed = {name: value for name, value in given.items() if value}
        return (await self._engine.submit(request.principal, msgspec.structs.replace(again, **changed))).turn

    async def _turn_of(self, principal: Principal, body: ChatBody) -> str | None:
        """Return the turn of the message to regenerate or to answer, if it has an id of ours."""
        for message_id in (body.message_id or "", body.last.id):
            if message_id.startswith("msg_"):
                with contextlib.suppress(NotFound):
                    message = await self._store.message(principal, message_id)
                    if message.session_id == body.id:
                        return message.turn_id
        return None

    async def _at(self, principal: Principal, session_id: str, cursor: Cursor) -> tuple[Turn, int]:
        """Return the newest turn of a cursor and how much of it was received. Raises CursorExpired.

        A session's cursor may end with a turn that is still to come: nothing was received of that.
        """
        numbers = sorted(cursor.received)
        most = min(self._engine.bounds.turns_resumed, numbers[-1] - numbers[0] + 1)
        turns = await self._store.turns(principal, session_id, numbers[0] - 1, most)
        named = [turn for turn in turns if turn.number in cursor.received]
        if not named:
            raise CursorExpired("This cursor is of another chat. Begin again without a cursor.")
        return named[-1], cursor.received[named[-1].number]

    async def _owed(self, principal: Principal, session_id: str) -> Turn | None:
        """Return the newest reply that runs, or else the newest of all if nobody got its end."""
        ended_after = now_ms() - int(self._engine.bounds.retention * 1000)
        owed = await self._store.undelivered(principal, session_id, ended_after)
        if any(turn.ended_at is not None and turn.ended_at > now_ms() - JUST_ENDED_MS for turn in owed):
            # Somebody may have got the end a moment ago, with the mark of it still on its way.
            await asyncio.sleep(MARKED_WITHIN_S)
            owed = await self._store.undelivered(principal, session_id, ended_after)
        if not owed:
            return None
        known = (await self._store.standings([session_id])).get(session_id)
        newest = known and known.turn_count
        wanted = [turn for turn in owed if not turn.state.ended or turn.number == newest]
        return wanted[-1] if wanted else None

    async def _opening(self, principal: Principal, turn: Turn) -> bytes:
        """Return what comes before the reply in its message: the steps of which it is a continuation."""
        steps: list[bytes] = []
        first = turn
        kept, prompt = await self._prompt(principal, turn)
        while kept.continues and prompt.parent_id and len(steps) < MOST_STEPS:
            message_id = kept.continues
            reply = await self._store.message(principal, prompt.parent_id)
            first = await self._store.turn(principal, reply.turn_id or "")
            chunks = await self._store.transcript(first.id)
            steps.insert(0, earlier_step(first, chunks or [], _outputs(kept, prompt)))
            kept, prompt = await self._prompt(principal, first)
        opening = start(turn, message_id if steps else turn.reply_id)
        return b"".join([opening, *steps, START_STEP])

    async def _prompt(self, principal: Principal, turn: Turn) -> tuple[Kept, Message]:
        prompt = await self._store.message(principal, turn.prompt_id)
        return kept_of(prompt.metadata), prompt

    async def _stream(self, request: Request, turn: Turn, received: int, opening: bytes) -> None:
        """Answer with a reply after so many chunks; 204 if that is all of it."""
        channel = await self._engine.channel(turn, received)
        channel.check(received)
        if channel.ended and received >= len(channel.chunks):
            await request.nothing()
            return
        style = UIMessageFormat(turn, channel.chunks[:received], opening, self._heard)
        await self._streams.channel(request, channel, style, received, VERSION)

    def _heard(self, turn: Turn) -> None:
        """Note that a client gets a reply to its end: it is not owed to whoever asks next."""
        task = asyncio.get_running_loop().create_task(self._mark(turn))
        self._marking.add(task)
        task.add_done_callback(self._marking.discard)

    async def _mark(self, turn: Turn) -> None:
        # Without the mark the reply is told once more, not never.
        with contextlib.suppress(AntiphonError):
            await self._store.mark_delivered([turn.id])


def _outputs(kept: Kept, prompt: Message) -> Sequence[bytes]:
    """Return the events of what tools put out, as it was given."""
    events = []
    for given in prompt.metadata.get("given", ()):
        call, content = given["tool_call_id"], given["content"]
        kind = kept.outputs.get(call)
        if kind == "error":
            events.append(event(type="tool-output-error", toolCallId=call, errorText=content))
        else:
            output = msgspec.Raw(content.encode()) if kind == "json" else content
            events.append(event(type="tool-output-available", toolCallId=call, output=output))
    return events


async def answer_error(request: Request, error: AntiphonError) -> None:
    """Send an error as this contract's clients show it: the body is the text of their ``Error``."""
    body = error.message.encode()
    await answer(request, error.status, body, b"text/plain; charset=utf-8", retry_header(error))


def routes(engine: Engine, streams: Streams) -> list[Route]:
    """Return the route to resume at; messages come by ``POST /api/chat``, see post_chat.py."""
    dialect = AiSdk(engine, streams)
    return [
        Route(
            "GET",
            "/api/chat/{chat_id}/stream",
            dialect.resume_chat,
            answer_error,
            parameters=("cursor",),
            answers=((200, "text/event-stream"), (204, "")),
            fault=str,
            errors=(410, 422),
            tag="ai sdk",
        )
    ]
