"""Sessions that are put away, and what readers think of replies.

Pods of the release before run beside this schema: what they insert gets the defaults.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("archived", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("messages", sa.Column("feedback", sa.Text))
    # Instead of the old one, not beside it: each message sent moves its session in the index.
    op.create_index("ix_sessions_owner_archived", "sessions", ["owner", "archived", "updated_at"])
    op.drop_index("ix_sessions_owner_updated_at", "sessions")
