"""Full text on PostgreSQL; SQLite has it from the start.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None

FULL_TEXT = ("message_terms", "memory_terms")
"""Terms of messages (rowid is messages.id) and memories (rowid is memories.seq), and their hashes, to find them by."""


def upgrade() -> None:
    """Build the tables of terms, and the index over their hashes."""
    if op.get_context().dialect.name == "sqlite":
        return
    for table in FULL_TEXT:
        op.create_table(
            table,
            sa.Column("rowid", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column("terms", sa.Text(), nullable=False),
            sa.Column("tokens", postgresql.ARRAY(sa.BigInteger()), nullable=False),
            sa.PrimaryKeyConstraint("rowid", name=f"pk_{table}"),
        )
        op.create_index(f"ix_{table}_tokens", table, ["tokens"], postgresql_using="gin")
