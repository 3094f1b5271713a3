"""What an operation costs, counted before any of it is done.

Each field that can be in the answer is one point, and each question to the store 50; a list multiplies what
is asked of its items by the size of the page. Fields tell by their metadata what is more than that.
"""

import collections
from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)

from antiphon.errors import TooLarge
from antiphon.transports.graphql.wire import Limits

ASKS = {"points": 50}
"""Metadata of a field that asks the store."""
LONG = {"points": 10}
"""Metadata of a field whose text may be long: a query may name it many times."""
SEARCHES = {"points": 1_500}
"""Metadata of a field that looks through many texts: a few of them are an operation."""
SIZE = {"items": "page"}
"""Metadata of a field that returns a page."""
USUAL_PAGE = 20
LARGEST_PAGE = 200
# A filter has the store asked again, up to so many times.
FILTERED = 3
# Introspection has limits of its own in depth; in points it is charged as a whole.
INTROSPECTION = {"__schema": 1_500, "__type": 100, "__typename": 1}
"""Points of these fields, which are not looked into."""


class Cost(NamedTuple):
    """What a selection comes to; its width are the fields at its top."""

    points: int
    depth: int
    width: int


class Measure:
    """Measures one operation of a validated document. ``variables`` are the values as sent."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._schema = schema
        self._variables = variables
        self._defaults: dict[str, Any] = {}
        self._fragments = {
            it.name.value: it for it in document.definitions if isinstance(it, FragmentDefinitionNode)
        }
        self._known: dict[str, Cost] = {}

    def check(self, operation: OperationDefinitionNode, limits: Limits) -> None:
        """Raise TooLarge for an operation that is over a limit."""
        root = self._schema.get_root_type(operation.operation)
        assert root is not None
        self._defaults = {
            it.variable.name.value: it.default_value for it in operation.variable_definitions or ()
        }
        cost = self._selections(operation.selection_set, root)
        if cost.width > limits.root_fields:
            raise TooLarge(
                f"The operation has {cost.width} fields at its root; at most {limits.root_fields} are taken. "
                "Send several operations."
            )
        if cost.depth > limits.depth:
            raise TooLarge(
                f"The query is {cost.depth} fields deep; at most {limits.depth} are taken. "
                "Ask for the inner things in a query of their own."
            )
        if cost.points > limits.cost:
            raise TooLarge(
                f"The query costs {cost.points} points; at most {limits.cost} are taken. "
                "Ask for smaller pages (`first`, `last`), fewer fields, or in several queries."
            )

    def _selections(self, selections: SelectionSetNode, parent: GraphQLCompositeType) -> Cost:
        points = depth = width = 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                cost = self._field(node, parent)
            elif isinstance(node, InlineFragmentNode):
                cost = self._selections(node.selection_set, parent)
            else:
                assert isinstance(node, FragmentSpreadNode)
                cost = self._fragment(node.name.value, parent)
            points += cost.points
            depth = max(depth, cost.depth)
            width += cost.width
        return Cost(points, depth, width)

    def _fragment(self, name: str, parent: GraphQLCompositeType) -> Cost:
        """Return the cost of a fragment, worked out once: fragments of fragments can name it very often."""
        if name not in self._known:
            self._known[name] = self._selections(self._fragments[name].selection_set, parent)
        return self._known[name]

    def _field(self, node: FieldNode, parent: GraphQLCompositeType) -> Cost:
        name = node.name.value
        if name in INTROSPECTION:
            return Cost(INTROSPECTION[name], 1, 1)
        assert isinstance(parent, GraphQLObjectType)
        field = parent.fields[name]
        metadata = _metadata(field)
        points = 1 + metadata.get("points", 0)
        if node.selection_set is None:
            return Cost(points, 1, 1)
        inner = self._selections(node.selection_set, get_named_type(field.type))
        if self._argument(node, "filter") is not None:
            points += FILTERED * ASKS["points"]
        points += self._items(node, metadata.get("items", 1)) * inner.points
        return Cost(points, inner.depth + 1, 1)

    def _items(self, node: FieldNode, items: int | str) -> int:
        """Return how many items the field may return."""
        if isinstance(items, int):
            return items
        sizes = [self._argument(node, name) for name in ("first", "last")]
        # 200.0 is a size too: GraphQL takes whole numbers however JSON writes them.
        given = [int(min(max(size, 0), LARGEST_PAGE)) for size in sizes if isinstance(size, int | float)]
        return max(given, default=USUAL_PAGE)

    def _argument(self, node: FieldNode, name: str) -> Any:
        """Return what was given for an argument, as near to its value as it takes to count."""
        for argument in node.arguments or ():
            if argument.name.value == name:
                value: Any = argument.value
                if value.kind == "variable":
                    name_of = value.name.value
                    if name_of in self._variables:
                        return self._variables[name_of]
                    value = self._defaults.get(name_of)
                if value is None or value.kind == "null_value":
                    return None
                return int(value.value) if value.kind == "int_value" else value
        return None


class Names(NamedTuple):
    """What a document's fields are called in results: aliases, and how often the same names return."""

    aliases: int
    repeats: int


def count_names(document: DocumentNode) -> Names:
    """Count what validating a document takes time for; it need not be valid.

    Whether fields of one name agree is found out pair by pair: ``repeats`` is about how many pairs there are.
    """
    aliases = 0
    counts: collections.Counter[str] = collections.Counter()
    waiting = [getattr(it, "selection_set", None) for it in document.definitions]
    while waiting:
        selections = waiting.pop()
        for node in selections.selections if selections is not None else ():
            if isinstance(node, FieldNode):
                aliases += node.alias is not None
                counts[(node.alias or node.name).value] += 1
            waiting.append(getattr(node, "selection_set", None))
    return Names(aliases, sum(count * count for count in counts.values()))


def _metadata(field: GraphQLField) -> Mapping[str, Any]:
    definition = (field.extensions or {}).get("strawberry-definition")
    return definition.metadata if definition is not None else {}
