"""Messages that a replayed export brought are known, so that a later export can take them away again.

Revision ID: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision: str | None = "0013"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make their table; of messages that are there already nobody knows where they came from."""
    op.create_table(
        "imports",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_imports")),
        comment="Messages that a replayed export brought, and that the bot has not read itself. A row stays as long as "
        "its message is in the log or cited.",
    )
    op.create_index("ix_imports_channel_id_message_id", "imports", ["channel_id", "message_id"])
