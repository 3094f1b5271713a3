"""Tables of every relational store.

Times are Unix milliseconds. JSON is kept as text: it is only ever read whole, and msgspec decodes it to the
types wanted.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

ID = String(64)
SESSION_ID = String(200)
ACTIVE = "state IN ('queued', 'running')"
STOPPING = "stop_requested AND ended_at IS NULL"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", SESSION_ID, primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("title", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("turn_count", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("archived", Boolean, nullable=False, server_default=false()),
    Index(None, "owner", "updated_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", ID, primary_key=True),
    Column("session_id", SESSION_ID, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    Column("sender", String(200), nullable=False),
    Column("status", String(16), nullable=False),
    Column("content", Text, nullable=False),
    Column("parent_id", ID),
    Column("turn_id", ID),
    Column("usage", Text),
    Column("metadata", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("feedback", Text),
    UniqueConstraint("session_id", "ordinal"),
)

turns = Table(
    "turns",
    metadata,
    Column("id", ID, primary_key=True),
    Column("session_id", SESSION_ID, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("pod", String(100)),
    Column("epoch", Integer, nullable=False),
    Column("prompt_id", ID, nullable=False),
    Column("reply_id", ID, nullable=False),
    Column("bot", String(200), nullable=False),
    Column("model", String(200), nullable=False),
    Column("params", Text, nullable=False),
    Column("idempotency_key", String(200)),
    Column("stop_requested", Boolean, nullable=False),
    Column("delivered", Boolean, nullable=False),
    Column("transcript", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    UniqueConstraint("session_id", "number"),
    UniqueConstraint("session_id", "idempotency_key"),
    UniqueConstraint("reply_id"),
    # Only turns under way: these stay as small as the load, however large the table grows.
    Index("ix_turns_active_pod", "state", "pod", sqlite_where=text(ACTIVE), postgresql_where=text(ACTIVE)),
    Index("ix_turns_active_session", "session_id", sqlite_where=text(ACTIVE), postgresql_where=text(ACTIVE)),
    Index("ix_turns_stopping", "pod", sqlite_where=text(STOPPING), postgresql_where=text(STOPPING)),
)

pods = Table(
    "pods",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("started_at", BigInteger, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("works", Boolean, nullable=False, server_default=true()),
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("kind", String(100), nullable=False),
    Column("subject", ID, nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

# Numbers given out one after another; whoever takes one holds the row until the commit.
counters = Table(
    "counters",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

posts = Table(
    "posts",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("sender", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

places = Table(
    "places",
    metadata,
    Column("session_id", SESSION_ID, ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    # 200 characters, any of which rows.to_text may make two.
    Column("client_id", String(400), primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("value", String(200), nullable=False),
)

# The chunk log on PostgreSQL: a row an append, and one that says how far a turn is (see logs/postgres.py).
chunk_heads = Table(
    "chunk_heads",
    metadata,
    Column("turn", ID, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("next", Integer, nullable=False),
    Column("ended", Boolean, nullable=False),
    # When it ended or, while it has not, when it counts as abandoned.
    Column("over_at", BigInteger, nullable=False),
    Index(None, "over_at"),
    info={"only": "postgresql"},
)

chunk_rows = Table(
    "chunk_rows",
    metadata,
    Column("turn", ID, primary_key=True),
    Column("first", Integer, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    info={"only": "postgresql"},
)

# The chunk log on SQLite: one row a commit, holding what every turn appended in it (see logs/sqlite.py).
log_ticks = Table(
    "log_ticks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)

log_turns = Table(
    "log_turns",
    metadata,
    Column("turn", ID, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("first_tick", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)

log_fence = Table(
    "log_fence",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("generation", Integer, nullable=False),
)
