"""Reading the body of ``POST /v1/responses``.

All of it is checked: what this server cannot do is refused by name, because a client that asked for it counts
on it.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from antiphon.dialects.openai.chat_request import convert
from antiphon.dialects.openai.errors import InvalidParameter
from antiphon.dialects.openai.responses_input import Given, read_input
from antiphon.dialects.openai.responses_object import Kept
from antiphon.transports.asgi import Request

Object = dict[str, Any]
MOST_METADATA = 16
_Key = Annotated[str, Meta(max_length=64)]
_Value = Annotated[str, Meta(max_length=512)]
# What clients ask to be told in addition, which here there is nothing of or which is told anyway.
_HARMLESS = frozenset(
    {
        "reasoning.encrypted_content",
        "message.input_image.image_url",
        "file_search_call.results",
        "web_search_call.results",
        "web_search_call.action.sources",
        "computer_call_output.output.image_url",
        "code_interpreter_call.outputs",
    }
)


class TextFormat(msgspec.Struct):
    """``text``, ``json_object``, or ``json_schema`` with a name and a schema."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema: Object | None = None
    strict: bool | None = None
    description: str | None = None


class TextConfig(msgspec.Struct):
    """How the text is to be."""

    format: TextFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class Reasoning(msgspec.Struct):
    """How much a model is to think. What it thought is told whatever ``summary`` says."""

    effort: str | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | None = None


class FunctionTool(msgspec.Struct):
    """A function that the model may call."""

    type: str
    name: str = ""
    description: str | None = None
    parameters: Object | None = None
    strict: bool | None = None


class FunctionChoice(msgspec.Struct):
    """The function that the model must call."""

    type: str
    name: str = ""


class ConversationRef(msgspec.Struct):
    """A session, by its id."""

    id: str


class ResponseRequest(msgspec.Struct, kw_only=True):
    """Body of ``POST /v1/responses``."""

    model: str
    input: str | list[Object]
    instructions: str | None = None
    previous_response_id: str | None = None
    conversation: str | ConversationRef | None = None
    store: bool | None = None
    background: bool | None = None
    stream: bool | None = None
    stream_options: Object | None = None
    include: list[str] | None = None
    tools: list[FunctionTool] | None = None
    tool_choice: Literal["none", "auto", "required"] | FunctionChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: Annotated[int, Meta(ge=1)] | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_logprobs: int | None = None
    text: TextConfig | None = None
    reasoning: Reasoning | None = None
    metadata: dict[_Key, _Value] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"] | None = None
    user: _Value | None = None
    safety_identifier: _Key | None = None
    prompt_cache_key: _Value | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: Object | None = None
    prompt: Object | None = None
    context_management: list[Object] | None = None
    moderation: Object | None = None


