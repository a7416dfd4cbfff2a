"""All tables. Migrations build them; a test compares the two.

Snowflakes are BIGINT. Local times are milliseconds since 1970 and serve retention, leases and retries only; the order
and time of what was said come from snowflakes.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

RowId = BigInteger().with_variant(Integer(), "sqlite")
"""An integer key that is never given twice on either database (SQLite numbers only INTEGER PRIMARY KEY by itself)."""

guilds = Table(
    "guilds",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("joined_ms", BigInteger, nullable=False),
    Column("left_ms", BigInteger),
    Column("setup_offered_ms", BigInteger),
    comment="Servers that the bot is or was in",
)

channels = Table(
    "channels",
    metadata,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger, nullable=False),
    Column("parent_id", BigInteger),
    Column("name", Text, nullable=False, server_default=""),
    Column("observed", Boolean),
    Column("decided_by", BigInteger),
    Column("decided_ms", BigInteger),
    Column("observed_from", BigInteger),
    Column("notice_message_id", BigInteger),
    Column("notice_channel_id", BigInteger),
    Column("checkpoint", BigInteger, nullable=False, server_default="0"),
    Index("ix_channels_guild_id", "guild_id"),
    comment="Channels and threads that somebody decided on, or that messages were kept from. observed is NULL where "
    "nobody decided: a public thread then follows its parent. observed_from is the first snowflake that may be kept.",
)

members = Table(
    "members",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    comment="Display names of people whose messages are kept or cited, for rendering and for finding speakers",
)

PENDING = text("state = 'pending'")
"""What waits for extraction, said so that its index serves: with a parameter no database can tell that it does."""

messages = Table(
    "messages",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("author_id", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    Column("reply_to", BigInteger),
    Column("edited_ms", BigInteger),
    Column("logged_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("batch_id", String(36)),
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
        sqlite_where=PENDING,
        postgresql_where=PENDING,
    ),
    comment="The message log. Erased means no row. reason: why it was skipped or died, never content.",
)

memories = Table(
    "memories",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("superseded_by", String(36)),
    Column("said_id", BigInteger, nullable=False),
    Column("batch_id", String(36)),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Index("ix_memories_guild_id_said_id", "guild_id", "said_id"),
    Index("ix_memories_superseded_by", "superseded_by"),
    Index("ix_memories_batch_id", "batch_id"),
    Index("ix_memories_guild_id_created_ms", "guild_id", "created_ms"),
    sqlite_autoincrement=True,
    comment="Statements. seq keys the full-text index. said_id is the newest cited message's snowflake.",
)

citations = Table(
    "citations",
    metadata,
    Column("memory_id", String(36), ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True),
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("author_id", BigInteger, nullable=False),
    Index("ix_citations_message_id", "message_id"),
    Index("ix_citations_author_id", "author_id"),
    Index("ix_citations_channel_id", "channel_id"),
    comment="The messages that a memory stands on; outlive the log's retention",
)

batches = Table(
    "batches",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("answer", Text),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try_ms", BigInteger, nullable=False, server_default="0"),
    Column("error", Text),
    Column("created_ms", BigInteger, nullable=False),
    Index("ix_batches_channel_id_created_ms", "channel_id", "created_ms"),
    comment="One model call's worth of messages in hand (messages.batch_id points here): open (to ask), answered "
    "(validated answer kept, to apply). An applied batch has no row. failures counts unusable answers, attempts "
    "every try.",
)

leases = Table(
    "leases",
    metadata,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False),
    Column("owner", String(64), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    comment="Who works on a channel's messages; one at a time, so their order holds",
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True),
    Column("memory_id", String(36), nullable=False),
    Column("op", String(8), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try_ms", BigInteger, nullable=False, server_default="0"),
    Column("error", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("message_id", BigInteger),
    Index("ix_outbox_memory_id", "memory_id"),
    Index("ix_outbox_next_try_ms_seq", "next_try_ms", "seq"),
    sqlite_autoincrement=True,
    comment="What the vector index has yet to learn: op is upsert or delete, memory_id the point. message_id is set "
    "where it is a message's.",
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("created_ms", BigInteger, nullable=False),
    Index("ix_tombstones_created_ms", "created_ms"),
    comment="Deleted messages that must not come back by a late event, a backfill or a replay",
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(64), primary_key=True),
    Column("up_to", BigInteger, nullable=False),
    comment="Nothing up to this snowflake may be kept: subject is a keyed hash of a user id, or channel:<id>, or guild",
)

consents = Table(
    "consents",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(64), primary_key=True),
    Column("opted_out", Boolean, nullable=False),
    Column("opted_in", Boolean, nullable=False),
    Column("facts", Boolean),
    Column("updated_ms", BigInteger, nullable=False),
    comment="Choices of members by keyed hash; guild_id 0 means every server. opted_in counts where a server keeps "
    "only who opted in; facts is NULL where the member did not choose.",
)

rules = Table(
    "rules",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("consent", String(16), nullable=False),
    Column("facts", String(16), nullable=False),
    comment="What admins decided about whose messages and whose facts are kept; without a row the defaults hold",
)

lifetimes = Table(
    "lifetimes",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), primary_key=True),
    Column("days", Integer),
    comment="How long memories of a kind are kept in a server; NULL is without limit, without a row the default holds",
)

audit = Table(
    "audit",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("actor_id", BigInteger),
    Column("at_ms", BigInteger, nullable=False),
    Column("action", String(32), nullable=False),
    Column("channel_id", BigInteger),
    Column("details", Text, nullable=False),
    Index("ix_audit_guild_id_seq", "guild_id", "seq"),
    Index("ix_audit_actor_id", "actor_id"),
    sqlite_autoincrement=True,
    comment="What was decided and erased: details are counts and settings as JSON, never content. actor_id is NULL for "
    "the operator, for members about themselves, and for admins who were erased.",
)

corrections = Table(
    "corrections",
    metadata,
    Column("memory_id", String(36), ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True),
    Column("author_id", BigInteger, nullable=False),
    Column("corrected_ms", BigInteger, nullable=False),
    Index("ix_corrections_author_id", "author_id"),
    comment="Who put a memory right; its text is in memories",
)

requests = Table(
    "requests",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True),
    Column("user_id", BigInteger),
    Column("guild_id", BigInteger),
    Column("state", String(16), nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("receipt", Text),
    Index("ix_requests_state_seq", "state", "seq"),
    sqlite_autoincrement=True,
    comment="Erasures that the command line hands to the running bot; user_id goes when it is done",
)

posts = Table(
    "posts",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("asked_id", BigInteger),
    Column("state", String(16), nullable=False),
    Column("posted_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try_ms", BigInteger, nullable=False, server_default="0"),
    Index("ix_posts_guild_id", "guild_id"),
    Index("ix_posts_state_next_try_ms", "state", "next_try_ms"),
    comment="Public messages of the bot: up, or due to be deleted in Discord. asked_id is the question's snowflake.",
)

post_sources = Table(
    "post_sources",
    metadata,
    Column("post_id", BigInteger, ForeignKey("posts.message_id", ondelete="CASCADE"), primary_key=True),
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("memory_id", String(36), primary_key=True),
    Column("channel_id", BigInteger, nullable=False),
    Column("edited_ms", BigInteger, nullable=False),
    Index("ix_post_sources_message_id", "message_id"),
    comment="What a public post stands on: memory_id is empty where the message itself is quoted, edited_ms its last "
    "edit at that time. Without text.",
)

post_people = Table(
    "post_people",
    metadata,
    Column("post_id", BigInteger, ForeignKey("posts.message_id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Index("ix_post_people_user_id", "user_id"),
    comment="Whom a public post quotes, names or answers",
)

usage = Table(
    "usage",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("provider", String(32), primary_key=True),
    Column("model", String(128), primary_key=True),
    Column("purpose", String(32), primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    comment="The cost ledger: what was asked of each model on each UTC day",
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    comment="Small facts of this installation: hash key, embedding model and size of the index, command tree hash",
)
