"""``POST /v1/chat/completions``: a reply that is kept nowhere, whole or streamed."""

from antiphon.dialects.openai.chat_events import ChatCompletion, ChatEvents, completion, decode_end
from antiphon.dialects.openai.chat_request import Chat, ChatCompletionRequest, read_chat
from antiphon.dialects.openai.errors import (
    ERRORS,
    ErrorResponse,
    answer_error,
    answer_told,
    of_fault,
    request_id,
)
from antiphon.dialects.openai.names import resolve
from antiphon.dialects.openai.waiting import Left, begun, unless_gone
from antiphon.engine.deliver import Channel
from antiphon.engine.engine import Engine
from antiphon.engine.passing import Question
from antiphon.engine.whole import whole_of
from antiphon.transports.asgi import Request, answer_json
from antiphon.transports.http import Route
from antiphon.transports.stream import Streams

PATIENCE_S = 10.0
"""So long a stream's status waits for the first token: a failure until then is told by it, and clients try
again by themselves. Then the response begins, because proxies cut a connection on which nothing comes."""


class ChatCompletions:
    """The handler of this route."""

    def __init__(self, engine: Engine, streams: Streams) -> None:
        self._engine = engine
        self._streams = streams

    async def create(self, request: Request) -> None:
        """Answer a conversation: with the whole reply, or its events if ``stream`` is true."""
        chat = await read_chat(request)
        bot, model = await resolve(self._engine.catalogue, chat.model)
        question = Question(
            messages=chat.messages,
            bot=bot,
            model=model,
            params=chat.params,
            address=request.address,
            whole=not chat.stream,
        )
        request.set_cookie = None
        channel = await self._engine.passing.begin(request.principal, question)
        try:
            await (self._stream if chat.stream else self._whole)(request, channel, chat)
        except Left:
            return

    async def _whole(self, request: Request, channel: Channel, chat: Chat) -> None:
        reply = await unless_gone(request, whole_of(channel))
        if reply.end.error is not None:
            await answer_told(request, of_fault(reply.end.error))
            return
        headers = {"x-request-id": request_id()}
        await answer_json(request, 200, completion(channel.turn, chat, reply), headers)

    async def _stream(self, request: Request, channel: Channel, chat: Chat) -> None:
        async with begun(request, channel, PATIENCE_S):
            first = channel.chunks[0] if channel.chunks else None
            failure = decode_end(first.text).error if first is not None and first.kind == "end" else None
            if failure is not None:
                await answer_told(request, of_fault(failure))
                return
            header = (b"x-request-id", request_id().encode())
            await self._streams.channel(request, channel, ChatEvents(channel.turn, chat), 0, header)


def routes(engine: Engine, streams: Streams) -> list[Route]:
    """Return the route."""
    return [
        Route(
            "POST",
            "/v1/chat/completions",
            ChatCompletions(engine, streams).create,
            answer_error,
            body=ChatCompletionRequest,
            answers=((200, "application/json", ChatCompletion), (200, "text/event-stream")),
            fault=ErrorResponse,
            errors=ERRORS,
            tag="openai",
        )
    ]
