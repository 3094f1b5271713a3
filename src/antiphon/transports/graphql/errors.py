"""Errors as GraphQL tells them: ``message``, and ``code``, ``status``, ``retry_after`` in ``extensions``."""

from typing import Any

import structlog
from graphql import GraphQLError

from antiphon.errors import AntiphonError, BadRequest, Invalid
from antiphon.transports.graphql.wire import error_of

logger = structlog.get_logger(__name__)


def unreadable(error: GraphQLError) -> dict[str, Any]:
    """Tell a query that is not GraphQL."""
    return _told(error, BadRequest(f"The query is not GraphQL. {error.message}"))


def invalid(error: GraphQLError) -> dict[str, Any]:
    """Tell a query, or variables, that do not fit the schema: 400, as GraphQL over HTTP has it."""
    told = _told(error, Invalid(error.message))
    told["extensions"]["status"] = BadRequest.status
    return told


def failed(error: GraphQLError) -> dict[str, Any]:
    """Tell what went wrong while a query was executed; what is nobody's business is logged instead."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, AntiphonError):
        return _told(error, cause)
    if cause is None:
        return _told(error, Invalid(error.message))
    logger.error("graphql_field_crashed", path=error.path, exc_info=cause, error=type(cause).__name__)
    return _told(error, AntiphonError("The server failed to handle this field. Try again."))


def _told(error: GraphQLError, as_error: AntiphonError) -> dict[str, Any]:
    told = error_of(as_error)
    if error.locations:
        told["locations"] = [{"line": it.line, "column": it.column} for it in error.locations]
    if error.path is not None:
        told["path"] = list(error.path)
    return told
