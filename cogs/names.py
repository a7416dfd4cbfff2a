"""Names as they are now: from Discord where it has told them, else as they were last heard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import discord

from bot.domain import people_in

if TYPE_CHECKING:
    from bot.observe import Directory


async def names_for(
    guild: discord.Guild, directory: Directory, user_ids: Iterable[int], texts: Iterable[str] = ()
) -> dict[int, str]:
    """Display names of these people and of everybody whom the texts refer to, as far as they are known."""
    wanted = {*user_ids, *people_in(texts)}
    names = await directory.names(guild.id, wanted)
    for user_id in wanted:
        member = guild.get_member(user_id)
        if member is not None:
            names[user_id] = member.display_name
    return names
