"""The words of this program: messages, memories, citations, hits.

Times are derived from snowflakes wherever there is one. Speakers are Discord user ids; names are looked up at display.
Text of messages and memories refers to people as `<@user_id>`, never by a name that could change or be forged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.domain import snowflake

MAX_CONTENT = 8_000
"""Longest text kept of one message: Discord's 4,000 characters, twice, for one that forwards another."""


class MessageState(StrEnum):
    """Where a logged message stands. Erased messages have no row."""

    PENDING = "pending"
    EXTRACTED = "extracted"
    SKIPPED = "skipped"
    DEAD = "dead"


class MemoryKind(StrEnum):
    """What a memory is about."""

    DECISION = "decision"
    PLAN = "plan"
    ANSWER = "answer"
    LINK = "link"
    QUESTION = "question"  # asked, and not answered yet
    TOPIC = "topic"  # one line on a whole conversation
    FACT = "fact"
    PREFERENCE = "preference"
    NOTE = "note"  # kept on purpose with /remember


PERSONAL_KINDS = frozenset({MemoryKind.FACT, MemoryKind.PREFERENCE})
"""Kept only of members who switched that on."""


class MemoryState(StrEnum):
    """Whether a memory holds now."""

    CURRENT = "current"
    SUPERSEDED = "superseded"


class MemoryOrigin(StrEnum):
    """How a memory came to be."""

    EXTRACTED = "extracted"
    REMEMBERED = "remembered"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a person in an observed channel, as it is kept in the log.

    Attributes:
        id: its snowflake, which is also its time.
        channel_id: the channel or thread in which it was said.
        content: what was said: text, then one line each for attachments, polls, stickers, forwarded messages.
        reply_to: snowflake of the message that it answers.
        edited_at: time of the last edit.
    """

    id: int
    guild_id: int
    channel_id: int
    author_id: int
    content: str
    reply_to: int | None = None
    edited_at: datetime | None = None

    @property
    def created_at(self) -> datetime:
        """When it was said (UTC)."""
        return snowflake.to_datetime(self.id)


@dataclass(frozen=True, slots=True)
class Citation:
    """A message that a memory stands on. Who said it follows from here and from nowhere else.

    Attributes:
        supporting: it only holds a date, link, command or identifier of the statement. It counts for permissions and
            links, never as author or speaker, and keeps no memory alive.
    """

    message_id: int
    channel_id: int
    author_id: int
    supporting: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """A newer message by which a memory may have changed, without anything that replaces it."""

    message_id: int
    channel_id: int
    author_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A short self-contained statement with the messages that it stands on.

    Attributes:
        id: UUID as text; made by us, stable over re-indexing.
        text: the statement; people appear as `<@user_id>`.
        citations: oldest first; at least one of them states it.
        version: counts changes, so that the index can tell an old write from a new one.
        superseded_by: id of the memory that replaced this one.
        doubt: the message by which it may have changed.
    """

    id: str
    guild_id: int
    kind: MemoryKind
    text: str
    citations: tuple[Citation, ...]
    state: MemoryState = MemoryState.CURRENT
    origin: MemoryOrigin = MemoryOrigin.EXTRACTED
    version: int = 1
    superseded_by: str | None = None
    doubt: Doubt | None = None

    @property
    def stating(self) -> tuple[Citation, ...]:
        """The citations that say it, oldest first."""
        return tuple(citation for citation in self.citations if not citation.supporting)

    @property
    def newest(self) -> Citation:
        """Where it was said last."""
        return self.stating[-1]

    @property
    def anchor(self) -> Citation:
        """The message to jump to: where it was said last, and of a topic where the conversation began."""
        return self.stating[0] if self.kind is MemoryKind.TOPIC else self.newest

    @property
    def channel_id(self) -> int:
        """Where it was said last."""
        return self.newest.channel_id

    @property
    def channel_ids(self) -> frozenset[int]:
        """Every channel that it cites; the asker must be able to read all of them."""
        return frozenset(c.channel_id for c in self.citations)

    @property
    def author_ids(self) -> tuple[int, ...]:
        """Its speakers, in order of the first message of each that states it."""
        return tuple(dict.fromkeys(c.author_id for c in self.stating))

    @property
    def said_at(self) -> datetime:
        """When the newest message that states it was said (UTC)."""
        return snowflake.to_datetime(self.newest.message_id)

    def seen_by(self, channel_ids: frozenset[int] | None) -> Memory:
        """The memory as it may be shown to whoever reads these channels (None: all): without a doubt from elsewhere."""
        if self.doubt is None or channel_ids is None or self.doubt.channel_id in channel_ids:
            return self
        return replace(self, doubt=None)


@dataclass(frozen=True, slots=True)
class Line:
    """One message inside an excerpt.

    Attributes:
        reply_to: the message that it answers, where that is known.
    """

    message_id: int
    author_id: int
    content: str
    reply_to: int | None = None


class HitKind(StrEnum):
    """What a hit is."""

    MEMORY = "memory"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One thing that recall found.

    Attributes:
        kind: a memory, or an excerpt of the conversation around the best message.
        text: the memory's statement, or the excerpt as speaker-labelled lines; people as `<@user_id>`.
        score: larger is better; comparable within one answer only.
        message_ids: what it cites (memory) or quotes (excerpt), oldest first.
        channel_ids: every channel that those messages are in.
        anchor: message to jump to.
        lines: the excerpt's messages; empty for a memory.
        memory: the memory; None for an excerpt.
        strength: how much of the strength of the best hit it has, 0 to 1.
    """

    kind: HitKind
    text: str
    score: float
    guild_id: int
    channel_ids: frozenset[int]
    message_ids: tuple[int, ...]
    author_ids: tuple[int, ...]
    anchor: int
    anchor_channel_id: int
    lines: tuple[Line, ...] = ()
    memory: Memory | None = None
    strength: float = 1.0

    def around_anchor(self, count: int) -> tuple[Line, ...]:
        """At most `count` lines of the excerpt, the one to jump to in their middle where there are enough."""
        at = next((place for place, line in enumerate(self.lines) if line.message_id == self.anchor), 0)
        first = max(0, min(at - count // 2, len(self.lines) - count))
        return self.lines[first : first + count]

    @property
    def created_at(self) -> datetime:
        """When the anchor message was said (UTC)."""
        return snowflake.to_datetime(self.anchor)
