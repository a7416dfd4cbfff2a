"""Public posts of the bot, what they stand on, and whom they name.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Build the three tables and their indexes."""
    op.create_table(
        "posts",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("posted_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_posts")),
        comment="Public messages of the bot: up, or due to be deleted in Discord. asked_id is the question's "
        "snowflake.",
    )
    op.create_index("ix_posts_guild_id", "posts", ["guild_id"])
    op.create_index("ix_posts_state_next_try_ms", "posts", ["state", "next_try_ms"])
    op.create_table(
        "post_sources",
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("memory_id", sa.String(length=36), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("edited_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("post_id", "message_id", "memory_id", name=op.f("pk_post_sources")),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.message_id"], name=op.f("fk_post_sources_post_id_posts"), ondelete="CASCADE"
        ),
        comment="What a public post stands on: memory_id is empty where the message itself is quoted, edited_ms its "
        "last edit at that time. Without text.",
    )
    op.create_index("ix_post_sources_message_id", "post_sources", ["message_id"])
    op.create_table(
        "post_people",
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("post_id", "user_id", name=op.f("pk_post_people")),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.message_id"], name=op.f("fk_post_people_post_id_posts"), ondelete="CASCADE"
        ),
        comment="Whom a public post quotes, names or answers",
    )
    op.create_index("ix_post_people_user_id", "post_people", ["user_id"])
