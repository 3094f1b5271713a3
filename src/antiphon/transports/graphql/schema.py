"""The schema as a whole. ``docs/schema.graphql`` is its definition; a test fails when it is out of date."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from antiphon.transports.graphql.roots import Mutation, Query
from antiphon.transports.graphql.subscriptions import Subscription
from antiphon.transports.graphql.types import DATE_TIME, DateTime

RENEW = "antiphon graphql-schema > docs/schema.graphql"
_HEAD = f"# Made by `{RENEW}`; a change by hand is lost.\n\n"


def make_schema() -> strawberry.Schema:
    """Return the schema."""
    return strawberry.Schema(
        Query, Mutation, Subscription, config=StrawberryConfig(scalar_map={DateTime: DATE_TIME})
    )


def definition() -> str:
    """Return the schema in GraphQL's definition language."""
    return f"{_HEAD}{make_schema().as_str()}\n"
