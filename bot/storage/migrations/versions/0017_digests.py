"""Channels that get a digest, and public posts that consist of lines.

Revision ID: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision: str | None = "0016"
branch_labels: str | None = None
depends_on: str | None = None

_COMMENTS = {
    "posts": "Public messages of the bot: up, to be edited in Discord, or due to be deleted there. asked_id is the "
    "question's snowflake; covers_ms is set of what consists of lines, and is the begin of the time that it tells of.",
    "post_sources": "What a public post stands on: memory_id is empty where the message itself is quoted, edited_ms "
    "its last edit at that time; line is the place of the memory's line where the post consists of lines. Without "
    "text.",
}


def upgrade() -> None:
    """Make the table, and the columns by which a post has lines; those that stand have none."""
    op.create_table(
        "digests",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("every", sa.String(8), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.Column("covered_ms", sa.BigInteger(), nullable=False),
        sa.Column("looked_ms", sa.BigInteger(), nullable=False),
        sa.Column("tried_ms", sa.BigInteger()),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_digests")),
        comment="Channels that get a digest. What was said up to covered_ms has been told, by a look at looked_ms; "
        "tried_ms is since when the one that is due is tried, and until next_try_ms somebody is at it, or it rests.",
    )
    op.create_index("ix_digests_guild_id", "digests", ["guild_id"])
    op.add_column("posts", sa.Column("covers_ms", sa.BigInteger()))
    op.add_column("post_sources", sa.Column("line", sa.Integer(), server_default="0", nullable=False))
    if op.get_context().dialect.name != "sqlite":
        for table, comment in _COMMENTS.items():
            op.create_table_comment(table, comment)
