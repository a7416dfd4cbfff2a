"""Switching observation of a channel on and off, each time said aloud in the channel."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import discord
from discord.ext import commands

from bot.domain import Refused
from bot.guilds import Action
from cogs.backfill import is_private, parent_of
from cogs.faults import UNREACHABLE, why
from cogs.notices import end_notice, missing_permissions, post_ended, post_notice

if TYPE_CHECKING:
    from bot.guilds import GuildServices

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]
Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel | discord.Thread

DISCORD_FORBIDS = "Discord does not let me post there; check my permissions with `/setup` and try again."


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """What came of switching a channel off.

    Attributes:
        changed: whether it was observed before.
        told: whether the channel was told.
    """

    changed: bool
    told: bool = False


class Switching:
    """Switches at the word of a member with Manage Server; whoever calls it has checked that."""

    def __init__(self, bot: commands.AutoShardedBot, guilds: GuildServices) -> None:
        self._bot = bot
        self._guilds = guilds
        self._observations = guilds.observations

    def observes(self, place: Place) -> bool:
        """Whether what is said in `place` is kept now."""
        return self._observations.observed(place.id, parent_of(place), private=is_private(place))

    async def on(self, interaction: Interaction, place: Place, days_back: int = 0) -> bool:
        """Observe from this moment on, and tell the channel; what can't be told is not observed.

        Returns:
            Whether that is a change.

        Raises:
            Refused: the bot lacks a permission there.
        """
        if missing := missing_permissions(place):
            raise Refused(f"I lack **{', '.join(missing)}** in {place.mention}; give me that and try again.")
        where = _where(place)
        if not await self._observations.switch_on(**where, by=interaction.user.id, from_id=interaction.id):
            return False
        try:
            await self.tell(interaction, place, days_back)
        except Refused:
            await self._observations.switch_off(**where, by=interaction.user.id)
            raise
        await self._guilds.audit.record(place.guild.id, Action.OBSERVE_ON, by=interaction.user.id, channel_id=place.id)
        self._bot.dispatch("observation_begun", place.guild)
        return True

    async def tell(self, interaction: Interaction, place: Place, days_back: int) -> None:
        """Post the notice.

        Raises:
            Refused: Discord does not let the bot.
        """
        try:
            notice = await post_notice(
                place,
                self._guilds.policy,
                by=interaction.user.id,
                rules=self._guilds.consents.rules.of(place.guild.id),
                days_back=days_back,
            )
        except UNREACHABLE as error:
            log.warning("No notice could be posted in channel %d (%s)", place.id, why(error))
            raise Refused(DISCORD_FORBIDS) from None
        await self._observations.set_notice(place.id, notice.channel.id, notice.id)

    async def off(self, interaction: Interaction, place: Place) -> SwitchedOff:
        """Observe no more, whatever can be told of it; the notice then says so, and so does the channel."""
        by = interaction.user.id
        if not self.observes(place) or not await self._observations.switch_off(**_where(place), by=by):
            return SwitchedOff(changed=False)
        await self._guilds.audit.record(place.guild.id, Action.OBSERVE_OFF, by=by, channel_id=place.id)
        decision = await self._observations.status(place.id)
        if decision is None:
            return SwitchedOff(changed=True)
        await end_notice(place.guild, decision, self._guilds.policy)
        return SwitchedOff(changed=True, told=await post_ended(place, decision, self._guilds.policy))


def _where(place: Place) -> dict[str, Any]:
    return {"guild_id": place.guild.id, "channel_id": place.id, "parent_id": parent_of(place), "name": place.name}
