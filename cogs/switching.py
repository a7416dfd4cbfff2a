"""Switching observation of a channel on and off, each time said aloud in the channel."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from discord.ext import commands

from bot.domain import Phrase, Refused
from bot.guilds import Action
from cogs import texts
from cogs.access import Talk
from cogs.backfill import is_private, parent_of
from cogs.faults import UNREACHABLE, why
from cogs.notices import end_notice, missing_permissions, post_ended, post_notice

if TYPE_CHECKING:
    from bot.guilds import GuildServices
    from bot.languages import Languages

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]
Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel | discord.Thread

Spot = Place | discord.CategoryChannel

DISCORD_FORBIDS = partial(
    Phrase, "Discord does not let me post in {channel}; check my permissions with `/setup` and try again."
)
COULD_NOT_SAY = partial(Phrase, "I could not say so in {channel}; please tell that channel yourself.")


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """What came of switching a channel off.

    Attributes:
        changed: whether it was observed before.
        told: whether the channel was told.
    """

    changed: bool
    told: bool = False


@dataclass(frozen=True, slots=True)
class CategorySwitched:
    """What came of switching a category.

    Attributes:
        changed: whether anything was another way before.
        places: the channels that were switched.
        problems: one sentence for each channel that could not be switched, or not be told.
    """

    changed: bool
    places: tuple[Place, ...] = ()
    problems: tuple[str, ...] = ()


class Switching:
    """Switches at the word of a member with Manage Server; whoever calls it has checked that."""

    def __init__(self, bot: commands.AutoShardedBot, guilds: GuildServices, languages: Languages) -> None:
        self._languages = languages
        self._bot = bot
        self._guilds = guilds
        self._observations = guilds.observations

    def observes(self, place: Spot) -> bool:
        """Whether what is said in `place` is kept now; of a category, whether its channels follow it."""
        return self._observations.observed(place.id, parent_of(place), private=is_private(place))

    async def on(self, interaction: Interaction, place: Place, days_back: int = 0) -> bool:
        """Observe from this moment on, and tell the channel; what can't be told is not observed.

        Returns:
            Whether that is a change.

        Raises:
            Refused: the bot lacks a permission there.
        """
        if missing := missing_permissions(place):
            raise Refused(texts.lacking(missing, place.mention))
        where = _where(place)
        if not await self._observations.switch_on(**where, by=interaction.user.id, from_id=interaction.id):
            return False
        try:
            await self.tell(interaction, place, days_back)
        except Refused:
            await self._observations.switch_off(**where, by=interaction.user.id)
            raise
        await self._note(interaction, Action.OBSERVE_ON, place)
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
                self._languages.of(place.guild.preferred_locale),
                by=interaction.user.id,
                rules=self._guilds.consents.rules.of(place.guild.id),
                days_back=days_back,
            )
        except UNREACHABLE as error:
            log.warning("No notice could be posted in channel %d (%s)", place.id, why(error))
            raise Refused(DISCORD_FORBIDS(channel=place.mention)) from None
        await self._observations.set_notice(place.id, notice.channel.id, notice.id)

    async def off(self, interaction: Interaction, place: Place) -> SwitchedOff:
        """Observe no more, whatever can be told of it; the notice then says so, and so does the channel."""
        by = interaction.user.id
        if not self.observes(place) or not await self._observations.switch_off(**_where(place), by=by):
            return SwitchedOff(changed=False)
        await self._note(interaction, Action.OBSERVE_OFF, place)
        decision = await self._observations.status(place.id)
        if decision is None:
            return SwitchedOff(changed=True)
        language = self._languages.of(place.guild.preferred_locale)
        await end_notice(place.guild, decision, self._guilds.policy, language)
        return SwitchedOff(changed=True, told=await post_ended(place, decision, self._guilds.policy, language))

    async def category_on(self, interaction: Interaction, category: discord.CategoryChannel) -> CategorySwitched:
        """Observe the channels of a category that the admin sees, and from then on those that come into it.

        Each is switched by itself; one that can't be is named, and the others go on.
        """
        member, places, problems = interaction.user, list[Place](), list[str]()
        for channel in category.channels:
            if not isinstance(channel, Talk) or not isinstance(member, discord.Member):
                continue
            if not channel.permissions_for(member).view_channel:
                continue
            try:
                if await self.on(interaction, channel):
                    places.append(channel)
            except Refused as refusal:
                problems.append(refusal.sentence)
        begun = await self._observations.switch_on(**_where(category), by=interaction.user.id, from_id=interaction.id)
        if begun:
            await self._note(interaction, Action.OBSERVE_ON, category)
        return CategorySwitched(begun or bool(places), tuple(places), tuple(problems))

    async def category_off(self, interaction: Interaction, category: discord.CategoryChannel) -> CategorySwitched:
        """Observe no channel of a category any more, and none that comes into it."""
        ended = self.observes(category) and await self._observations.switch_off(
            **_where(category), by=interaction.user.id
        )
        if ended:
            await self._note(interaction, Action.OBSERVE_OFF, category)
        places, problems = list[Place](), list[str]()
        for channel in category.channels:
            if isinstance(channel, Talk) and (off := await self.off(interaction, channel)).changed:
                places.append(channel)
                if not off.told:
                    problems.append(COULD_NOT_SAY(channel=channel.mention))
        return CategorySwitched(ended or bool(places), tuple(places), tuple(problems))

    async def _note(self, interaction: Interaction, action: Action, place: Spot) -> None:
        await self._guilds.audit.record(place.guild.id, action, by=interaction.user.id, channel_id=place.id)


def _where(place: Spot) -> dict[str, Any]:
    return {"guild_id": place.guild.id, "channel_id": place.id, "parent_id": parent_of(place), "name": place.name}
