"""Whose the index on a Qdrant server is.

Revision ID: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision: str | None = "0017"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the tables; the installation gets its id when its index is opened."""
    op.create_table(
        "index_owner",
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("installation", sa.String(12), nullable=False),
        sa.Column("standing", sa.String(16), nullable=False),
        sa.Column("term", sa.Integer(), server_default="0", nullable=False),
        sa.Column("latest_run", sa.String(12)),
        sa.Column("take_over", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_index_owner")),
        comment="One row: the id that this installation's collections and points carry on a Qdrant server, and how it "
        "stands there; latest_run is the run whose number is the newest in index_numbers, and take_over asks to "
        "become the holder at the next look.",
    )
    op.create_table(
        "index_numbers",
        sa.Column("run", sa.String(12), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_index_numbers")),
        comment="The numbers that this database ever wrote to its index on a Qdrant server: of each run all up to "
        "counter. Kept for good.",
    )
