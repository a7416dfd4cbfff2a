"""Discord's history as verification reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot.domain import ServiceUnavailable
from bot.forget import Seen
from cogs.access import can_read
from cogs.content import content_of, quote_nothing
from cogs.faults import NOT_SHOWN, UNPARSED, UNREACHABLE, says_gone, why
from cogs.pages import HistoryReader, RawMessage, UnreadableMessage

if TYPE_CHECKING:
    from cogs.backfill import Backfill
    from cogs.pages import Readable


class DiscordHistory:
    """See bot.forget.verification.History."""

    def __init__(self, client: discord.Client, backfill: Backfill, pages: HistoryReader) -> None:
        self._client = client
        self._backfill = backfill
        self._pages = pages

    async def page(self, guild_id: int, channel_id: int, newest: int) -> list[Seen] | None:
        """See History."""
        guild = self._guild(guild_id)
        try:
            channel = await self._channel(guild, channel_id)
            page = await self._pages.before(channel, newest + 1)
        except NOT_SHOWN as error:
            if says_gone(error):
                return None
            raise _unavailable(error) from None
        keeps = self._backfill.observes(channel)
        return [_seen(entry, keeps=keeps) for entry in page]

    async def is_gone(self, guild_id: int, channel_id: int, message_id: int) -> bool:
        """See History."""
        try:
            channel = await self._channel(self._guild(guild_id), channel_id)
            await channel.fetch_message(message_id)
        except UNREACHABLE as error:
            if says_gone(error):
                return True
            raise _unavailable(error) from None
        except UNPARSED:  # something is there, though discord.py can't read it
            return False
        return False

    def _guild(self, guild_id: int) -> discord.Guild:
        guild = self._client.get_guild(guild_id)
        if guild is None or guild.unavailable:
            raise ServiceUnavailable("discord", f"server {guild_id} is not available")
        return guild

    async def _channel(self, guild: discord.Guild, channel_id: int) -> Readable:
        """The channel, from the cache or (an archived thread) from Discord.

        Raises:
            ServiceUnavailable: this bot can't read its history.
        """
        channel = guild.get_channel_or_thread(channel_id) or await guild.fetch_channel(channel_id)
        match channel:
            case discord.TextChannel() | discord.VoiceChannel() | discord.StageChannel() | discord.Thread():
                orphan = isinstance(channel, discord.Thread) and channel.parent is None
                if not orphan and can_read(channel.permissions_for(guild.me), channel):
                    return channel
        raise ServiceUnavailable("discord", f"channel {channel_id} can't be read by this bot")


def _seen(entry: RawMessage, *, keeps: bool) -> Seen:
    """As Discord shows it; of a message that can't be read nothing is concluded but that it is there."""

    def seen(message: discord.Message) -> Seen:
        content = content_of(message, may_quote=quote_nothing) if keeps else None
        return Seen(message.id, content, message.edited_at)

    try:
        return entry.read(seen)
    except UnreadableMessage:
        return Seen(entry.id, None, None)


def _unavailable(error: Exception) -> ServiceUnavailable:
    return ServiceUnavailable("discord", why(error))
