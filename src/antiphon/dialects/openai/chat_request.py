"""Reading the body of ``POST /v1/chat/completions``.

What is known is checked, so that a mistake is told with its place. What is not known is passed on: OpenAI
adds fields, and other providers have their own.
"""

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from antiphon.dialects.openai.errors import InvalidParameter
from antiphon.dialects.openai.legacy import modernised
from antiphon.engine.messages import read_message
from antiphon.providers.port import PromptMessage
from antiphon.transports.asgi import Request

T = TypeVar("T")
Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)] | None
Count = Annotated[int, msgspec.Meta(ge=1)] | None
_PLACE = re.compile(r"(.*) - at `\$\.?([^`]*)`")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
# What is this server's business, or said by it anew to the provider.
_OWN = frozenset({"model", "messages", "stream", "stream_options", "n", "logprobs", "top_logprobs", "audio"})


class ImageURL(msgspec.Struct):
    """An image, by its address or as a data URL."""

    url: str


class Part(msgspec.Struct):
    """A part of a message's content; kinds that are not known here are passed on."""

    type: str
    text: str | None = None
    image_url: ImageURL | None = None


class Function(msgspec.Struct):
    """A function that the model may call."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(msgspec.Struct):
    """A tool that the model may call."""

    type: str
    function: Function | None = None


class CalledFunction(msgspec.Struct):
    """A function that was called; ``arguments`` is JSON text."""

    name: str
    arguments: str


class ToolCall(msgspec.Struct):
    """A call that an assistant's message asked for."""

    id: str
    type: str = "function"
    function: CalledFunction | None = None


class ChatMessage(msgspec.Struct):
    """One message."""

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: CalledFunction | None = None
    name: str | None = None


class JSONSchema(msgspec.Struct):
    """The schema that the reply must fit."""

    name: str
    schema: dict[str, Any] | None = None


class ResponseFormat(msgspec.Struct):
    """``text``, ``json_object`` or ``json_schema``."""

    type: str
    json_schema: JSONSchema | None = None


class StreamOptions(msgspec.Struct):
    """With ``include_usage`` the last event of a stream tells the tokens."""

    include_usage: bool | None = None


class ChatCompletionRequest(msgspec.Struct):
    """Body of ``POST /v1/chat/completions``; further fields go to the provider as they are."""

    model: str
    messages: list[ChatMessage]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    frequency_penalty: Penalty = None
    presence_penalty: Penalty = None
    max_tokens: Count = None
    max_completion_tokens: Count = None
    stop: str | list[str] | None = None
    seed: int | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    modalities: list[str] | None = None
    audio: dict[str, Any] | None = None
    functions: list[Function] | None = None
    function_call: str | dict[str, Any] | None = None
    user: str | None = None


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is carried out. With ``legacy`` the client knows calls of functions, not of tools."""

    model: str
    messages: list[PromptMessage]
    params: dict[str, Any]
    stream: bool
    include_usage: bool
    legacy: bool


async def read_chat(request: Request) -> Chat:
    """Read and check a request. Raises InvalidParameter, BadRequest, TooLarge, Unsupported."""
    body = await request.json(dict[str, Any])
    asked = convert(body, ChatCompletionRequest)
    _check_supported(asked)
    _check_messages(asked.messages)
    _check_tools(asked)
    if asked.stream_options is not None and not asked.stream:
        raise InvalidParameter("stream_options goes with stream: true only.", "stream_options")
    body, legacy = modernised(body)
    return Chat(
        model=asked.model,
        messages=[read_message(message) for message in body["messages"]],
        params={key: value for key, value in body.items() if key not in _OWN and value is not None},
        stream=bool(asked.stream),
        include_usage=bool(asked.stream_options and asked.stream_options.include_usage),
        legacy=legacy,
    )


def convert(body: Any, kind: type[T]) -> T:
    """Return the body as ``kind``. Raises InvalidParameter, which names the place of what does not fit."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from error


def _misfit(told: str) -> InvalidParameter:
    found = _PLACE.fullmatch(told)
    what, place = (found[1], found[2]) if found else (told, "")
    missing = _MISSING.fullmatch(what)
    if missing is not None:
        place = f"{place}.{missing[1]}" if place else missing[1]
        return InvalidParameter(f"The field {place} is missing.", place, "missing_required_parameter")
    code = "invalid_value" if "<=" in what or ">=" in what or "enum" in what else "invalid_type"
    return InvalidParameter(f"{place or 'The body'} does not fit: {what}.", place or None, code)


def _check_supported(asked: ChatCompletionRequest) -> None:
    """Raise for what would have to be answered in a way that this server does not."""
    refused = {
        "n": asked.n not in (None, 1) and "One choice is made for a request: leave n out, or ask again.",
        "logprobs": asked.logprobs and "Log probabilities are not passed through: leave logprobs out.",
        "top_logprobs": asked.top_logprobs and "Log probabilities are not passed through: leave it out.",
        "modalities": any(each != "text" for each in asked.modalities or ()) and "Replies are text only.",
        "audio": asked.audio is not None and "Replies are text only: leave audio out.",
    }
    for name, why in refused.items():
        if why:
            raise InvalidParameter(why, name, "unsupported_parameter")


def _check_messages(messages: list[ChatMessage]) -> None:
    if not messages:
        raise InvalidParameter("messages is empty: send at least one message.", "messages", "empty_array")
    for i, message in enumerate(messages):
        place = f"messages[{i}]"
        calls = message.role == "assistant" and (message.tool_calls or message.function_call)
        if message.content is None and not calls and message.role != "function":
            raise _lacking(f"{place}.content", f"A message of role {message.role} needs a content.")
        if message.role == "tool" and message.tool_call_id is None:
            raise _lacking(f"{place}.tool_call_id", "A tool's result names the call that it answers.")
        if message.role == "function" and message.name is None:
            raise _lacking(f"{place}.name", "A function's result names the function.")
        if isinstance(message.content, list):
            _check_parts(message.content, f"{place}.content")


def _check_parts(parts: list[Part], place: str) -> None:
    for i, part in enumerate(parts):
        if part.type in ("text", "image_url") and getattr(part, part.type) is None:
            raise _lacking(f"{place}[{i}].{part.type}", f"A part of type {part.type} needs its {part.type}.")


def _check_tools(asked: ChatCompletionRequest) -> None:
    for i, tool in enumerate(asked.tools or ()):
        if tool.type == "function" and tool.function is None:
            raise _lacking(f"tools[{i}].function", "A tool of type function needs its function.")
    wanted = asked.response_format
    if wanted is not None and wanted.type == "json_schema" and wanted.json_schema is None:
        raise _lacking("response_format.json_schema", "The format json_schema needs its schema.")


def _lacking(place: str, why: str) -> InvalidParameter:
    return InvalidParameter(f"The field {place} is missing. {why}", place, "missing_required_parameter")
