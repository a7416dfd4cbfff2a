"""Every erasure that is asked for is noted first, so that one which is interrupted is finished.

Revision ID: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None

_COMMENT = (
    "Erasures that were asked for, until a day after they are done: of a member, a channel or a whole server. "
    "user_id and actor_id go when one is done; subject, a keyed hash, finds its receipt for the member."
)


def upgrade() -> None:
    """Say what else may be asked for, by whom, and when it was done."""
    for column in ("channel_id", "up_to", "actor_id", "done_ms"):
        if column == "done_ms":
            op.add_column("requests", sa.Column("subject", sa.String(length=64)))
        op.add_column("requests", sa.Column(column, sa.BigInteger()))
    op.execute("UPDATE requests SET done_ms = asked_ms WHERE state = 'done'")
    if op.get_context().dialect.name != "sqlite":
        op.create_table_comment("requests", _COMMENT)
