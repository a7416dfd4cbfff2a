"""The first schema: message log, memories, work queue, consent, costs, and full text.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

FULL_TEXT = ("message_terms", "memory_terms")
"""Words of messages (rowid is messages.id) and of memories (rowid is memories.seq), stemmed in Python."""


def upgrade() -> None:
    """Build everything."""
    tables()
    if op.get_context().dialect.name == "sqlite":
        sqlite_full_text()


def sqlite_full_text() -> None:
    """The full-text tables; with secure-delete, words of erased rows are overwritten and not only marked."""
    for table in FULL_TEXT:
        op.execute(
            f"CREATE VIRTUAL TABLE {table} "
            "USING fts5(terms, tokenize=\"unicode61 remove_diacritics 0 tokenchars '_'\", detail=full)"
        )
        op.execute(f"INSERT INTO {table}({table}, rank) VALUES('secure-delete', 1)")


def tables() -> None:
    """The tables and their indexes."""
    op.create_table(
        "batches",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        comment="One model call's worth of messages in hand (messages.batch_id points here): open (to ask), answered "
        "(validated answer kept, to apply). An applied batch has no row. failures counts unusable answers, "
        "attempts every try.",
    )
    op.create_index("ix_batches_channel_id_created_ms", "batches", ["channel_id", "created_ms"])
    op.create_table(
        "channels",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("observed", sa.Boolean(), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_ms", sa.BigInteger(), nullable=True),
        sa.Column("observed_from", sa.BigInteger(), nullable=True),
        sa.Column("notice_message_id", sa.BigInteger(), nullable=True),
        sa.Column("notice_channel_id", sa.BigInteger(), nullable=True),
        sa.Column("checkpoint", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_channels")),
        comment="Channels and threads that somebody decided on, or that messages were kept from. observed is NULL "
        "where nobody decided: a public thread then follows its parent. observed_from is the first snowflake "
        "that may be kept.",
    )
    op.create_index("ix_channels_guild_id", "channels", ["guild_id"])
    op.create_table(
        "consents",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "subject", name=op.f("pk_consents")),
        comment="Choices of members by keyed hash; guild_id 0 means every server",
    )
    op.create_table(
        "guilds",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("joined_ms", sa.BigInteger(), nullable=False),
        sa.Column("left_ms", sa.BigInteger(), nullable=True),
        sa.Column("setup_offered_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_guilds")),
        comment="Servers that the bot is or was in",
    )
    op.create_table(
        "leases",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_leases")),
        comment="Who works on a channel's messages; one at a time, so their order holds",
    )
    op.create_table(
        "members",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "user_id", name=op.f("pk_members")),
        comment="Display names of people whose messages are kept or cited, for rendering and for finding speakers",
    )
    op.create_table(
        "memories",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("superseded_by", sa.String(length=36), nullable=True),
        sa.Column("said_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_memories")),
        sa.UniqueConstraint("id", name=op.f("uq_memories_id")),
        comment="Statements. seq keys the full-text index. said_id is the newest cited message's snowflake.",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_memories_batch_id", "memories", ["batch_id"])
    op.create_index("ix_memories_guild_id_said_id", "memories", ["guild_id", "said_id"])
    op.create_index("ix_memories_superseded_by", "memories", ["superseded_by"])
    op.create_table(
        "messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.BigInteger(), nullable=True),
        sa.Column("edited_ms", sa.BigInteger(), nullable=True),
        sa.Column("logged_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        comment="The message log. Erased means no row. reason: why it was skipped or died, never content.",
    )
    op.create_index("ix_messages_author_id_guild_id", "messages", ["author_id", "guild_id"])
    op.create_index("ix_messages_batch_id", "messages", ["batch_id"])
    op.create_index("ix_messages_channel_id_id", "messages", ["channel_id", "id"])
    op.create_index("ix_messages_logged_ms", "messages", ["logged_ms"])
    op.create_index("ix_messages_state_channel_id_id", "messages", ["state", "channel_id", "id"])
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
        comment="Small facts of this installation: hash key, embedding model and size of the index, command tree hash",
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("memory_id", sa.String(length=36), nullable=False),
        sa.Column("op", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        comment="What the vector index has yet to learn: op is upsert or delete",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_memory_id", "outbox", ["memory_id"])
    op.create_index("ix_outbox_next_try_ms_seq", "outbox", ["next_try_ms", "seq"])
    op.create_table(
        "tombstones",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_tombstones")),
        comment="Deleted messages that must not come back by a late event, a backfill or a replay",
    )
    op.create_index("ix_tombstones_created_ms", "tombstones", ["created_ms"])
    op.create_table(
        "usage",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("day", "provider", "model", "purpose", name=op.f("pk_usage")),
        comment="The cost ledger: what was asked of each model on each UTC day",
    )
    op.create_table(
        "watermarks",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("up_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "subject", name=op.f("pk_watermarks")),
        comment="Nothing up to this snowflake may be kept: subject is a keyed hash of a user id, or channel:<id>, or "
        "guild",
    )
    op.create_table(
        "citations",
        sa.Column("memory_id", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["memory_id"], ["memories.id"], name=op.f("fk_citations_memory_id_memories"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("memory_id", "message_id", name=op.f("pk_citations")),
        comment="The messages that a memory stands on; outlive the log's retention",
    )
    op.create_index("ix_citations_author_id", "citations", ["author_id"])
    op.create_index("ix_citations_channel_id", "citations", ["channel_id"])
    op.create_index("ix_citations_message_id", "citations", ["message_id"])
