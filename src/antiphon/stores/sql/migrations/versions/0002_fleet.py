"""Which pods run turns, which turns are to be stopped, and the chunk log of PostgreSQL."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

STOPPING = sa.text("stop_requested AND ended_at IS NULL")


def upgrade() -> None:
    op.add_column("pods", sa.Column("works", sa.Boolean, nullable=False, server_default=sa.true()))
    op.create_index("ix_turns_stopping", "turns", ["pod"], sqlite_where=STOPPING, postgresql_where=STOPPING)
    if op.get_bind().dialect.name == "postgresql":
        _chunk_log()


def _chunk_log() -> None:
    op.create_table(
        "chunk_heads",
        sa.Column("turn", sa.String(64), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("next", sa.Integer, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("over_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("turn", name="pk_chunk_heads"),
    )
    op.create_index("ix_chunk_heads_over_at", "chunk_heads", ["over_at"])
    op.create_table(
        "chunk_rows",
        sa.Column("turn", sa.String(64), nullable=False),
        sa.Column("first", sa.Integer, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("turn", "first", name="pk_chunk_rows"),
    )
    # A head is updated with each append: room on its page keeps that from touching the indexes.
    op.execute("ALTER TABLE chunk_heads SET (fillfactor = 50)")
