"""Discord's accounts, as the search for deleted ones asks about them."""

from __future__ import annotations

import re
from collections.abc import Collection

import discord

from bot.domain import ServiceUnavailable
from cogs.faults import UNPARSED, UNREACHABLE, says_gone, why

MISSING_ACCESS = 50001
"""Discord's code for what this bot may not see."""

NAME_OF_DELETED = re.compile(r"deleted[ _]user[ _][0-9a-f]{4,}", re.IGNORECASE)
"""What Discord renames a deleted account to; its API has no flag for it (discord-api-docs #2141)."""


class DiscordAccounts:
    """See bot.forget.accounts.Accounts."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def is_deleted(self, user_id: int, guild_ids: Collection[int]) -> bool:
        """See Accounts. A name alone proves nothing: a deleted account has no avatar, and is in no server."""
        try:
            user = await self._client.fetch_user(user_id)
            if user.avatar or user.global_name or not NAME_OF_DELETED.fullmatch(user.name):
                return False
            return not any([await self._is_member(user_id, guild_id) for guild_id in guild_ids])
        except UNREACHABLE as error:
            if says_gone(error):
                return True
            raise ServiceUnavailable("discord", why(error)) from None
        except UNPARSED:  # somebody is there, though discord.py can't read it
            return False

    async def _is_member(self, user_id: int, guild_id: int) -> bool:
        try:  # by REST, for the server may be another process's, whose shard tells this one nothing of it
            await self._client.http.get_member(guild_id, user_id)
        except (discord.Forbidden, discord.NotFound) as error:
            if error.code != MISSING_ACCESS and not says_gone(error):  # without access the bot is in it no more
                raise
            return False
        return True
