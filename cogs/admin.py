"""/observe and /setup: where the bot listens, decided by members with Manage Server, and said aloud in the channel."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Refused, snowflake
from bot.guilds import ConsentRule, ObservedChannel, days_of
from cogs import texts
from cogs.access import Talk
from cogs.checks import manager_only, per_member, require_manager
from cogs.faults import UNREACHABLE, why
from cogs.notices import missing_permissions
from cogs.rendering import safe
from cogs.reply import reply, reply_view
from cogs.switching import Place, Switching
from cogs.views.confirm import text_view
from cogs.views.setup import SetupPanel

if TYPE_CHECKING:
    from bot.guilds import GuildServices
    from cogs.backfill import Backfill

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]

MAX_DAYS_BACK = 30
"""As long as Discord recommends that messages are kept at most."""

PROGRESS_SECONDS = 13 * 60.0
"""An answer can be changed for 15 minutes."""

PROGRESS_PAUSE = 2.0

DAY_MS = 86_400_000

LISTED = 30
"""Channels in one list; it stays below the 4,000 characters of a view."""

WARNED = 10
"""Channels with missing permissions in the set-up panel."""

OFFER = (
    "Hello! I help members find again what was said. I observe **nothing** until somebody with Manage Server chooses "
    "channels: run `/setup`. `/privacy policy` tells what is kept and why."
)
TOLD = "The channel has been told."
NOT_TOLD = "I could not say so there, so please tell the channel yourself."


class Admin(commands.Cog):
    """Switches observation, and offers the set-up once on joining a server."""

    observe = app_commands.Group(
        name="observe",
        description="Where I may listen",
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )

    def __init__(self, guilds: GuildServices, backfill: Backfill, switching: Switching) -> None:
        self._switching = switching
        self._guilds = guilds
        self._backfill = backfill
        self._observations = guilds.observations

    # --- /observe ----------------------------------------------------------------------------------------------------

    @observe.command(name="on", description="Observe a channel: what is said there can be recalled")
    @app_commands.describe(
        channel="This channel unless you choose another",
        read_back="Also read what was said in the last so many days; nothing unless you say so",
    )
    @manager_only
    @per_member(10, 60.0)
    async def on(
        self,
        interaction: Interaction,
        channel: Place | None = None,
        read_back: app_commands.Range[int, 1, MAX_DAYS_BACK] | None = None,
    ) -> None:
        """Switch observation on, say so in the channel, and read back as many days as the admin wants."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        place = self._place(interaction, channel)
        days = min(read_back or 0, self._guilds.policy.retention_days)
        changed = await self._switching.on(interaction, place, days)
        if not changed and not days:
            await reply(
                interaction,
                f"{place.mention} is observed already; `/observe status` tells since when, and the option `read_back` "
                "reads what was said before.",
            )
            return
        if not changed:
            await self._switching.tell(interaction, place, days)
        text = f"{place.mention} is observed{' from now on' if changed else ''}, and the channel has been told."
        await reply(interaction, text)
        if days:
            await self._read_back(interaction, place, days, text)

    async def _read_back(self, interaction: Interaction, place: Place, days: int, text: str) -> None:
        """Read back so many days and show how far that has come, for as long as Discord lets an answer be edited."""
        from_id = snowflake.from_ms(snowflake.to_ms(interaction.id) - days * DAY_MS)
        reading = self._backfill.read_back(place, from_id)
        span = days_of(days)
        ends = time.monotonic() + PROGRESS_SECONDS
        while self._backfill.is_reading(place) and time.monotonic() < ends:
            if reading.messages:
                now = f"Reading back {span}: {texts.count(reading.messages, 'message')} so far, up to "
                now += f"<t:{snowflake.to_ms(reading.newest) // 1000}:f>."
                await _change(interaction, f"{text} {now}")
            await asyncio.sleep(PROGRESS_PAUSE)
        done = not self._backfill.is_reading(place)
        end = f"Read back {span}: {texts.count(reading.messages, 'message')} looked at."
        await _change(interaction, f"{text} {end if done else 'Reading back goes on; see `/memory status`.'}")

    @observe.command(name="off", description="Stop observing a channel; what is kept stays until it is deleted")
    @app_commands.describe(channel="This channel unless you choose another")
    @manager_only
    @per_member(10, 60.0)
    async def off(self, interaction: Interaction, channel: Place | None = None) -> None:
        """Switch observation off."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        place = self._place(interaction, channel)
        off = await self._switching.off(interaction, place)
        if not off.changed:
            await reply(interaction, f"{place.mention} is not observed.")
            return
        told = TOLD if off.told else NOT_TOLD
        await reply(
            interaction,
            f"{place.mention} is not observed any more. {told} What was said before stays searchable for "
            f"{self._guilds.policy.retention} at most; memories stay until they are forgotten.",
        )

    @observe.command(name="status", description="Whether a channel is observed, since when and by whose decision")
    @app_commands.describe(channel="This channel unless you choose another")
    @manager_only
    @per_member(10, 60.0)
    async def status(self, interaction: Interaction, channel: Place | None = None) -> None:
        """Tell about one channel."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        place = self._place(interaction, channel)
        own = await self._observations.status(place.id)
        lines = [f"### {place.mention}", _state(self._switching.observes(place), own)]
        if missing := missing_permissions(place):
            lines.append(f"⚠️ I lack **{', '.join(missing)}** there.")
        await reply_view(interaction, text_view("\n".join(lines)))

    @observe.command(name="list", description="All channels about which somebody decided")
    @manager_only
    @per_member(5, 30.0)
    async def list_channels(self, interaction: Interaction) -> None:
        """List the decisions of this server."""
        guild = self._guild(interaction)
        decisions = [
            decision
            for decision in self._observations.list(guild.id)
            if decision.parent_id is not None or guild.get_channel(decision.channel_id) is not None
        ]
        await reply_view(interaction, text_view(_listing(decisions)))

    # --- /setup ------------------------------------------------------------------------------------------------------

    @app_commands.command(name="setup", description="Set me up: permissions, channels to observe, privacy")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.default_permissions(manage_guild=True)
    @manager_only
    @per_member(3, 30.0)
    async def setup(self, interaction: Interaction) -> None:
        """Show the panel."""
        guild = self._guild(interaction)
        observed = [i for i in self._observations.channels(guild.id) if guild.get_channel(i) is not None]
        panel = SetupPanel(interaction, text=self._overview(guild), observed=observed, choose=self.choose)
        await reply_view(interaction, panel)

    async def choose(self, interaction: Interaction, before: Sequence[int], after: Sequence[int]) -> str:
        """Switch what the panel shows from the channels `before` to those `after`; what the panel says then."""
        require_manager(interaction)
        guild = self._guild(interaction)
        problems = []
        for channel_id in sorted({*before, *after} - ({*before} & {*after})):
            channel = guild.get_channel(channel_id)
            if isinstance(channel, Talk):
                problems += await self._try(interaction, channel, on=channel_id in after)
        return "\n".join([self._overview(guild), *problems])

    async def _try(self, interaction: Interaction, channel: Talk, *, on: bool) -> list[str]:
        try:
            await (self._switching.on if on else self._switching.off)(interaction, channel)
        except Refused as refusal:
            return [f"⚠️ {refusal}"]
        return []

    def _overview(self, guild: discord.Guild) -> str:
        observed = self._observations.channels(guild.id)
        lines = ["## Set-up", f"**Observed:** {_mentions(observed) or 'nothing yet; choose channels below.'}"]
        for channel_id in observed:
            channel = guild.get_channel_or_thread(channel_id)
            missing = missing_permissions(channel) if isinstance(channel, Talk | discord.Thread) else []
            if missing and len(lines) < WARNED:
                lines.append(f"⚠️ <#{channel_id}>: I lack **{', '.join(missing)}**.")
        policy = self._guilds.policy
        opted_in = self._guilds.consents.rules.of(guild.id).consent is ConsentRule.OPTED_IN
        whose = f"of {'members who opted in' if opted_in else 'everybody who did not opt out'} (`/privacy`)"
        lines += [
            f"**Rules.** Messages of observed channels are kept for at most {policy.retention}, {whose}. Each channel "
            "gets a notice that says so; `/memory settings` changes the rule.",
            "**Threads** follow their channel; private threads only if they are switched on themselves, inside, with "
            "`/observe on`.",
            "**Privacy.** `/privacy policy` tells all of it.",
        ]
        return "\n".join(lines)

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
        try:
            await channel.send(OFFER, allowed_mentions=discord.AllowedMentions.none())
        except UNREACHABLE as error:
            log.info("The set-up could not be offered in server %d (%s)", guild.id, why(error))
            return
        await self._guilds.guilds.setup_offered(guild.id)

    def _place(self, interaction: Interaction, channel: Place | None) -> Place:
        """The chosen channel, or the one in which the command was given, as the bot knows it.

        Raises:
            Refused: it is of another kind, of another server, or unknown to the bot.
        """
        guild = self._guild(interaction)
        wanted = (interaction.channel_id or 0) if channel is None else channel.id
        place = guild.get_channel_or_thread(wanted)
        if isinstance(place, Talk | discord.Thread):
            return place
        raise Refused("I can't see that channel; let me see it, or choose a text, voice or forum channel or a thread.")

    @staticmethod
    def _guild(interaction: Interaction) -> discord.Guild:
        if interaction.guild is None:
            raise Refused(texts.SERVER_ONLY)
        return interaction.guild