_FIELDS = frozenset(ResponseRequest.__struct_fields__)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is carried out."""

    model: str
    given: Given
    instructions: str | None
    params: Object
    kept: Kept
    stream: bool


async def read_request(request: Request) -> Wanted:
    """Read and check a request. Raises InvalidParameter, BadRequest, TooLarge, Unsupported."""
    body = await request.json(dict[str, Any])
    unknown = next(iter(body.keys() - _FIELDS), None)
    if unknown is not None:
        raise InvalidParameter(f"Unknown parameter: {unknown[:100]!r}.", unknown[:100], "unknown_parameter")
    asked = convert(body, ResponseRequest)
    _check_supported(asked)
    _check_together(asked)
    return Wanted(
        model=asked.model,
        given=read_input(asked.input),
        instructions=asked.instructions or None,
        params=_params(asked),
        kept=_kept(asked),
        stream=bool(asked.stream),
    )


def _check_supported(asked: ResponseRequest) -> None:
    """Raise for what would have to be answered in a way that this server does not."""
    refused = {
        "prompt": asked.prompt is not None
        and "There are no stored prompts here: send instructions and input.",
        "context_management": asked.context_management and "The conversation is cut to fit by itself.",
        "moderation": asked.moderation is not None and "Nothing is moderated here: leave it out.",
        "top_logprobs": asked.top_logprobs and "Log probabilities are not passed through: leave it out.",
    }
    for name, why in refused.items():
        if why:
            raise InvalidParameter(why, name, "unsupported_parameter")
    for i, each in enumerate(asked.include or ()):
        if each not in _HARMLESS:
            raise InvalidParameter(f"{each[:100]!r} cannot be included.", f"include[{i}]")
    for i, tool in enumerate(asked.tools or ()):
        if tool.type != "function":
            told = f"There is no tool of type {tool.type[:100]!r} here. Define it as a function, and run it."
            raise InvalidParameter(told, f"tools[{i}].type", "unsupported_value")
        if not tool.name:
            raise InvalidParameter(
                "A function needs a name.", f"tools[{i}].name", "missing_required_parameter"
            )
    choice = asked.tool_choice
    if isinstance(choice, FunctionChoice) and (choice.type != "function" or not choice.name):
        told = "tool_choice is none, auto, required, or a function with its name."
        raise InvalidParameter(told, "tool_choice", "unsupported_value")


def _check_together(asked: ResponseRequest) -> None:
    """Raise for what does not go together."""
    if asked.previous_response_id is not None and asked.conversation is not None:
        told = "A response follows another or belongs to a conversation: send one of the two."
        raise InvalidParameter(told, "conversation", "mutually_exclusive_parameters")
    if asked.store is False and (asked.background or asked.conversation is not None):
        name = "background" if asked.background else "conversation"
        raise InvalidParameter(f"{name} needs store: true, because it is kept.", name)
    if asked.metadata is not None and len(asked.metadata) > MOST_METADATA:
        raise InvalidParameter(f"metadata has at most {MOST_METADATA} entries.", "metadata")
    if asked.stream_options is not None and not asked.stream:
        raise InvalidParameter("stream_options goes with stream: true only.", "stream_options")
    wanted = asked.text.format if asked.text is not None else None
    if wanted is not None and wanted.type == "json_schema":
        for name in ("name", "schema"):
            if getattr(wanted, name) is None:
                told = f"The format json_schema needs its {name}."
                raise InvalidParameter(told, f"text.format.{name}", "missing_required_parameter")


def _params(asked: ResponseRequest) -> Object:
    """Return the parameters of the model, in the words of a chat.

    ``max_tokens`` is what all compatible servers know; OpenAI's own newer word for it is unknown to some,
    which then have no limit.
    """
    params: Object = {
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "max_tokens": asked.max_output_tokens,
        "parallel_tool_calls": asked.parallel_tool_calls if asked.tools else None,
        "tools": [_chat_tool(tool) for tool in asked.tools or ()] or None,
        "reasoning_effort": asked.reasoning.effort if asked.reasoning is not None else None,
    }
    choice = asked.tool_choice if asked.tools else None
    if isinstance(choice, FunctionChoice):
        params["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    else:
        params["tool_choice"] = choice
    if asked.text is not None:
        params["verbosity"] = asked.text.verbosity
        params["response_format"] = _chat_format(asked.text.format)
    return {name: value for name, value in params.items() if value is not None}


def _chat_tool(tool: FunctionTool) -> Object:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }
    return {"type": "function", "function": _without_none(function)}


def _chat_format(wanted: TextFormat | None) -> Object | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return {"type": "json_object"}
    schema = {
        "name": wanted.name,
        "schema": wanted.schema,
        "strict": wanted.strict,
        "description": wanted.description,
    }
    return {"type": "json_schema", "json_schema": _without_none(schema)}


def _without_none(fields: Object) -> Object:
    return {name: value for name, value in fields.items() if value is not None}


def _kept(asked: ResponseRequest) -> Kept:
    reference = asked.conversation
    reasoning = asked.reasoning or Reasoning()
    return Kept(
        background=bool(asked.background),
        store=asked.store is not False,
        previous_response_id=asked.previous_response_id,
        conversation=reference.id if isinstance(reference, ConversationRef) else reference,
        metadata=dict(asked.metadata or {}),
        summary=reasoning.summary or reasoning.generate_summary,
        truncation=asked.truncation or "auto",
        max_tool_calls=asked.max_tool_calls,
        service_tier=asked.service_tier,
        user=asked.user,
        safety_identifier=asked.safety_identifier,
        prompt_cache_key=asked.prompt_cache_key,
    )
