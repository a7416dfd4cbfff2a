"""Servers choose their time zone.

Revision ID: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision: str | None = "0014"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make its column; until a server chooses, TIME_ZONE of the settings holds."""
    op.add_column("rules", sa.Column("zone", sa.String(length=64)))
    if op.get_context().dialect.name != "sqlite":
        op.create_table_comment(
            "rules",
            "What admins decided about whose messages and whose facts are kept, and about the time zone; without a row "
            "the defaults hold, without a zone the bot's own",
        )
