"""The outbox tells the vector index of messages as well (EMBED_MESSAGES).

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Say which message a row is about."""
    op.add_column("outbox", sa.Column("message_id", sa.BigInteger()))
    if op.get_context().dialect.name != "sqlite":
        op.create_table_comment(
            "outbox",
            "What the vector index has yet to learn: op is upsert or delete, memory_id the point. message_id is set "
            "where it is a message's.",
        )
