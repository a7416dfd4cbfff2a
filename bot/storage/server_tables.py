"""Tables of what servers and members decided, of what was posted in public, and of what the program counts."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from bot.storage.columns import (
    CHANNEL_ID,
    GUILD_ID,
    MESSAGE_ID,
    NAME,
    NOTHING,
    USER_HASH,
    USER_ID,
)
from bot.storage.table_metadata import RowId, metadata

guilds = Table(
    "guilds",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False, info=GUILD_ID),
    Column("name", Text, nullable=False, server_default="", info=NOTHING),
    Column("joined_ms", BigInteger, nullable=False, info=NOTHING),
    Column("left_ms", BigInteger, info=NOTHING),
    Column("setup_offered_ms", BigInteger, info=NOTHING),
    comment="Servers that the bot is or was in",
)

channels = Table(
    "channels",
    metadata,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False, info=CHANNEL_ID),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("parent_id", BigInteger, info=NOTHING),
    Column("name", Text, nullable=False, server_default="", info=NOTHING),
    Column("observed", Boolean, info=NOTHING),
    Column("decided_by", BigInteger, info=USER_ID),
    Column("decided_ms", BigInteger, info=NOTHING),
    Column("observed_from", BigInteger, info=NOTHING),
    Column("notice_message_id", BigInteger, info=NOTHING),
    Column("notice_channel_id", BigInteger, info=NOTHING),
    Column("checkpoint", BigInteger, nullable=False, server_default="0", info=NOTHING),
    Column("public", Boolean, info=NOTHING),
    Index("ix_channels_guild_id", "guild_id"),
    comment="Channels and threads that somebody decided on, or that messages were kept from. observed is NULL where "
    "nobody decided: a public thread then follows its parent. observed_from is the first snowflake that may be kept. "
    "public is TRUE of threads that are known to be public.",
)

members = Table(
    "members",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False, info=GUILD_ID),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False, info=USER_ID),
    Column("name", Text, nullable=False, info=NAME),
    comment="Display names of people whose messages are kept or cited, for rendering and for finding speakers",
)

consents = Table(
    "consents",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False, info=GUILD_ID),
    Column("subject", String(64), primary_key=True, info=USER_HASH),
    Column("opted_out", Boolean, nullable=False, info=NOTHING),
    Column("opted_in", Boolean, nullable=False, info=NOTHING),
    Column("facts", Boolean, info=NOTHING),
    Column("updated_ms", BigInteger, nullable=False, info=NOTHING),
    comment="Choices of members by keyed hash; guild_id 0 means every server. opted_in counts where a server keeps "
    "only who opted in; facts is NULL where the member did not choose.",
)

rules = Table(
    "rules",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False, info=GUILD_ID),
    Column("consent", String(16), nullable=False, info=NOTHING),
    Column("facts", String(16), nullable=False, info=NOTHING),
    Column("zone", String(64), info=NOTHING),
    comment="What admins decided about whose messages and whose facts are kept, and about the time zone; without a row "
    "the defaults hold, without a zone the bot's own",
)

lifetimes = Table(
    "lifetimes",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False, info=GUILD_ID),
    Column("kind", String(16), primary_key=True, info=NOTHING),
    Column("days", Integer, info=NOTHING),
    comment="How long memories of a kind are kept in a server; NULL is without limit, without a row the default holds",
)

audit = Table(
    "audit",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True, info=NOTHING),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("actor_id", BigInteger, info=USER_ID),
    Column("at_ms", BigInteger, nullable=False, info=NOTHING),
    Column("action", String(32), nullable=False, info=NOTHING),
    Column("channel_id", BigInteger, info=CHANNEL_ID),
    Column("details", Text, nullable=False, info=NOTHING),
    Index("ix_audit_guild_id_seq", "guild_id", "seq"),
    Index("ix_audit_actor_id", "actor_id"),
    sqlite_autoincrement=True,
    comment="What was decided and erased: details are counts and settings as JSON, never content. actor_id is NULL for "
    "the operator, for members about themselves, and for admins who were erased.",
)

corrections = Table(
    "corrections",
    metadata,
    Column("memory_id", String(36), ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True, info=NOTHING),
    Column("author_id", BigInteger, nullable=False, info=USER_ID),
    Column("corrected_ms", BigInteger, nullable=False, info=NOTHING),
    Index("ix_corrections_author_id", "author_id"),
    comment="Who put a memory right; its text is in memories",
)

flags = Table(
    "flags",
    metadata,
    Column("memory_id", String(36), ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True, info=NOTHING),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False, info=USER_ID),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("state", String(16), nullable=False, info=NOTHING),
    Column("asked_ms", BigInteger, nullable=False, info=NOTHING),
    Column("decided_ms", BigInteger, info=NOTHING),
    Index("ix_flags_user_id_guild_id", "user_id", "guild_id"),
    Index("ix_flags_state_asked_ms", "state", "asked_ms"),
    comment="Members who are named in a memory and objected: open (flagged as wrong; it is hidden until that is "
    "decided), kept (decided: it stays as it is), nameless (their name was taken out). Without text.",
)

requests = Table(
    "requests",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True, info=NOTHING),
    Column("user_id", BigInteger, info=USER_ID),
    Column("guild_id", BigInteger, info=GUILD_ID),
    Column("state", String(16), nullable=False, info=NOTHING),
    Column("asked_ms", BigInteger, nullable=False, info=NOTHING),
    Column("receipt", Text, info=NOTHING),
    Column("channel_id", BigInteger, info=CHANNEL_ID),
    Column("up_to", BigInteger, info=NOTHING),
    Column("actor_id", BigInteger, info=USER_ID),
    Column("subject", String(64), info=USER_HASH),
    Column("done_ms", BigInteger, info=NOTHING),
    Index("ix_requests_state_seq", "state", "seq"),
    sqlite_autoincrement=True,
    comment="Erasures that were asked for, until a day after they are done: of a member, a channel or a whole server. "
    "user_id and actor_id go when one is done; subject, a keyed hash, finds its receipt for the member.",
)

digests = Table(
    "digests",
    metadata,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False, info=CHANNEL_ID),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("every", String(8), nullable=False, info=NOTHING),
    Column("hour", Integer, nullable=False, info=NOTHING),
    Column("decided_by", BigInteger, info=USER_ID),
    Column("decided_ms", BigInteger, nullable=False, info=NOTHING),
    Column("covered_ms", BigInteger, nullable=False, info=NOTHING),
    Column("looked_ms", BigInteger, nullable=False, info=NOTHING),
    Column("tried_ms", BigInteger, info=NOTHING),
    Column("attempts", Integer, nullable=False, server_default="0", info=NOTHING),
    Column("next_try_ms", BigInteger, nullable=False, server_default="0", info=NOTHING),
    Index("ix_digests_guild_id", "guild_id"),
    comment="Channels that get a digest. What was said up to covered_ms has been told, by a look at looked_ms; "
    "tried_ms is since when the one that is due is tried, and until next_try_ms somebody is at it, or it rests.",
)

warning_channels = Table(
    "warning_channels",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False, info=GUILD_ID),
    Column("channel_id", BigInteger, nullable=False, info=CHANNEL_ID),
    Column("decided_by", BigInteger, info=USER_ID),
    Column("decided_ms", BigInteger, nullable=False, info=NOTHING),
    comment="Where the admins of a server are warned",
)

warnings = Table(
    "warnings",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False, info=GUILD_ID),
    Column("matter", String(16), primary_key=True, info=NOTHING),
    Column("channel_id", BigInteger, nullable=False, info=CHANNEL_ID),
    Column("message_id", BigInteger, info=NOTHING),
    Column("since_ms", BigInteger, nullable=False, info=NOTHING),
    Column("over_ms", BigInteger, info=NOTHING),
    Column("text", String(64), nullable=False, info=NOTHING),
    comment="Warnings that stand, or are over for less than an hour, each with its post; text is a hash of what that "
    "says",
)

posts = Table(
    "posts",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False, info=NOTHING),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("channel_id", BigInteger, nullable=False, info=CHANNEL_ID),
    Column("asked_id", BigInteger, info=MESSAGE_ID),
    Column("state", String(16), nullable=False, info=NOTHING),
    Column("posted_ms", BigInteger, nullable=False, info=NOTHING),
    Column("due_ms", BigInteger, info=NOTHING),
    Column("attempts", Integer, nullable=False, server_default="0", info=NOTHING),
    Column("next_try_ms", BigInteger, nullable=False, server_default="0", info=NOTHING),
    Column("covers_ms", BigInteger, info=NOTHING),
    Index("ix_posts_guild_id", "guild_id"),
    Index("ix_posts_state_next_try_ms", "state", "next_try_ms"),
    comment="Public messages of the bot: up, to be edited in Discord, or due to be deleted there. asked_id is the "
    "question's snowflake; covers_ms is set of what consists of lines, and is the begin of the time that it tells of.",
)

post_sources = Table(
    "post_sources",
    metadata,
    Column("post_id", BigInteger, ForeignKey("posts.message_id", ondelete="CASCADE"), primary_key=True, info=NOTHING),
    Column("message_id", BigInteger, primary_key=True, autoincrement=False, info=MESSAGE_ID),
    Column("memory_id", String(36), primary_key=True, info=NOTHING),
    Column("channel_id", BigInteger, nullable=False, info=CHANNEL_ID),
    Column("edited_ms", BigInteger, nullable=False, info=NOTHING),
    Column("line", Integer, nullable=False, server_default="0", info=NOTHING),
    Index("ix_post_sources_message_id", "message_id"),
    comment="What a public post stands on: memory_id is empty where the message itself is quoted, edited_ms its last "
    "edit at that time; line is the place of the memory's line where the post consists of lines. Without text.",
)

post_people = Table(
    "post_people",
    metadata,
    Column("post_id", BigInteger, ForeignKey("posts.message_id", ondelete="CASCADE"), primary_key=True, info=NOTHING),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False, info=USER_ID),
    Index("ix_post_people_user_id", "user_id"),
    comment="Whom a public post quotes, names or answers",
)

UNWRITTEN = text("NOT written")
"""Lines that the file of erasures lacks, which are few."""

erasures = Table(
    "erasures",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True, info=NOTHING),
    Column("id", String(32), nullable=False, unique=True, info=NOTHING),
    Column("at_ms", BigInteger, nullable=False, info=NOTHING),
    Column("kind", String(16), nullable=False, info=NOTHING),
    Column("guild_id", BigInteger, info=NOTHING),
    Column("channel_id", BigInteger, info=NOTHING),
    Column("message_id", BigInteger, info=NOTHING),
    Column("memory_id", String(36), info=NOTHING),
    Column("subject", String(64), info=USER_HASH),
    Column("up_to", BigInteger, info=NOTHING),
    Column("value", String(64), info=NOTHING),
    Column("written", Boolean, nullable=False, info=NOTHING),
    Index("ix_erasures_at_ms", "at_ms"),
    Index("ix_erasures_unwritten", "seq", sqlite_where=UNWRITTEN, postgresql_where=UNWRITTEN),
    sqlite_autoincrement=True,
    comment="What must not come back with a backup, for 400 days: ids, snowflakes and keyed hashes, never a text. "
    "written: the file of erasures has it.",
)

usage = Table(
    "usage",
    metadata,
    Column("day", String(10), primary_key=True, info=NOTHING),
    Column("provider", String(32), primary_key=True, info=NOTHING),
    Column("model", String(128), primary_key=True, info=NOTHING),
    Column("purpose", String(32), primary_key=True, info=NOTHING),
    Column("calls", BigInteger, nullable=False, info=NOTHING),
    Column("failures", BigInteger, nullable=False, info=NOTHING),
    Column("prompt_tokens", BigInteger, nullable=False, info=NOTHING),
    Column("completion_tokens", BigInteger, nullable=False, info=NOTHING),
    Column("messages", BigInteger, nullable=False, info=NOTHING),
    Column("seconds", Float, nullable=False, info=NOTHING),
    comment="The cost ledger: what was asked of each model on each UTC day",
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True, info=NOTHING),
    Column("value", Text, nullable=False, info=NOTHING),
    comment="Small facts of this installation: hash key, embedding model and size of the index, command tree hash",
)
