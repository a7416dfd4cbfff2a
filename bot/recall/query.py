"""What recall is asked, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Hit

DEFAULT_LIMIT = 10
DEFAULT_CHARS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallQuery:
    """A question, who asks, and where to look.

    Attributes:
        guild_id: only what was said there.
        text: the question in the asker's own words; people as names or `<@user_id>`.
        channel_ids: the channels that the asker may read now; None is unrestricted, for the command line alone.
        asker_id: who "I" and "my" are.
        author_id: only what this member said.
        since: only messages with this snowflake or a newer one.
        until: only messages with this snowflake or an older one.
        earlier: the question before it in the same talk, which says what is left out in this one ("and how much does it
            cost?"); looked for as well.
        asked_at: the snowflake of the moment in which it is asked, from which its relative times are counted; None for
            now, or for that of `until`.
        by_meaning: whether the index may be asked too; else words alone are searched, and nothing is embedded.
        for_answer: whether what an answer may need comes along: behind the rest, messages that share telling words with
            the best ones, and beyond `max_chars` what was said to questions among the messages.
        limit: at most so many hits.
        max_chars: at most so many characters of hits in all, with names in place of references.
    """

    guild_id: int
    text: str
    channel_ids: frozenset[int] | None
    asker_id: int | None = None
    author_id: int | None = None
    since: int | None = None
    until: int | None = None
    earlier: str = ""
    asked_at: int | None = None
    by_meaning: bool = True
    for_answer: bool = False
    limit: int = DEFAULT_LIMIT
    max_chars: int = DEFAULT_CHARS

    def admits(self, message_id: int) -> bool:
        """Whether a message lies between `since` and `until`."""
        return (self.since is None or message_id >= self.since) and (self.until is None or message_id <= self.until)

    @property
    def in_full(self) -> str:
        """The question with the one before it."""
        return f"{self.earlier}\n{self.text}" if self.earlier else self.text

    def may_read(self, channel_ids: frozenset[int]) -> bool:
        """Whether the asker may read every one of these channels."""
        return self.channel_ids is None or channel_ids <= self.channel_ids


@dataclass(frozen=True, slots=True)
class RecallResult:
    """What was found, best first.

    Attributes:
        hits: memories and excerpts.
        notes: one line for each thing that recall had to do without, to be shown beside the hits.
    """

    hits: tuple[Hit, ...]
    notes: tuple[str, ...] = ()