async def _change(interaction: Interaction, text: str) -> None:
    """Change the answer to an interaction; the work does not stop where that fails."""
    try:
        await interaction.edit_original_response(content=text, allowed_mentions=discord.AllowedMentions.none())
    except UNREACHABLE as error:
        log.info("Interaction %d could not be kept up to date (%s)", interaction.id, why(error))


def _where_to_speak(guild: discord.Guild) -> discord.TextChannel | None:
    """The system channel where the bot may write there, else the first channel where it may."""
    candidates = [*([guild.system_channel] if guild.system_channel else []), *guild.text_channels]
    for channel in candidates:
        permissions = channel.permissions_for(guild.me)
        if permissions.view_channel and permissions.send_messages:
            return channel
    return None


def _state(observed: bool, own: ObservedChannel | None) -> str:
    if own is None or own.observed is None:
        return "Observed, as its channel is." if observed else "Not observed; nobody decided about it."
    by = "the operator's settings" if own.decided_by is None else f"<@{own.decided_by}>"
    since = f" since <t:{own.decided_ms // 1000}:R>" if own.decided_ms else ""
    return f"{'**Observed**' if own.observed else 'Not observed'}{since}, by decision of {by}."


def _listing(decisions: Sequence[ObservedChannel]) -> str:
    if not decisions:
        return "No channel is observed; `/observe on` begins in this one, and `/setup` shows all that is to know."
    lines = [f"- <#{d.channel_id}> ({safe(d.name, {}, limit=60)}): {_short(d)}" for d in decisions[:LISTED]]
    more = len(decisions) - LISTED
    if more > 0:
        lines.append(f"…and {more} more")
    return "### Decisions about channels\n" + "\n".join(lines)


def _short(decision: ObservedChannel) -> str:
    return "observed" if decision.observed else "not observed"


def _mentions(channel_ids: Sequence[int]) -> str:
    shown = " ".join(f"<#{channel_id}>" for channel_id in channel_ids[:LISTED])
    more = len(channel_ids) - LISTED
    return f"{shown} and {more} more" if more > 0 else shown
