"""What can't be dealt with while all else can is set aside, by its ids and the reason.

Revision ID: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make its table."""
    op.create_table(
        "set_aside",
        sa.Column("part", sa.String(16), nullable=False),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("author_id", sa.BigInteger()),
        sa.Column("memory_id", sa.String(36)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_ms", sa.BigInteger()),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("part", "item", name=op.f("pk_set_aside")),
        sa.ForeignKeyConstraint(
            ["memory_id"], ["memories.id"], name=op.f("fk_set_aside_memory_id_memories"), ondelete="CASCADE"
        ),
        comment="What a part could not deal with while it could deal with all else: ids and a reason, never a text. "
        "basis is what that hangs on; next_try_ms is NULL where only a change of it can help.",
    )
    for column in ("message_id", "memory_id", "author_id"):
        op.create_index(f"ix_set_aside_{column}", "set_aside", [column])
