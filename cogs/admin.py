"""/observe: where the bot listens, decided by members with Manage Server, and said aloud in the channel."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Phrase, Refused, snowflake
from bot.guilds import ObservedChannel, days_of
from cogs import texts
from cogs.access import Talk
from cogs.checks import manager_only, per_member
from cogs.faults import UNREACHABLE, why
from cogs.languages import language_of
from cogs.notices import missing_permissions
from cogs.rendering import safe
from cogs.reply import reply, reply_view
from cogs.switching import Place, Spot, Switching
from cogs.views.confirm import text_view

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

PROBLEMS = 15
"""Channels that could not be switched, in one answer; each is one sentence."""

CATEGORY_ON = partial(
    Phrase,
    "{category} is observed from now on. Channels that come into it later are observed too, each with a notice, as "
    "long as they have its permissions; `/observe off` with the category ends that.",
)
CATEGORY_BEGUN = partial(Phrase, "Observed from now on, and told: {channels}")
CATEGORY_OBSERVED = partial(
    Phrase, "{category} is observed already, and so is each of its channels that you see and I may observe."
)
CATEGORY_OFF = partial(
    Phrase,
    "{category} is not observed any more, nor is any channel of it. What was said before stays searchable until its "
    "time is over; memories stay until they are forgotten.",
)
CATEGORY_ENDED = partial(Phrase, "Not observed any more: {channels}")
CATEGORY_NOT_OBSERVED = partial(Phrase, "{category} is not observed, nor is any channel of it.")
READING_BACK = partial(
    Phrase, "What was said in the last {span} is being read back; `/memory status` shows how that goes on."
)
TOLD = Phrase("The channel has been told.")
NOT_TOLD = Phrase("I could not say so there, so please tell the channel yourself.")


class Admin(commands.Cog):
    """Switches observation of channels and categories."""

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

    @observe.command(name="on", description="Observe a channel: what is said there can be recalled")
    @app_commands.describe(
        channel="This channel unless you choose another, or a category with all its channels",
        read_back="Also read what was said in the last so many days; nothing unless you say so",
    )
    @manager_only
    @per_member(10, 60.0)
    async def on(
        self,
        interaction: Interaction,
        channel: Spot | None = None,
        read_back: app_commands.Range[int, 1, MAX_DAYS_BACK] | None = None,
    ) -> None:
        """Switch observation on, say so in the channel, and read back as many days as the admin wants."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        place = self._place(interaction, channel)
        days = min(read_back or 0, self._guilds.policy.retention_days)
        if isinstance(place, discord.CategoryChannel):
            await self._category_on(interaction, place, days)
            return
        changed = await self._switching.on(interaction, place, days)
        if not changed and not days:
            await reply(
                interaction,
                Phrase(
                    "{channel} is observed already; `/observe status` tells since when, and the option `read_back` "
                    "reads what was said before.",
                    channel=place.mention,
                ),
            )
            return
        if not changed:
            await self._switching.tell(interaction, place, days)
        if changed:
            text = Phrase("{channel} is observed from now on, and the channel has been told.", channel=place.mention)
        else:
            text = Phrase("{channel} is observed, and the channel has been told.", channel=place.mention)
        await reply(interaction, text)
        if days:
            await self._read_back(interaction, place, days, text)

    async def _category_on(self, interaction: Interaction, category: discord.CategoryChannel, days: int) -> None:
        switched = await self._switching.category_on(interaction, category)
        lines = [CATEGORY_ON(category=category.mention)]
        if switched.places:
            lines.append(CATEGORY_BEGUN(channels=_mentions([place.id for place in switched.places])))
        elif not switched.changed:
            lines = [CATEGORY_OBSERVED(category=category.mention)]
        lines += [Phrase.joined(" ", ["⚠️", problem]) for problem in switched.problems[:PROBLEMS]]
        if days:
            lines.append(READING_BACK(span=days_of(days)))
            for place in (channel for channel in category.channels if isinstance(channel, Talk)):
                if self._switching.observes(place):
                    self._backfill.read_back(place, _days_ago(interaction, days))
        await _show(interaction, lines)

    async def _read_back(self, interaction: Interaction, place: Place, days: int, text: str) -> None:
        """Read back so many days and show how far that has come, for as long as Discord lets an answer be edited."""
        reading = self._backfill.read_back(place, _days_ago(interaction, days))
        span = days_of(days)
        ends = time.monotonic() + PROGRESS_SECONDS
        while self._backfill.is_reading(place) and time.monotonic() < ends:
            if reading.messages:
                now = Phrase(
                    "Reading back {span}: {messages} so far, up to {when}.",
                    span=span,
                    messages=texts.messages(reading.messages),
                    when=f"<t:{snowflake.to_ms(reading.newest) // 1000}:f>",
                )
                await _change(interaction, Phrase.joined(" ", [text, now]))
            await asyncio.sleep(PROGRESS_PAUSE)
        done = not self._backfill.is_reading(place)
        end = Phrase("Read back {span}: {messages} looked at.", span=span, messages=texts.messages(reading.messages))
        goes_on = Phrase("Reading back goes on; see `/memory status`.")
        await _change(interaction, Phrase.joined(" ", [text, end if done else goes_on]))

    @observe.command(name="off", description="Stop observing a channel; what is kept stays until it is deleted")
    @app_commands.describe(channel="This channel unless you choose another, or a category with all its channels")
    @manager_only
    @per_member(10, 60.0)
    async def off(self, interaction: Interaction, channel: Spot | None = None) -> None:
        """Switch observation off."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        place = self._place(interaction, channel)
        if isinstance(place, discord.CategoryChannel):
            await self._category_off(interaction, place)
            return
        off = await self._switching.off(interaction, place)
        if not off.changed:
            await reply(interaction, Phrase("{channel} is not observed.", channel=place.mention))
            return
        notice = TOLD if off.told else NOT_TOLD
        await reply(
            interaction,
            Phrase(
                "{channel} is not observed any more. {told} What was said before stays searchable for {retention} at "
                "most; memories stay until they are forgotten.",
                channel=place.mention,
                told=notice,
                retention=self._guilds.policy.retention,
            ),
        )

    async def _category_off(self, interaction: Interaction, category: discord.CategoryChannel) -> None:
        switched = await self._switching.category_off(interaction, category)
        lines = [(CATEGORY_OFF if switched.changed else CATEGORY_NOT_OBSERVED)(category=category.mention)]
        if switched.places:
            lines.append(CATEGORY_ENDED(channels=_mentions([place.id for place in switched.places])))
        lines += [Phrase.joined(" ", ["⚠️", problem]) for problem in switched.problems[:PROBLEMS]]
        await _show(interaction, lines)

    @observe.command(name="status", description="Whether a channel is observed, since when and by whose decision")
    @app_commands.describe(channel="This channel unless you choose another")
    @manager_only
    @per_member(10, 60.0)
    async def status(self, interaction: Interaction, channel: Spot | None = None) -> None:
        """Tell about one channel."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        place = self._place(interaction, channel)
        own = await self._observations.status(place.id)
        lines = [f"### {place.mention}", _state(self._switching.observes(place), own)]
        missing = [] if isinstance(place, discord.CategoryChannel) else missing_permissions(place)
        if missing:
            lines.append(Phrase("⚠️ I lack **{permissions}** there.", permissions=Phrase.joined(", ", missing)))
        await _show(interaction, lines)

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
        await _show(interaction, _listing(decisions))

    def _place(self, interaction: Interaction, channel: Spot | None) -> Spot:
        """The chosen channel or category, or the one in which the command was given, as the bot knows it.

        Raises:
            Refused: it is of another kind, of another server, or unknown to the bot.
        """
        guild = self._guild(interaction)
        wanted = (interaction.channel_id or 0) if channel is None else channel.id
        place = guild.get_channel_or_thread(wanted)
        if isinstance(place, Talk | discord.Thread | discord.CategoryChannel):
            return place
        raise Refused(
            Phrase("I can't see that channel; let me see it, or choose a text, voice or forum channel or a thread.")
        )

    @staticmethod
    def _guild(interaction: Interaction) -> discord.Guild:
        if interaction.guild is None:
            raise Refused(texts.SERVER_ONLY)
        return interaction.guild


