"""Sessions, messages, turns, pods, outbox, secrets and the chunk log of SQLite."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.String(64)
SESSION_ID = sa.String(200)
ACTIVE = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    _sessions()
    _messages()
    _turns()
    _fleet_tables()
    _log_tables()


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", SESSION_ID, nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("turn_count", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_owner_updated_at", "sessions", ["owner", "updated_at"])


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", ID, nullable=False),
        sa.Column("session_id", SESSION_ID, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("sender", sa.String(200), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("parent_id", ID),
        sa.Column("turn_id", ID),
        sa.Column("usage", sa.Text),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_messages_session_id_sessions", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("session_id", "ordinal", name="uq_messages_session_id_ordinal"),
    )


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("id", ID, nullable=False),
        sa.Column("session_id", SESSION_ID, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("pod", sa.String(100)),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("prompt_id", ID, nullable=False),
        sa.Column("reply_id", ID, nullable=False),
        sa.Column("bot", sa.String(200), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.String(200)),
        sa.Column("stop_requested", sa.Boolean, nullable=False),
        sa.Column("delivered", sa.Boolean, nullable=False),
        sa.Column("transcript", sa.LargeBinary),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_turns_session_id_sessions", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("session_id", "number", name="uq_turns_session_id_number"),
        sa.UniqueConstraint("session_id", "idempotency_key", name="uq_turns_session_id_idempotency_key"),
        sa.UniqueConstraint("reply_id", name="uq_turns_reply_id"),
    )
    for name, columns in (("pod", ["state", "pod"]), ("session", ["session_id"])):
        op.create_index(
            f"ix_turns_active_{name}", "turns", columns, sqlite_where=ACTIVE, postgresql_where=ACTIVE
        )


def _fleet_tables() -> None:
    op.create_table(
        "pods",
        sa.Column("id", sa.String(100), nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pods"),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("subject", ID, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secrets"),
    )


def _log_tables() -> None:
    op.create_table(
        "log_ticks",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_ticks"),
    )
    op.create_table(
        "log_turns",
        sa.Column("turn", ID, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("first_tick", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("turn", name="pk_log_turns"),
    )
    op.create_table(
        "log_fence",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_fence"),
    )
