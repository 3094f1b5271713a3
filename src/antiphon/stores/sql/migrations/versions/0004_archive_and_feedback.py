"""Sessions that are put away, and what readers think of replies.

Pods of the release before run beside this schema: what they insert gets the defaults. New columns alone, and
no new index: building one would keep all pods from the table for as long as it takes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("archived", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("messages", sa.Column("feedback", sa.Text))
