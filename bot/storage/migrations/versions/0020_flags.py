"""Members who are named in a memory have a say.

Revision ID: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision: str | None = "0019"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the table of who objected to being named in which memory."""
    op.create_table(
        "flags",
        sa.Column("memory_id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("memory_id", "user_id", name=op.f("pk_flags")),
        sa.ForeignKeyConstraint(
            ["memory_id"], ["memories.id"], name=op.f("fk_flags_memory_id_memories"), ondelete="CASCADE"
        ),
        comment="Members who are named in a memory and objected: open (flagged as wrong; it is hidden until that is "
        "decided), kept (decided: it stays as it is), nameless (their name was taken out). Without text.",
    )
    op.create_index("ix_flags_user_id_guild_id", "flags", ["user_id", "guild_id"])
    op.create_index("ix_flags_state_asked_ms", "flags", ["state", "asked_ms"])