async def _change(interaction: Interaction, text: str) -> None:
    """Change the answer to an interaction; the work does not stop where that fails."""
    try:
        text = language_of(interaction).translated(text)
        await interaction.edit_original_response(content=text, allowed_mentions=discord.AllowedMentions.none())
    except UNREACHABLE as error:
        log.info("Interaction %d could not be kept up to date (%s)", interaction.id, why(error))


def _days_ago(interaction: Interaction, days: int) -> int:
    """The snowflake of so many days before a command."""
    return snowflake.from_ms(snowflake.to_ms(interaction.id) - days * DAY_MS)


def _state(observed: bool, own: ObservedChannel | None) -> str:
    if own is None or own.observed is None:
        as_channel, by_nobody = Phrase("Observed, as its channel is."), Phrase("Not observed; nobody decided about it.")
        return as_channel if observed else by_nobody
    by = Phrase("the operator's settings") if own.decided_by is None else f"<@{own.decided_by}>"
    if not own.decided_ms:
        on, off = (
            Phrase("**Observed**, by decision of {who}.", who=by),
            Phrase("Not observed, by decision of {who}.", who=by),
        )
        return on if own.observed else off
    when = f"<t:{own.decided_ms // 1000}:R>"
    if own.observed:
        return Phrase("**Observed** since {when}, by decision of {who}.", when=when, who=by)
    return Phrase("Not observed since {when}, by decision of {who}.", when=when, who=by)


def _listing(decisions: Sequence[ObservedChannel]) -> list[str]:
    if not decisions:
        return [
            Phrase("No channel is observed; `/observe on` begins in this one, and `/setup` shows all that is to know.")
        ]
    lines: list[str] = [Phrase.joined("", ["### ", Phrase("Decisions about channels")])]
    for decision in decisions[:LISTED]:
        name = f"<#{decision.channel_id}> ({safe(decision.name, {}, limit=60)})"
        state = Phrase("observed") if decision.observed else Phrase("not observed")
        lines.append(Phrase.joined("", [f"- {name}: ", state]))
    if (more := len(decisions) - LISTED) > 0:
        lines.append(Phrase("…and {number} more", number=more))
    return lines


async def _show(interaction: Interaction, lines: Sequence[str]) -> None:
    """Answer with lines, each in the language of the admin."""
    await reply_view(interaction, text_view("\n".join(map(language_of(interaction).translated, lines))))


def _mentions(channel_ids: Sequence[int]) -> str:
    shown = " ".join(f"<#{channel_id}>" for channel_id in channel_ids[:LISTED])
    more = len(channel_ids) - LISTED
    return Phrase("{channels} and {number} more", channels=shown, number=more) if more > 0 else shown
