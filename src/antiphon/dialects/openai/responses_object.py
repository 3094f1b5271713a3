"""The object ``response``: what a turn looks like in the Responses API."""

import re
from typing import Any

import msgspec

from antiphon.dialects.openai.chat_events import finish_reason
from antiphon.engine.options import options_of
from antiphon.engine.window import estimate_tokens
from antiphon.errors import NotFound
from antiphon.model import End, Fault, Turn, TurnState, Usage

Object = dict[str, Any]
METADATA = "response"
"""Where the metadata of a turn's user message hold Kept."""

_ID = re.compile(r"resp_([0-9a-f]{28})")
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_RUNNING = {TurnState.QUEUED: "queued", TurnState.RUNNING: "in_progress"}
# Statuses of a provider that blame the prompt, and not the provider.
_PROMPTS_FAULT = frozenset({400, 413, 422})


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked for and is told again, beside what the turn itself keeps."""

    background: bool = False
    store: bool = True
    previous_response_id: str | None = None
    conversation: str | None = None
    metadata: dict[str, str] = {}
    summary: str | None = None
    truncation: str = "auto"
    max_tool_calls: int | None = None
    service_tier: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None


def own_part(turn_id: str) -> str:
    """Return what the ids of a turn, its response and its items share."""
    return turn_id.partition("_")[2]


def response_id(turn: Turn) -> str:
    """Return the id of the response that a turn makes."""
    return f"resp_{own_part(turn.id)}"


def turn_id(response: str) -> str:
    """Return the id of the turn that makes a response. Raises NotFound for what is no response's id."""
    found = _ID.fullmatch(response)
    if found is None:
        raise no_response(response)
    return f"turn_{found[1]}"


def no_response(response: str) -> NotFound:
    """Return the error of a response that does not exist, or is another's."""
    return NotFound(f"Response with id {response[:100]!r} not found.")


def describe(turn: Turn, kept: Kept, instructions: str | None = None) -> Object:
    """Return all of a response that stays as it is while it grows.

    ``instructions`` are those of a turn that does not keep them.
    """
    options, params = options_of(turn.params)
    told: Object = {
        "id": response_id(turn),
        "object": "response",
        "created_at": turn.created_at // 1000,
        "background": kept.background,
        "conversation": {"id": kept.conversation} if kept.conversation else None,
        "instructions": options.instructions or instructions,
        "max_output_tokens": params.get("max_tokens"),
        "max_tool_calls": kept.max_tool_calls,
        "metadata": kept.metadata,
        "model": turn.bot,
        "parallel_tool_calls": params.get("parallel_tool_calls", True),
        "previous_response_id": kept.previous_response_id,
        "prompt_cache_key": kept.prompt_cache_key,
        "reasoning": {"effort": params.get("reasoning_effort"), "summary": kept.summary},
        "safety_identifier": kept.safety_identifier,
        "service_tier": kept.service_tier or "default",
        "store": kept.store,
        "temperature": params.get("temperature"),
        "text": _text(params),
        "tool_choice": _choice(params.get("tool_choice")),
        "tools": _tools(params.get("tools")),
        "top_logprobs": 0,
        "top_p": params.get("top_p"),
        "truncation": kept.truncation,
    }
    if kept.user is not None:
        told["user"] = kept.user
    return told


def unfinished(described: Object, status: str, output: list[Object]) -> Object:
    """Return a response that has not ended; its usage is not known yet."""
    rest = {"completed_at": None, "error": None, "incomplete_details": None}
    return {**described, "status": status, "output": output, **rest}


def finished(described: Object, end: End, output: list[Object], ended_at: int | None = None) -> Object:
    """Return a response that has ended; ``ended_at`` in Unix milliseconds, where it is known."""
    status = status_of(end)
    reason = _INCOMPLETE.get(finish_reason(end)) if status == "incomplete" else None
    usage = {"usage": _usage(end.usage, output)} if end.usage is not None else {}
    return {
        **described,
        "status": status,
        "output": output,
        "completed_at": ended_at // 1000 if ended_at is not None and status == "completed" else None,
        "error": _error(end.error) if end.error is not None else None,
        "incomplete_details": {"reason": reason} if reason else None,
        **usage,
    }


def running_status(turn: Turn) -> str:
    """Return the status of a turn that has not ended."""
    return _RUNNING.get(turn.state, "in_progress")


def status_of(end: End) -> str:
    """Return the status of a response that has ended."""
    if end.state is TurnState.STOPPED:
        return "cancelled"
    if end.state is TurnState.FAILED:
        return "failed"
    return "incomplete" if finish_reason(end) in _INCOMPLETE else "completed"


def _error(fault: Fault) -> Object:
    """Return a failure by one of the few codes that a response's error may have."""
    code = "server_error"
    if fault.code in ("rate_limited", "provider_rate_limited"):
        code = "rate_limit_exceeded"
    elif fault.provider_status in _PROMPTS_FAULT:
        code = "invalid_prompt"
    return {"code": code, "message": fault.message}


def _usage(used: Usage, output: list[Object]) -> Object:
    """Return the tokens. How many of them were thoughts is estimated: providers count them together."""
    thought = "".join(
        part["text"] for item in output if item["type"] == "reasoning" for part in item["content"]
    )
    reasoning = min(estimate_tokens(thought), used.completion_tokens) if thought else 0
    return {
        "input_tokens": used.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": used.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": used.prompt_tokens + used.completion_tokens,
    }


# Other contracts pass on what they are given: of a turn that was begun there, what does not fit is not told.


def _tools(tools: Any) -> list[Object]:
    tools = tools if isinstance(tools, list) else []
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)]
    return [_tool(function) for function in functions if isinstance(function, dict)]


def _tool(function: Object) -> Object:
    described = {"description": function["description"]} if "description" in function else {}
    return {
        "type": "function",
        "name": function.get("name"),
        **described,
        "parameters": function.get("parameters"),
        "strict": function.get("strict"),
    }


def _choice(choice: Any) -> Any:
    if isinstance(choice, dict):
        function = choice.get("function")
        return {"type": "function", "name": function.get("name")} if isinstance(function, dict) else "auto"
    return choice or "auto"


def _text(params: Object) -> Object:
    wanted = params.get("response_format")
    wanted = wanted if isinstance(wanted, dict) else {}
    schema = wanted.get("json_schema")
    told = {"type": wanted.get("type", "text"), **(schema if isinstance(schema, dict) else {})}
    verbosity = {"verbosity": params["verbosity"]} if "verbosity" in params else {}
    return {"format": told, **verbosity}
