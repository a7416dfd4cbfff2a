"""What is erased is noted for backups.

Revision ID: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision: str | None = "0018"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "erasures",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("memory_id", sa.String(36)),
        sa.Column("subject", sa.String(64)),
        sa.Column("up_to", sa.BigInteger()),
        sa.Column("value", sa.String(64)),
        sa.Column("written", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_erasures")),
        sa.UniqueConstraint("id", name=op.f("uq_erasures_id")),
        sqlite_autoincrement=True,
        comment="What must not come back with a backup, for 400 days: ids, snowflakes and keyed hashes, never a text. "
        "written: the file of erasures has it.",
    )
    op.create_index("ix_erasures_at_ms", "erasures", ["at_ms"])
    op.create_index(
        "ix_erasures_unwritten",
        "erasures",
        ["seq"],
        sqlite_where=sa.text("NOT written"),
        postgresql_where=sa.text("NOT written"),
    )
