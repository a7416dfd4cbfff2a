"""Telling the admins of a server, in the channel that they chose, what stands in the way of its memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import discord
from discord.ext import commands, tasks

from bot.domain import Clock, Phrase, do_each
from bot.guilds import Action, Matter, Warned
from cogs.faults import UNREACHABLE, why
from cogs.notices import missing_permissions
from cogs.warning_posts import WarningPlace

if TYPE_CHECKING:
    from bot.domain import Supervisor
    from bot.guilds import GuildServices
    from bot.operate import Matters
    from cogs.warning_posts import WarningPosts

log = logging.getLogger(__name__)

MOST_CHANNELS = 10
"""Channels that one message names."""

PATIENCE_SECONDS = 30.0
"""So long Discord may take over one warning, as where it limits us: warnings of other servers wait meanwhile."""

REST_MS = 5 * 60 * 1000
"""So long nothing is tried in a server whose channel takes no warnings."""


class WarningsCog(commands.Cog, name="Warnings"):
    """Looks once a minute, in the servers that this process serves."""

    def __init__(
        self,
        bot: commands.AutoShardedBot,
        guilds: GuildServices,
        matters: Matters,
        posts: WarningPosts,
        supervisor: Supervisor,
        clock: Clock,
        *,
        seconds: float,
    ) -> None:
        self._bot = bot
        self._guilds = guilds
        self._matters = matters
        self._posts = posts
        self._supervisor = supervisor
        self._clock = clock
        self._seconds = seconds
        self._rests_until: dict[int, int] = {}

    async def cog_load(self) -> None:
        """Begin to look."""
        self.rounds.change_interval(seconds=self._seconds)
        self.rounds.start()

    async def cog_unload(self) -> None:
        """Stop; the next start goes on."""
        self.rounds.cancel()

    @tasks.loop(seconds=60.0)
    async def rounds(self) -> None:
        """One look; whatever goes wrong is tried again."""
        if not self._bot.is_ready():
            return
        async with self._supervisor.turn("warnings"):
            await self.round()

    async def round(self) -> None:
        """Bring the warnings of every server that this process serves up to date."""
        chosen = await self._guilds.warnings.channels()
        served = [guild for guild in map(self._bot.get_guild, chosen) if guild is not None and not guild.unavailable]
        if not served:
            return
        standing = await self._matters.of([guild.id for guild in served])
        noted = await self._guilds.warnings.noted()
        await do_each(
            *(
                partial(self._guild, guild, chosen[guild.id], standing[guild.id], noted.get(guild.id, {}))
                for guild in served
                if not self._rests(guild.id)
            )
        )

    async def _guild(
        self, guild: discord.Guild, channel_id: int, standing: dict[Matter, str], noted: Mapping[Matter, Warned]
    ) -> None:
        place = guild.get_channel(channel_id)
        if not isinstance(place, WarningPlace):
            log.info("Channel %d is no more, and no warnings are posted in that server", channel_id)
            await self._guilds.warnings.choose(guild.id, None, by=None)
            await self._guilds.audit.record(guild.id, Action.WARNINGS_ENDED, by=None)
            return
        if missing := missing_permissions(place):
            self._rest(place, f"the bot lacks {', '.join(missing)} there")
            return
        if lost := self._lost(guild):
            standing[Matter.PERMISSION] = lost
        known = {matter: warned for matter, warned in noted.items() if warned.channel_id == place.id}
        for matter in Matter:
            others = {warned.message_id for warned in known.values() if warned.matter != matter and warned.message_id}
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._posts.tell(place, matter, standing.get(matter), known.get(matter), others)
            except UNREACHABLE as error:
                self._rest(place, why(error))

    def _rests(self, guild_id: int) -> bool:
        now = self._clock()
        return now < self._rests_until.get(guild_id, 0) <= now + REST_MS

    def _rest(self, place: WarningPlace, reason: str) -> None:
        self._rests_until[place.guild.id] = self._clock() + REST_MS
        log.warning("Warnings wait in channel %d, and are tried again in five minutes: %s", place.id, reason)

    def _lost(self, guild: discord.Guild) -> str | None:
        """What the bot lacks in which observed channels."""
        lacking = []
        for observed in self._guilds.observations.list(guild.id):
            channel = guild.get_channel_or_thread(observed.channel_id)
            if not observed.observed or channel is None or isinstance(channel, discord.CategoryChannel):
                continue
            if missing := missing_permissions(channel):
                names = Phrase.joined(", ", missing)
                lacking.append(
                    Phrase("{channel}: I lack **{permissions}**", channel=channel.mention, permissions=names)
                )
        if not lacking:
            return None
        lines = lacking[:MOST_CHANNELS]
        if (more := len(lacking) - MOST_CHANNELS) > 0:
            lines.append(Phrase.plural("and {number} more channel", "and {number} more channels", more))
        return Phrase.joined("\n- ", [Phrase("I lack permissions in observed channels:"), *lines])
