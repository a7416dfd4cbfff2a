"""How many memories each server made lately is told without reading all of them.

Revision ID: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Order the memories of each server by the time at which they were made."""
    op.create_index("ix_memories_guild_id_created_ms", "memories", ["guild_id", "created_ms"])
