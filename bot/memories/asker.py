"""Who asks about memories, and what they may do with one."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Memory, people_in


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and what they may do at this moment.

    Attributes:
        readable: channels and threads that they can read (View Channel and Read Message History).
        moderated: channels and threads in which they have Manage Messages.
    """

    user_id: int
    guild_id: int
    readable: frozenset[int] = frozenset()
    moderated: frozenset[int] = frozenset()

    def may_remove(self, memory: Memory) -> bool:
        """Whether they may remove it whole: sole cited author, or moderator of every cited channel."""
        return memory.author_ids == (self.user_id,) or memory.channel_ids <= self.moderated & self.readable

    def may_correct(self, memory: Memory) -> bool:
        """Whether it says what they said and nobody else, where they can read."""
        own = memory.guild_id == self.guild_id and memory.author_ids == (self.user_id,)
        return own and memory.channel_ids <= self.readable

    def may_decide(self, memory: Memory) -> bool:
        """Whether a flag is theirs to decide: they said some of it, or moderate where it was said, and can read it."""
        here = memory.guild_id == self.guild_id and memory.channel_ids <= self.readable
        return here and (self.user_id in memory.author_ids or memory.channel_ids <= self.moderated)

    def is_named(self, memory: Memory) -> bool:
        """Whether it names them, where they can read."""
        here = memory.guild_id == self.guild_id and memory.channel_ids <= self.readable
        return here and self.user_id in people_in([memory.text])

    def may_forget(self, memory: Memory) -> bool:
        """Whether they may remove it or withdraw their own citation."""
        return memory.guild_id == self.guild_id and (self.user_id in memory.author_ids or self.may_remove(memory))
