"""/channels: where the bot reads along, of the channels that the asker sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Phrase
from cogs.access import Access
from cogs.checks import per_member
from cogs.languages import language_of
from cogs.reply import reply_view
from cogs.views.pages import Page, Pages

if TYPE_CHECKING:
    from bot.guilds import Observations, ObservedChannel

Interaction = discord.Interaction[Any]

LINES = 15
"""Channels of a page: one screen of a phone."""

TITLE = Phrase("Where I read along")
NOTHING = Phrase("No channel that you can see is observed, so nothing that you say there is kept.")
THREADS = Phrase("Threads go with their channel, but private ones only where somebody switched them on inside.")
HINT = Phrase("`/privacy status` tells what is kept about you.")


class ChannelsCog(commands.Cog, name="Channels"):
    """Lists the observed channels for everybody."""

    def __init__(self, observations: Observations, access: Access) -> None:
        self._observations = observations
        self._access = access

    @app_commands.command(name="channels", description="Which of the channels that you can see are observed")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(5, 30.0)
    async def channels(self, interaction: Interaction) -> None:
        """List them by name."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        pages = ChannelPages(self._observations, self._access)
        await reply_view(interaction, Pages(interaction, pages, await pages.page(interaction, 0)))


class ChannelPages:
    """The observed channels that the asker sees at that moment, in pages; of others not even their number."""

    def __init__(self, observations: Observations, access: Access) -> None:
        self._observations = observations
        self._access = access

    async def page(self, interaction: Interaction, number: int) -> Page:
        """One page, as it is now."""
        seen = await self._seen(interaction)
        pages = -(-len(seen) // LINES)
        number = max(0, min(number, pages - 1))
        language = language_of(interaction)
        return Page(
            title=f"### {language.translated(TITLE)}",
            text="\n".join(f"- {language.translated(_line(decision))}" for decision in seen[number * LINES :][:LINES]),
            number=number,
            pages=pages,
            notes=(THREADS, HINT) if seen else (),
            empty=NOTHING,
        )

    async def _seen(self, interaction: Interaction) -> list[ObservedChannel]:
        member, guild_id = interaction.user, interaction.guild_id or 0
        if not isinstance(member, discord.Member):
            return []
        return [
            decision
            for decision in self._observations.list(guild_id)
            if decision.observed and await self._access.sees(member, interaction.channel, decision.channel_id)
        ]


def _line(decision: ObservedChannel) -> str:
    channel = f"<#{decision.channel_id}>"
    if not decision.decided_ms:
        return channel
    return Phrase("{channel}, since {when}", channel=channel, when=f"<t:{decision.decided_ms // 1000}:D>")
