"""Calls of functions as they were before there were tools: ``functions``, ``function_call``.

OpenAI still takes them, few others do: they are said in today's words to the provider, and its answer is said
in the old ones to the client.
"""

from typing import Any

FUNCTION_CALL = "function_call"
"""The old finish reason, and the old field of a message."""


def modernised(body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return the body in today's words, and whether the client is to be answered in the old ones."""
    said = dict(body)
    functions, choice = said.pop("functions", None), said.pop(FUNCTION_CALL, None)
    said["messages"] = _messages(said["messages"])
    if not functions:
        return said, False
    said["tools"] = [{"type": "function", "function": function} for function in functions]
    if choice is not None:
        said["tool_choice"] = {"type": "function", "function": choice} if isinstance(choice, dict) else choice
    said["parallel_tool_calls"] = False  # the old form has room for one
    return said, True


def old_message(message: dict[str, Any]) -> dict[str, Any]:
    """Return an assistant's message, or a delta of one, with its first call in the old form."""
    calls = message.get("tool_calls")
    if not calls:
        return message
    old = {key: value for key, value in message.items() if key != "tool_calls"}
    first = [call["function"] for call in calls if not call.get("index") and call.get("function")]
    return {**old, FUNCTION_CALL: first[0]} if first else old


def old_reason(reason: str) -> str:
    """Return a finish reason in the old form."""
    return FUNCTION_CALL if reason == "tool_calls" else reason


def _messages(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each call an id, by which its result names it."""
    said: list[dict[str, Any]] = []
    call_id = ""
    for number, message in enumerate(messages):
        called = message.get(FUNCTION_CALL)
        if message["role"] == "assistant" and called:
            call_id = f"call_{number}"
            new = {key: value for key, value in message.items() if key != FUNCTION_CALL}
            said.append({**new, "tool_calls": [{"id": call_id, "type": "function", "function": called}]})
        elif message["role"] == "function":
            content = message.get("content") or ""
            said.append({"role": "tool", "tool_call_id": call_id, "content": content})
        else:
            said.append(message)
    return said
