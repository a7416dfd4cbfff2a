"""Observation that nobody switches on channel by channel: what the settings name, and what comes into a category.

A category that an admin switched on stands for its channels, those that are created in it later or moved into it too,
as long as they have its permissions: whoever reads the category reads them. One with permissions of its own is left
alone until somebody switches it on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.guilds import Action, ChannelRef
from cogs.access import Talk
from cogs.backfill import parent_of
from cogs.faults import UNREACHABLE, why
from cogs.notices import missing_permissions, post_notice

if TYPE_CHECKING:
    from bot.guilds import GuildServices
    from bot.languages import Languages

log = logging.getLogger(__name__)


class Seeding:
    """Switches on such channels where nobody decided about them yet, and tells the members there.

    Attributes:
        observe_channels: ids that the settings name (OBSERVE_CHANNELS).
    """

    def __init__(
        self,
        bot: commands.AutoShardedBot,
        guilds: GuildServices,
        observe_channels: Sequence[int],
        languages: Languages,
    ) -> None:
        self._languages = languages
        self.observe_channels = observe_channels
        self._bot = bot
        self._guilds = guilds
        self._observations = guilds.observations
        self._lock = asyncio.Lock()  # a server may be joined while its shard becomes ready: one notice is enough

    def warn(self) -> None:
        """Every server is known: tell the operator what the settings name in vain."""
        for channel_id in self.observe_channels:
            channel = self._bot.get_channel(channel_id)
            if channel is None and self._bot.shard_ids is not None:
                continue  # it may be of another process's shard
            if channel is None:
                log.warning("OBSERVE_CHANNELS: %d is no channel that this bot can see", channel_id)
            elif not _named(channel):
                log.warning("OBSERVE_CHANNELS: nothing is said in %d that could be observed", channel_id)
            elif any(self._observations.held_back(place.id) for place in _named(channel)):
                log.warning("OBSERVE_CHANNELS: since a restore %d waits for an admin's `/observe on`", channel_id)

    def follows(self, channel: discord.abc.GuildChannel) -> bool:
        """Whether `channel` is observed, or about to be, because its category is."""
        category = channel.category
        return (
            isinstance(channel, Talk)
            and category is not None
            and self._observations.observed(category.id)
            and channel.permissions_synced
        )

    async def seed(self, guild: discord.Guild) -> None:
        """Switch them on in a server, each once its notice is posted; what can't be told is tried again later."""
        async with self._lock:
            decided = {decision.channel_id for decision in self._observations.list(guild.id)}
            for channel, by in self._wanted(guild):
                if channel.id not in decided and not self._observations.held_back(channel.id):
                    decided.add(channel.id)
                    await self._switch_on(channel, by)
            for decision in self._observations.list(guild.id):
                place = guild.get_channel_or_thread(decision.channel_id)
                undisclosed = decision.observed and decision.notice_message_id is None
                if undisclosed and isinstance(place, Talk | discord.Thread):
                    await self._announce(place, decision.decided_by)

    def waiting(self, guild: discord.Guild) -> list[Talk]:
        """Channels that follow their category and are not observed yet, for nobody decided about them before."""
        decided = {decision.channel_id for decision in self._observations.list(guild.id)}
        return [child for child, _ in self._following(guild) if child.id not in decided]

    def _wanted(self, guild: discord.Guild) -> Iterator[tuple[Talk | discord.Thread, int | None]]:
        """What is to be observed, each with the member who decided that; None for the operator."""
        for channel_id in self.observe_channels:
            for channel in _named(guild.get_channel_or_thread(channel_id)):
                yield channel, None
        for child, by in self._following(guild):
            if not missing_permissions(child):
                yield child, by

    def _following(self, guild: discord.Guild) -> Iterator[tuple[Talk, int | None]]:
        for decision in self._observations.list(guild.id):
            category = guild.get_channel(decision.channel_id)
            if decision.observed and isinstance(category, discord.CategoryChannel):
                for child in category.channels:
                    if isinstance(child, Talk) and self.follows(child):
                        yield child, decision.decided_by

    async def _switch_on(self, channel: Talk | discord.Thread, by: int | None) -> None:
        guild_id = channel.guild.id
        notice = await self._tell(channel, by)
        if notice is None:
            return
        ref = ChannelRef(guild_id=guild_id, channel_id=channel.id, name=channel.name, parent_id=parent_of(channel))
        await self._observations.seed([ref], by=by, from_id=notice.id)
        await self._observations.set_notice(channel.id, notice.channel.id, notice.id)
        await self._guilds.audit.record(guild_id, Action.OBSERVE_ON, by=by, channel_id=channel.id)

    async def _announce(self, channel: Talk | discord.Thread, by: int | None) -> None:
        if (notice := await self._tell(channel, by)) is not None:
            await self._observations.set_notice(channel.id, notice.channel.id, notice.id)

    async def _tell(self, channel: Talk | discord.Thread, by: int | None) -> discord.Message | None:
        rules = self._guilds.consents.rules.of(channel.guild.id)
        try:
            language = self._languages.of(channel.guild.preferred_locale)
            return await post_notice(channel, self._guilds.policy, language, by=by, rules=rules)
        except UNREACHABLE as error:
            log.warning("No notice could be posted in channel %d (%s)", channel.id, why(error))
            return None


def _named(channel: object) -> list[Talk | discord.Thread]:
    """What an id of the settings stands for: a channel or thread itself, a category for the channels in it."""
    if isinstance(channel, discord.CategoryChannel):
        return [talk for talk in channel.channels if isinstance(talk, Talk)]
    return [channel] if isinstance(channel, Talk | discord.Thread) else []
