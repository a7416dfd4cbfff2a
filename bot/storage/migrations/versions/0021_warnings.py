"""Admins are warned in a channel of their choice.

Revision ID: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision: str | None = "0020"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the tables of the channels for warnings, and of what was posted there."""
    op.create_table(
        "warning_channels",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_warning_channels")),
        comment="Where the admins of a server are warned",
    )
    op.create_table(
        "warnings",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("matter", sa.String(16), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("over_ms", sa.BigInteger()),
        sa.Column("text", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "matter", name=op.f("pk_warnings")),
        comment="Warnings that stand, or are over for less than an hour, each with its post; text is a hash of what "
        "that says",
    )
