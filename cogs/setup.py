"""/setup: what an admin has to know and choose, step by step in one panel; offered once on joining a server."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Phrase, Refused
from cogs import texts
from cogs.access import Talk
from cogs.checks import manager_only, per_member, require_manager
from cogs.faults import UNREACHABLE, why
from cogs.notices import missing_permissions
from cogs.reply import reply_view
from cogs.views.setup import SetupPanel, Step

if TYPE_CHECKING:
    from bot.guilds import GuildServices
    from bot.languages import Languages
    from cogs.control import Control
    from cogs.seeding import Seeding
    from cogs.switching import Switching

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]

LISTED = 30
"""Channels in one list; it stays below the 4,000 characters of a view."""

WARNED = 10
"""Channels with missing permissions, or that could not be switched, in one step."""

OFFER = Phrase(
    "Hello! I help members find again what was said. I observe **nothing** until somebody with Manage Server chooses "
    "channels: run `/setup`. `/privacy policy` tells what is kept and why."
)

PERMISSIONS = Phrase(
    "In each channel that I observe I need **View Channel**, **Read Message History** and **Send Messages**, for I say "
    "there that I read along; in threads **Send Messages in Threads**, and in voice channels **Connect**. Nothing "
    "else: no administrator, no member list."
)
NOTHING_LACKING = Phrase("✅ I lack nothing in the channels that are observed.")
LACKING = partial(Phrase, "⚠️ {channel}: I lack **{permissions}**.")
MORE_LACKING = partial(Phrase, "…and {number} more; `/observe status` with a channel tells what I lack there.")
NOTHING_OBSERVED = Phrase("No channel is observed yet; the next step chooses them, and tells what I lack there.")

OBSERVED = partial(Phrase, "**Observed:** {channels}")
CHANNELS = (
    Phrase(
        "Choose channels, or a category for all of its channels that you see. A channel that comes into a category "
        "later is observed too, as long as it has the permissions of the category. Each channel gets a notice, and is "
        "told when it is observed no more."
    ),
    Phrase(
        "**Threads** follow their channel; private threads only if they are switched on themselves, inside, with "
        "`/observe on`."
    ),
)
NONE_CHOSEN = Phrase("nothing yet")
MORE_CHOSEN = partial(Phrase, "{channels} and {number} more")

RULES = Phrase("Both rules hold in the whole server, from now on. What is kept already stays.")

RETENTION = partial(
    Phrase,
    "**Messages** are kept for at most **{retention}**; the operator of this bot decides that. Memories can stay "
    "longer, each kind for the time that you choose here.",
)

TOLD = Phrase(
    "**What members are told.** The notice of each channel has three buttons: *What is kept of me*, *Don't remember "
    "me* and *Remember facts about me*. `/channels` lists where I read along, and `/privacy policy` tells everybody "
    "what is kept and why."
)
SEEN = Phrase("**Who sees it.** Each member finds only what they may read in Discord at that moment.")
WHERE = partial(Phrase, "**Where it goes.** {where}")
GOING = Phrase(
    "**How it goes away.** When a message is deleted in Discord, so is all that came from it alone. `/memory "
    "forget-channel` and `/memory forget-server` delete more, and `/memory audit` shows who did what."
)

TRY = partial(Phrase, "**You are done.** Say something in {channel}, wait a moment, and ask:")
TRY_NOWHERE = Phrase(
    "No channel is observed yet, so there is nothing to ask: go back to *Channels* and choose one. Then say something "
    "there, wait a moment, and ask:"
)
QUESTION = Phrase("What was said just now?")
AFTER = Phrase(
    "`/help` shows everybody how to ask, and the commands that they may use. You can come back to each step with "
    "`/setup`."
)


class Setup(commands.Cog):
    """Leads an admin through the set-up."""

    def __init__(
        self,
        guilds: GuildServices,
        switching: Switching,
        seeding: Seeding,
        control: Control,
        languages: Languages,
    ) -> None:
        self._seeding = seeding
        self._languages = languages
        self._guilds = guilds
        self._observations = guilds.observations
        self._switching = switching
        self._control = control

    @app_commands.command(name="setup", description="Set me up: permissions, channels, rules, retention, privacy")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.default_permissions(manage_guild=True)
    @manager_only
    @per_member(3, 30.0)
    async def setup(self, interaction: Interaction) -> None:
        """Show the panel."""
        guild = interaction.guild
        if guild is None:
            raise Refused(texts.SERVER_ONLY)
        panel = SetupPanel(
            interaction,
            text=partial(self._text, guild),
            observed=partial(self._chosen, guild),
            choose=self.choose,
            rules=self._guilds.consents.rules.of(guild.id),
            change=self._control.change,
            require=require_manager,
        )
        await reply_view(interaction, panel)

    async def choose(self, interaction: Interaction, before: Sequence[int], after: Sequence[int]) -> Sequence[str]:
        """Switch what the panel shows from the channels `before` to those `after`; what could not be had, and why."""
        guild, problems = interaction.guild, list[str]()
        for channel_id in sorted({*before} ^ {*after}):
            channel = None if guild is None else guild.get_channel(channel_id)
            problems += await self._switch(interaction, channel, on=channel_id in after)
        return problems[:WARNED]

    async def _switch(self, interaction: Interaction, channel: object, *, on: bool) -> Sequence[str]:
        match channel:
            case discord.CategoryChannel() if on:
                return (await self._switching.category_on(interaction, channel)).problems
            case discord.CategoryChannel():
                return (await self._switching.category_off(interaction, channel)).problems
            case discord.TextChannel() | discord.VoiceChannel() | discord.StageChannel() | discord.ForumChannel():
                try:
                    await (self._switching.on if on else self._switching.off)(interaction, channel)
                except Refused as refusal:
                    return [refusal.sentence]
        return []

    def _chosen(self, guild: discord.Guild) -> list[int]:
        """The categories that are observed, and the channels that are observed and in none of them."""
        observed = set(self._observations.channels(guild.id))
        return [
            channel.id for channel in guild.channels if channel.id in observed and channel.category_id not in observed
        ]

    def _text(self, guild: discord.Guild, step: Step) -> str:
        policy, chosen = self._guilds.policy, self._chosen(guild)
        match step:
            case Step.PERMISSIONS:
                return Phrase.joined("\n", [PERMISSIONS, *self._lacking(guild)])
            case Step.CHANNELS:
                return Phrase.joined("\n", [OBSERVED(channels=_mentions(chosen)), *CHANNELS])
            case Step.RULES:
                return RULES
            case Step.RETENTION:
                return RETENTION(retention=policy.retention)
            case Step.PRIVACY:
                return Phrase.joined("\n", [TOLD, SEEN, WHERE(where=policy.where_it_goes), GOING])
            case Step.TRY:
                places = (guild.get_channel(channel_id) for channel_id in self._observations.channels(guild.id))
                place = next((place for place in places if isinstance(place, Talk)), None)
                asked = Phrase.joined("", ["> `/ask` ", QUESTION])
                if place is None:
                    return Phrase.joined("\n", [TRY_NOWHERE, asked])
                return Phrase.joined("\n", [TRY(channel=place.mention), asked, AFTER])

    def _lacking(self, guild: discord.Guild) -> Sequence[str]:
        places = [guild.get_channel_or_thread(channel_id) for channel_id in self._observations.channels(guild.id)]
        known = [place for place in places if isinstance(place, Talk | discord.Thread)]
        known += self._seeding.waiting(guild)
        if not known:
            return [NOTHING_OBSERVED]
        lacking = [(place.id, missing) for place in known if (missing := missing_permissions(place))]
        lines = [
            LACKING(channel=f"<#{channel_id}>", permissions=Phrase.joined(", ", missing))
            for channel_id, missing in lacking[:WARNED]
        ]
        if len(lacking) > WARNED:
            lines.append(MORE_LACKING(number=len(lacking) - WARNED))
        return lines or [NOTHING_LACKING]

    # --- joining and leaving -----------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Offer the set-up once."""
        await self._welcome(guild)

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """The same, for servers that the bot was added to while it was away."""
        await self._welcome(guild)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Note that the bot was removed; what is kept is deleted after a while."""
        await self._guilds.guilds.left(guild.id)

    async def _welcome(self, guild: discord.Guild) -> None:
        if not await self._guilds.guilds.joined(guild.id, guild.name):
            return
        channel = _where_to_speak(guild)
        if channel is None:
            return
        offer = self._languages.of(guild.preferred_locale).translated(OFFER)
        try:
            await channel.send(offer, allowed_mentions=discord.AllowedMentions.none())
        except UNREACHABLE as error:
            log.info("The set-up could not be offered in server %d (%s)", guild.id, why(error))
            return
        await self._guilds.guilds.setup_offered(guild.id)


def _where_to_speak(guild: discord.Guild) -> discord.TextChannel | None:
    """The system channel where the bot may write there, else the first channel where it may."""
    candidates = [*([guild.system_channel] if guild.system_channel else []), *guild.text_channels]
    for channel in candidates:
        permissions = channel.permissions_for(guild.me)
        if permissions.view_channel and permissions.send_messages:
            return channel
    return None


def _mentions(channel_ids: Sequence[int]) -> str:
    shown = " ".join(f"<#{channel_id}>" for channel_id in channel_ids[:LISTED])
    if len(channel_ids) > LISTED:
        return MORE_CHOSEN(channels=shown, number=len(channel_ids) - LISTED)
    return shown or NONE_CHOSEN
