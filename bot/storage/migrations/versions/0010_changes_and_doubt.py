"""Memories may be doubted, citations may only support, public threads are known, and messages can be read again.

Revision ID: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None

_COMMENTS = {
    "messages": "The message log. Erased means no row. reason: why it was skipped or died, or is read again, never "
    "content.",
    "memories": "Statements. seq keys the full-text index. said_id is the snowflake of the newest message that states "
    "it; doubt_… is a newer message by which it may have changed.",
    "citations": "The messages that a memory stands on; outlive the log's retention. A supporting one only holds a "
    "date, link, command or identifier of it.",
    "channels": "Channels and threads that somebody decided on, or that messages were kept from. observed is NULL "
    "where nobody decided: a public thread then follows its parent. observed_from is the first snowflake that may be "
    "kept. "
    "public is TRUE of threads that are known to be public.",
}


def upgrade() -> None:
    """Add the columns, ask again for answers in the old form, and say of threads what is known."""
    for column in ("doubt_message_id", "doubt_channel_id", "doubt_author_id"):
        op.add_column("memories", sa.Column(column, sa.BigInteger()))
    doubted = sa.text("doubt_message_id IS NOT NULL")
    op.create_index(
        "ix_memories_doubt_message_id",
        "memories",
        ["doubt_message_id"],
        sqlite_where=doubted,
        postgresql_where=doubted,
    )
    op.add_column("citations", sa.Column("supporting", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("channels", sa.Column("public", sa.Boolean()))
    op.drop_index("ix_messages_pending", "messages")
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_messages_pending",
        "messages",
        ["state", "channel_id", "guild_id", "logged_ms", "reason"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
    # nobody can decide on a private thread by its parent: what is kept of a thread nobody decided on is public
    op.execute("UPDATE channels SET public = TRUE WHERE parent_id IS NOT NULL AND observed IS NULL")
    op.execute("UPDATE batches SET state = 'open', answer = NULL, error = NULL WHERE answer IS NOT NULL")
    op.create_table(
        "forgotten_topics",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_forgotten_topics")),
        comment="Messages whose topic was forgotten: no topic is made of them again. A row goes with its message.",
    )
    op.create_table(
        "rereadings",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("read_up_to", sa.BigInteger(), nullable=False),
        sa.Column("up_to", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_rereadings")),
        comment="Channels whose kept messages are read again: between read_up_to and up_to, snowflakes, is still to be "
        "done; messages is how many there were in the beginning.",
    )
    op.create_index("ix_rereadings_guild_id", "rereadings", ["guild_id"])
    if op.get_context().dialect.name != "sqlite":
        for table, comment in _COMMENTS.items():
            op.create_table_comment(table, comment)
