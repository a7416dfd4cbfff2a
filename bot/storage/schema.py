"""All tables. Migrations build them; a test compares the two.

Snowflakes are BIGINT. Local times are milliseconds since 1970 and serve retention, leases and retries only; the order
and time of what was said come from snowflakes. Every column says by its `info` what it holds (bot/storage/columns.py).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    text,
)

from bot.storage.columns import (
    CHANNEL_ID,
    GUILD_ID,
    MESSAGE_ID,
    NOTHING,
    SAID,
    TAKEN_IN,
    USER_HASH,
    USER_ID,
)
from bot.storage.server_tables import *  # noqa: F403 - every table: a new one needs no line here
from bot.storage.table_metadata import RowId
from bot.storage.table_metadata import metadata as metadata  # with all tables, for migrations and tests

PENDING = text("state = 'pending'")
"""What waits for extraction, said so that its index serves: with a parameter no database can tell that it does."""

messages = Table(
    "messages",
    metadata,
    Column(
        "id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False, info=MESSAGE_ID
    ),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("channel_id", BigInteger, nullable=False, info=CHANNEL_ID),
    Column("author_id", BigInteger, nullable=False, info=USER_ID),
    Column("content", Text, nullable=False, info=SAID),
    Column("reply_to", BigInteger, info=NOTHING),
    Column("edited_ms", BigInteger, info=NOTHING),
    Column("logged_ms", BigInteger, nullable=False, info=TAKEN_IN),
    Column("state", String(16), nullable=False, info=NOTHING),
    Column("reason", Text, info=NOTHING),
    Column("batch_id", String(36), info=NOTHING),
    Index("ix_messages_channel_id_id", "channel_id", "id"),
    Index("ix_messages_author_id_guild_id", "author_id", "guild_id"),
    Index("ix_messages_logged_ms", "logged_ms"),
    Index("ix_messages_state_channel_id_id", "state", "channel_id", "id"),
    Index("ix_messages_batch_id", "batch_id"),
    Index(
        "ix_messages_pending",
        "state",
        "channel_id",
        "guild_id",
        "logged_ms",
        "reason",
        sqlite_where=PENDING,
        postgresql_where=PENDING,
    ),
    comment="The message log. Erased means no row. reason: why it was skipped or died, or is read again, never "
    "content.",
)

imports = Table(
    "imports",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False, info=MESSAGE_ID),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("channel_id", BigInteger, nullable=False, info=CHANNEL_ID),
    Index("ix_imports_channel_id_message_id", "channel_id", "message_id"),
    comment="Messages that a replayed export brought, and that the bot has not read itself. A row stays as long as its "
    "message is in the log or cited.",
)

DOUBTED = text("doubt_message_id IS NOT NULL")
"""Memories that may have changed, which are few."""

memories = Table(
    "memories",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True, info=NOTHING),
    Column("id", String(36), nullable=False, unique=True, info=NOTHING),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("kind", String(16), nullable=False, info=NOTHING),
    Column("text", Text, nullable=False, info=SAID),
    Column("state", String(16), nullable=False, info=NOTHING),
    Column("origin", String(16), nullable=False, info=NOTHING),
    Column("version", Integer, nullable=False, info=NOTHING),
    Column("superseded_by", String(36), info=NOTHING),
    Column("said_id", BigInteger, nullable=False, info=NOTHING),
    Column("batch_id", String(36), info=NOTHING),
    Column("created_ms", BigInteger, nullable=False, info=NOTHING),
    Column("updated_ms", BigInteger, nullable=False, info=NOTHING),
    Column("doubt_message_id", BigInteger, info=MESSAGE_ID),
    Column("doubt_channel_id", BigInteger, info=CHANNEL_ID),
    Column("doubt_author_id", BigInteger, info=USER_ID),
    Index("ix_memories_guild_id_said_id", "guild_id", "said_id"),
    Index("ix_memories_superseded_by", "superseded_by"),
    Index("ix_memories_batch_id", "batch_id"),
    Index("ix_memories_guild_id_created_ms", "guild_id", "created_ms"),
    Index(
        "ix_memories_doubt_message_id",
        "doubt_message_id",
        sqlite_where=DOUBTED,
        postgresql_where=DOUBTED,
    ),
    sqlite_autoincrement=True,
    comment="Statements. seq keys the full-text index. said_id is the snowflake of the newest message that states it; "
    "doubt_… is a newer message by which it may have changed.",
)

citations = Table(
    "citations",
    metadata,
    Column("memory_id", String(36), ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True, info=NOTHING),
    Column("message_id", BigInteger, primary_key=True, autoincrement=False, info=MESSAGE_ID),
    Column("channel_id", BigInteger, nullable=False, info=CHANNEL_ID),
    Column("author_id", BigInteger, nullable=False, info=USER_ID),
    Column("supporting", Boolean, nullable=False, server_default=false(), info=NOTHING),
    Index("ix_citations_message_id", "message_id"),
    Index("ix_citations_author_id", "author_id"),
    Index("ix_citations_channel_id", "channel_id"),
    comment="The messages that a memory stands on; outlive the log's retention. A supporting one only holds a date, "
    "link, command or identifier of it.",
)

forgotten_topics = Table(
    "forgotten_topics",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False, info=MESSAGE_ID),
    comment="Messages whose topic was forgotten: no topic is made of them again. A row goes with its message.",
)

batches = Table(
    "batches",
    metadata,
    Column("id", String(36), primary_key=True, info=NOTHING),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("channel_id", BigInteger, nullable=False, info=CHANNEL_ID),
    Column("state", String(16), nullable=False, info=NOTHING),
    Column("answer", Text, info=SAID),
    Column("failures", Integer, nullable=False, server_default="0", info=NOTHING),
    Column("attempts", Integer, nullable=False, server_default="0", info=NOTHING),
    Column("next_try_ms", BigInteger, nullable=False, server_default="0", info=NOTHING),
    Column("error", Text, info=NOTHING),
    Column("created_ms", BigInteger, nullable=False, info=NOTHING),
    Index("ix_batches_channel_id_created_ms", "channel_id", "created_ms"),
    comment="One model call's worth of messages in hand (messages.batch_id points here): open (to ask), answered "
    "(validated answer kept, to apply). An applied batch has no row. failures counts unusable answers, attempts "
    "every try.",
)

leases = Table(
    "leases",
    metadata,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False, info=NOTHING),
    Column("owner", String(64), nullable=False, info=NOTHING),
    Column("expires_ms", BigInteger, nullable=False, info=NOTHING),
    comment="Who works on a channel's messages; one at a time, so their order holds",
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True, info=NOTHING),
    Column("memory_id", String(36), nullable=False, info=NOTHING),
    Column("op", String(8), nullable=False, info=NOTHING),
    Column("attempts", Integer, nullable=False, server_default="0", info=NOTHING),
    Column("next_try_ms", BigInteger, nullable=False, server_default="0", info=NOTHING),
    Column("error", Text, info=NOTHING),
    Column("created_ms", BigInteger, nullable=False, info=NOTHING),
    Column("message_id", BigInteger, info=MESSAGE_ID),
    Index("ix_outbox_memory_id", "memory_id"),
    Index("ix_outbox_next_try_ms_seq", "next_try_ms", "seq"),
    sqlite_autoincrement=True,
    comment="What the vector index has yet to learn: op is upsert or delete, memory_id the point. message_id is set "
    "where it is a message's.",
)

index_owner = Table(
    "index_owner",
    metadata,
    Column("row", Integer, primary_key=True, autoincrement=False, info=NOTHING),
    Column("installation", String(12), nullable=False, info=NOTHING),
    Column("standing", String(16), nullable=False, info=NOTHING),
    Column("term", Integer, nullable=False, server_default="0", info=NOTHING),
    Column("latest_run", String(12), info=NOTHING),
    Column("take_over", Boolean, nullable=False, server_default=false(), info=NOTHING),
    comment="One row: the id that this installation's collections and points carry on a Qdrant server, and how it "
    "stands there; latest_run is the run whose number is the newest in index_numbers, and take_over asks to "
    "become the holder at the next look.",
)

index_numbers = Table(
    "index_numbers",
    metadata,
    Column("run", String(12), primary_key=True, info=NOTHING),
    Column("counter", BigInteger, nullable=False, info=NOTHING),
    comment="The numbers that this database ever wrote to its index on a Qdrant server: of each run all up to "
    "counter. Kept for good.",
)

set_aside = Table(
    "set_aside",
    metadata,
    Column("part", String(16), primary_key=True, info=NOTHING),
    Column("item", String(64), primary_key=True, info=NOTHING),
    Column("guild_id", BigInteger, info=GUILD_ID),
    Column("channel_id", BigInteger, info=CHANNEL_ID),
    Column("message_id", BigInteger, info=MESSAGE_ID),
    Column("author_id", BigInteger, info=USER_ID),
    Column("memory_id", String(36), ForeignKey("memories.id", ondelete="CASCADE"), info=NOTHING),
    Column("reason", Text, nullable=False, info=NOTHING),
    Column("basis", Text, nullable=False, info=NOTHING),
    Column("tries", Integer, nullable=False, server_default="0", info=NOTHING),
    Column("next_try_ms", BigInteger, info=NOTHING),
    Column("since_ms", BigInteger, nullable=False, info=NOTHING),
    Index("ix_set_aside_message_id", "message_id"),
    Index("ix_set_aside_memory_id", "memory_id"),
    Index("ix_set_aside_author_id", "author_id"),
    comment="What a part could not deal with while it could deal with all else: ids and a reason, never a text. basis "
    "is what that hangs on; next_try_ms is NULL where only a change of it can help.",
)

rereadings = Table(
    "rereadings",
    metadata,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False, info=CHANNEL_ID),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("read_up_to", BigInteger, nullable=False, info=NOTHING),
    Column("up_to", BigInteger, nullable=False, info=NOTHING),
    Column("messages", Integer, nullable=False, info=NOTHING),
    Index("ix_rereadings_guild_id", "guild_id"),
    comment="Channels whose kept messages are read again: between read_up_to and up_to, snowflakes, is still to be "
    "done; messages is how many there were in the beginning.",
)

awaited = Table(
    "awaited",
    metadata,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False, info=CHANNEL_ID),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("asked_ms", BigInteger, nullable=False, info=TAKEN_IN),
    comment="Channels whose waiting messages somebody wanted to know of: what was logged up to asked_ms is read next",
)

refusals = Table(
    "refusals",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False, info=GUILD_ID),
    Column("day_ms", BigInteger, primary_key=True, autoincrement=False, info=TAKEN_IN),
    Column("reason", String(64), primary_key=True, info=NOTHING),
    Column("number", Integer, nullable=False, info=NOTHING),
    comment="How many statements of a model were not kept, by reason; day_ms is the begin of the UTC day",
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False, info=MESSAGE_ID),
    Column("created_ms", BigInteger, nullable=False, info=NOTHING),
    Index("ix_tombstones_created_ms", "created_ms"),
    comment="Deleted messages that must not come back by a late event, a backfill or a replay",
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False, info=GUILD_ID),
    Column("subject", String(64), primary_key=True, info=USER_HASH),
    Column("up_to", BigInteger, nullable=False, info=NOTHING),
    comment="Nothing up to this snowflake may be kept: subject is a keyed hash of a user id, or channel:<id>, or guild",
)
