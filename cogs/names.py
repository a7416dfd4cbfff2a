"""Names as they are now: from Discord where it has told them, else as they were last heard."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import discord

from bot.domain import is_visible, people_in

if TYPE_CHECKING:
    from bot.languages import Language
    from bot.observe import Directory


async def names_for(
    guild: discord.Guild,
    directory: Directory,
    user_ids: Iterable[int],
    texts: Iterable[str] = (),
    language: Language | None = None,
) -> dict[int, str]:
    """Display names of these people and of everybody whom the texts refer to, as far as they are known.

    Where a language is given, those who are not known, or whose names can't be seen, are somebody in it.
    """
    wanted = {*user_ids, *people_in(texts)}
    names = await directory.names(guild.id, wanted)
    for user_id in wanted:
        member = guild.get_member(user_id)
        if member is not None:
            names[user_id] = member.display_name
    if language is None:
        return names
    somebody = language.say("somebody")
    return {user_id: name if is_visible(name := names.get(user_id, "")) else somebody for user_id in wanted}


class CurrentNames:
    """The names of members for services that know no Discord."""

    def __init__(self, client: discord.Client, directory: Directory) -> None:
        self._client = client
        self._directory = directory

    async def names(self, guild_id: int, user_ids: Collection[int]) -> dict[int, str]:
        """Display names of those members who are known."""
        guild = self._client.get_guild(guild_id)
        if guild is None:
            return await self._directory.names(guild_id, user_ids)
        return await names_for(guild, self._directory, user_ids)

    async def find(self, guild_id: int, text: str) -> dict[int, str]:
        """Members whose name, or a word of it, occurs in `text`, with it."""
        return await self._directory.find(guild_id, text)
