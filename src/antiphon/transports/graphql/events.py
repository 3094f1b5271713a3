"""Events of replies as GraphQL results.

A result is made for each token and each reader, so it is not made by executing the operation again: what the
operation selects is worked out once, and an event is put into that form. Readers that select the same share
the bytes.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    get_directive_values,
    get_named_type,
)

from antiphon.model import Chunk, End, Turn

_encode = msgspec.json.encode
_end = msgspec.json.Decoder(End).decode
# Frames of one delivery, kept for the next reader as one value; JSON has no raw line breaks.
_BETWEEN = b"\n"

Plan = tuple[tuple[str, str, Any], ...]
"""What of an object is selected: key in the result, field, and the plan of what is in it.

The field ``__typename`` has its value in place of a plan, a leaf has None.
"""


class Selector:
    """Works out what an operation selects, fragments and ``@skip`` and ``@include`` applied."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], variables: Any) -> None:
        self._fragments = fragments
        self._variables = variables

    def plan(self, nodes: Iterable[FieldNode], kind: GraphQLOutputType) -> Plan | None:
        """Return what is selected of a field that these nodes name."""
        named = get_named_type(kind)
        if not isinstance(named, GraphQLObjectType):
            return None
        selected = self.collect([node.selection_set for node in nodes if node.selection_set is not None])
        plan: list[tuple[str, str, Any]] = []
        for key, found in selected.items():
            name = found[0].name.value
            inner = named.name if name == "__typename" else self.plan(found, named.fields[name].type)
            plan.append((key, name, inner))
        return tuple(plan)

    def collect(self, selections: Sequence[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """Return the fields selected by their keys in the result."""
        found: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection in selections:
            self._visit(selection, found, seen)
        return found

    def _visit(self, selection: SelectionSetNode, found: dict[str, list[FieldNode]], seen: set[str]) -> None:
        for node in selection.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                key = (node.alias or node.name).value
                found.setdefault(key, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                self._visit(node.selection_set, found, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                self._visit(self._fragments[node.name.value].selection_set, found, seen)

    def _included(self, node: SelectionNode) -> bool:
        skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return not (skip and skip["if"]) and (include is None or bool(include["if"]))


class Projection:
    """How one subscription shows events. Equal ones are one object, see ``projection``."""

    def __init__(self, key: str, plan: Plan) -> None:
        self._key = key
        self._plan = plan
        self._wants_end = any(name == "end" for _, name, _ in plan)

    def begin(self, turn: Turn, cursor: str | None) -> bytes:
        """Return the result that introduces a turn."""
        return self._result({**_turn_fields(turn), "type": "TURN", "cursor": cursor})

    def connected(self, cursor: str) -> bytes:
        """Return the first result of a session's subscription."""
        return self._result({"type": "CONNECTED", "cursor": cursor})

    def chunks(
        self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str, memo: dict[Any, bytes]
    ) -> list[bytes]:
        """Return the results of chunks, made once for all that show them alike."""
        key = (self, first, others)
        made = memo.get(key)
        if made is None:
            fields, number = _turn_fields(turn), turn.number
            shown = []
            for seq, chunk in enumerate(chunks, first):
                event = {**fields, "seq": seq, "cursor": f"{number}.{seq + 1}{others}"}
                shown.append(self._result(self._with_chunk(event, chunk)))
            made = memo[key] = _BETWEEN.join(shown)
        return made.split(_BETWEEN)

    def _with_chunk(self, event: dict[str, Any], chunk: Chunk) -> dict[str, Any]:
        event["type"] = chunk.kind.upper()
        if chunk.kind in ("content", "reasoning"):
            event["text"] = chunk.text
            return event
        event["data"] = msgspec.Raw(chunk.text.encode())
        if chunk.kind == "end" and self._wants_end:
            event["end"] = _end_fields(_end(chunk.text))
        return event

    def _result(self, event: dict[str, Any]) -> bytes:
        return _encode({"data": {self._key: _select(self._plan, event)}})


@functools.lru_cache(maxsize=200)
def projection(key: str, plan: Plan) -> Projection:
    """Return the projection that selects this."""
    return Projection(key, plan)


def _select(plan: Plan, value: Mapping[str, Any]) -> dict[str, Any]:
    selected: dict[str, Any] = {}
    for key, name, inner in plan:
        found = value.get(name)
        if name == "__typename":
            found = inner
        elif inner is not None and found is not None:
            found = [_select(inner, it) for it in found] if isinstance(found, list) else _select(inner, found)
        selected[key] = found
    return selected


def _turn_fields(turn: Turn) -> dict[str, Any]:
    return {
        "turnId": turn.id,
        "turnNumber": turn.number,
        "messageId": turn.reply_id,
        "promptId": turn.prompt_id,
    }


def _end_fields(end: End) -> dict[str, Any]:
    usage, error = end.usage, end.error
    return {
        "state": end.state.name,
        "finishReason": end.finish_reason,
        "model": end.model,
        "messageId": end.message_id,
        "cached": end.cached,
        "pod": end.pod,
        "firstTokenMs": end.first_token_ms,
        "totalMs": end.total_ms,
        "toolCalls": end.tool_calls,
        "usage": usage
        and {
            "promptTokens": usage.prompt_tokens,
            "completionTokens": usage.completion_tokens,
            "estimated": usage.estimated,
        },
        "error": error and {"code": error.code, "message": error.message, "retryAfter": error.retry_after},
        "seams": [{"chunk": it.chunk, "epoch": it.epoch, "how": it.how} for it in end.seams],
    }
