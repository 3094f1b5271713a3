"""Settings that are bounds: sizes, counts, rates and times."""

import re

from pydantic import BaseModel, Field, field_validator

RATE = re.compile(r"\d+ ?/ ?(second|minute|hour|day)")


class BoundSettings(BaseModel):
    """How much, how many, how often and how long."""

    stats_readers: int = Field(50, ge=1, description="readers of `/stats/events` at once in a process")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="size of a request body")
    max_import_bytes: int = Field(
        16_777_216, ge=1024, description="size of a conversation that is imported, as JSON"
    )
    max_import_messages: int = Field(
        10_000, ge=1, le=100_000, description="messages of a conversation that is imported"
    )
    max_message_chars: int = Field(100_000, ge=1, description="length of a message")
    max_metadata_bytes: int = Field(16_384, ge=0, description="size of metadata and of context, each as JSON")
    max_params_bytes: int = Field(
        131_072, ge=0, description="size of the parameters of a model as JSON, its tools among them"
    )
    max_reply_chars: int = Field(400_000, ge=1, description="length of a reply; a longer one fails")
    max_chunks_a_turn: int = Field(50_000, ge=1, description="chunks of a reply; one with more fails")
    max_running_turns: int = Field(2_000, ge=1, description="replies under way in a process")
    max_queued_turns: int = Field(
        1_000, ge=0, description="messages of all users that wait for a process with room"
    )
    max_running_turns_a_session: int = Field(8, ge=1, description="replies under way in a session")
    max_connections: int = Field(10_000, ge=1, description="requests open at once, streams included")
    max_turn_seconds: float = Field(1_800, gt=0, description="how long a reply may take")
    reader_backlog_bytes: int = Field(
        1_048_576, ge=1024, description="what may wait for a slow reader; over it, it is disconnected"
    )

    graphql_depth: int = Field(12, ge=1, le=100, description="how many fields deep a GraphQL query may be")
    graphql_cost: int = Field(
        10_000,
        ge=1,
        description="points a GraphQL query may cost: a field 1, a question to the store 50, times the pages",
    )
    graphql_tokens: int = Field(1_000, ge=10, le=20_000, description="tokens a GraphQL query may have")
    graphql_aliases: int = Field(30, ge=0, description="aliases a GraphQL query may have")
    graphql_operations: int = Field(32, ge=1, description="GraphQL operations under way on a WebSocket")
    graphql_init_seconds: float = Field(
        10, gt=0, le=300, description="seconds a GraphQL WebSocket has for its `connection_init`"
    )
    graphql_introspection: bool = Field(True, description="`off`: the GraphQL schema is not told")

    rate_limits: bool = Field(True, description="`off` switches all rate limits off")
    rate_session: str = Field("30/minute", description="messages to bots a session")
    rate_user: str = Field("120/minute", description="messages to bots a user")
    rate_address: str = Field("12000/minute", description="messages to bots a network address")

    lease_seconds: float = Field(3.0, gt=0.2, description="a process silent for longer is taken over from")
    drain_delay_seconds: float = Field(
        0, ge=0, le=300, description="how long `/ready` says so before a process that was told to leave does"
    )
    tick_seconds: float = Field(
        0.1, ge=0, le=1, description="the longest a token waits for a shared commit, reached under full load"
    )
    retention_seconds: float = Field(
        900, gt=0, description="how long an undelivered reply is owed, and an ended one stays in the log"
    )
    reply_cache_seconds: float = Field(
        1_800,
        ge=0,
        description="how long a reply answers equal questions, where the contract caches; 0: never",
    )
    context_cache_seconds: float = Field(
        3_600, ge=0, description="how long a session's context stays in the cache after its last use"
    )
    context_tokens: int = Field(8_192, ge=256, description="history sent to a model that says no other size")
    provider_retries: int = Field(2, ge=0, le=10, description="further attempts before the first token")
    connect_timeout: float = Field(5.0, gt=0, description="seconds to connect to a provider")
    first_token_timeout: float = Field(60.0, gt=0, description="seconds a provider may think")
    idle_timeout: float = Field(30.0, gt=0, description="seconds between two pieces of a reply")

    @field_validator("rate_session", "rate_user", "rate_address")
    @classmethod
    def _rate(cls, value: str) -> str:
        if not RATE.fullmatch(value):
            raise ValueError("a rate looks like 30/minute")
        return value

    @property
    def rates(self) -> dict[str, str]:
        """The rate limits by what they belong to; none when they are off."""
        if not self.rate_limits:
            return {}
        return {"session": self.rate_session, "user": self.rate_user, "address": self.rate_address}
