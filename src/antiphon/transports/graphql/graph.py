"""The schema, and operations on it: read, checked against the limits, carried out.

This module and those it imports need the GraphQL libraries, which are loaded late, see loading.py.
"""

import asyncio
import collections
import inspect
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    get_argument_values,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from graphql.pyutils import Path

from antiphon.engine.engine import Engine
from antiphon.errors import AntiphonError, BadRequest, Invalid, TooLarge
from antiphon.transports.asgi import Request
from antiphon.transports.graphql.context import Context
from antiphon.transports.graphql.cost import Measure, count_names
from antiphon.transports.graphql.errors import failed, invalid, unreadable
from antiphon.transports.graphql.events import Projection, Selector, projection
from antiphon.transports.graphql.follow import Interrupted, follow
from antiphon.transports.graphql.schema import make_schema
from antiphon.transports.graphql.subscriptions import Source
from antiphon.transports.graphql.wire import GraphQLRequest, Limits, Refused, error_of
from antiphon.transports.socket import Socket

KEPT_DOCUMENTS = 64
KEPT_LENGTH = 2_000
"""Queries up to this length are remembered, parsed and checked: clients send the same few."""
SHORT_QUERY = 200
"""Longer ones are read in a thread: it takes milliseconds."""
LONGEST_QUERY = 200_000
MOST_REPEATS = 5_000
"""Pairs of fields of one name in a document: 70 times the same."""
MOST_ERRORS = 20


class Prepared(NamedTuple):
    """An operation that may be carried out."""

    document: DocumentNode
    operation: OperationDefinitionNode
    asked: GraphQLRequest

    @property
    def kind(self) -> str:
        """``query``, ``mutation`` or ``subscription``."""
        return self.operation.operation.value


class Graph:
    """Carries out GraphQL operations on the engine."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits
        # The only way to what Strawberry makes of the classes: to have it run operations itself would
        # leave no room for checking them first, nor for sending events without running each.
        self._schema = make_schema()._schema  # noqa: SLF001
        self._rules = list(specified_rules)
        if not limits.introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._documents: collections.OrderedDict[str, DocumentNode] = collections.OrderedDict()

    async def prepare(self, asked: GraphQLRequest) -> Prepared:
        """Read an operation and check it. Raises Refused."""
        document = self._documents.get(asked.query)
        if document is None:
            if len(asked.query) > SHORT_QUERY:
                document = await asyncio.to_thread(self._read, asked.query)
            else:
                document = self._read(asked.query)
            if len(asked.query) <= KEPT_LENGTH:
                self._documents[asked.query] = document
                if len(self._documents) > KEPT_DOCUMENTS:
                    self._documents.popitem(last=False)
        else:
            self._documents.move_to_end(asked.query)
        operation = get_operation_ast(document, asked.operation_name)
        if operation is None:
            told = "Name one of the document's operations in `operationName`."
            raise Refused(error_of(BadRequest(told)))
        try:
            Measure(self._schema, document, asked.variables or {}).check(operation, self._limits)
        except TooLarge as error:
            raise Refused(error_of(error)) from error
        return Prepared(document, operation, asked)

    def _read(self, query: str) -> DocumentNode:
        """Parse and validate."""
        most = self._limits.tokens
        if len(query) > LONGEST_QUERY:
            told = f"The query has more than {LONGEST_QUERY} characters. Send long texts as variables."
            raise Refused(error_of(TooLarge(told)))
        try:
            document = parse(query, max_lexical_tokens=most, max_comments=most)
        except GraphQLError as error:
            if "tokens" in error.message or "comments" in error.message:
                told = f"The query has more than {most} tokens or comments. Send several smaller ones."
                raise Refused(error_of(TooLarge(told))) from error
            raise Refused(unreadable(error)) from error
        names = count_names(document)
        if names.aliases > self._limits.aliases:
            most = self._limits.aliases
            told = f"The query has {names.aliases} aliases; at most {most} are taken. Send several."
            raise Refused(error_of(TooLarge(told)))
        if names.repeats > MOST_REPEATS:
            raise Refused(error_of(TooLarge("The query names the same fields too often. Name each once.")))
        errors = validate(
            self._schema,
            document,
            self._rules,
            max_errors=MOST_ERRORS,
            hide_suggestions=not self._limits.introspection,
        )
        if errors:
            raise Refused(*map(invalid, errors))
        return document

    def _executor(self, prepared: Prepared, request: Request) -> Executor[Context]:
        """Return what carries the operation out. Raises Refused for variables that do not fit."""
        asked = prepared.asked
        made = Executor.build(
            self._schema,
            prepared.document,
            context_value=Context(self._engine, request.principal, request.address),
            raw_variable_values=asked.variables,
            operation_name=asked.operation_name,
            max_coercion_errors=MOST_ERRORS,
            hide_suggestions=not self._limits.introspection,
        )
        if isinstance(made, list):
            raise Refused(*map(invalid, made))
        return made

    async def execute(self, prepared: Prepared, request: Request) -> dict[str, Any]:
        """Carry out a query or mutation and return its response. Raises Refused."""
        made = self._executor(prepared, request).execute_operation()
        result = await made if inspect.isawaitable(made) else made
        assert isinstance(result, ExecutionResult)
        response: dict[str, Any] = {"data": result.data}
        if result.errors:
            response["errors"] = [failed(error) for error in result.errors]
        return response

    async def follow(self, prepared: Prepared, socket: Socket, operation: str) -> None:
        """Send the events of a subscription until it ends. Raises Refused, Closed.

        A refusal that comes after events tells the cursor to come back with.
        """
        source, shown = await self._subscribe(prepared, socket.request)
        try:
            await follow(self._engine, socket, operation, source, shown)
        except Interrupted as interrupted:
            told = error_of(interrupted.error)
            told["extensions"]["cursor"] = interrupted.cursor
            raise Refused(told) from interrupted

    async def _subscribe(self, prepared: Prepared, request: Request) -> tuple[Source, Projection]:
        """Return what a subscription is to follow and how its events look. Raises Refused."""
        executor = self._executor(prepared, request)
        root = self._schema.subscription_type
        assert root is not None
        selector = Selector(
            {
                it.name.value: it
                for it in prepared.document.definitions
                if isinstance(it, FragmentDefinitionNode)
            },
            executor.variable_values,
        )
        fields = selector.collect([prepared.operation.selection_set])
        if not fields:
            raise Refused(error_of(Invalid("The subscription skips its only field.")))
        ((key, nodes),) = fields.items()
        field = root.fields[nodes[0].name.value]
        plan = selector.plan(nodes, field.type)
        try:
            source = await self._source(executor, key, nodes)
        except GraphQLError as error:
            raise Refused(failed(error)) from error
        return source, projection(key, plan)

    async def _source(self, executor: Executor[Context], key: str, nodes: list[FieldNode]) -> Source:
        root = self._schema.subscription_type
        assert root is not None
        field = root.fields[nodes[0].name.value]
        assert field.subscribe is not None
        path = Path(None, key, root.name)
        info = executor.build_resolve_info(field, nodes, root, path)
        arguments = get_argument_values(field, nodes[0], executor.variable_values)
        try:
            source: Source = await field.subscribe(None, info, **arguments)
        except AntiphonError as error:
            raise GraphQLError(error.message, nodes, path=path.as_list(), original_error=error) from error
        return source
