"""Which memories a member asks for, in lists of their own and of the server."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from bot.domain import MemoryKind


@dataclass(frozen=True, slots=True)
class MemoryFilter:
    """Which memories somebody asks for; nothing given: all that are listed."""

    kind: MemoryKind | None = None
    words: str = ""
    channel: discord.abc.GuildChannel | discord.Thread | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether anything is given."""
        return bool(self.kind or self.words or self.channel)
