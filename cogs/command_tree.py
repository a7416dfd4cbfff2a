"""Where commands come in, and where what goes wrong in them ends."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from cogs import texts
from cogs.errors import answer_error
from cogs.reply import reply

Interaction = discord.Interaction[Any]


class CommandTree(app_commands.CommandTree[Any]):
    """Commands work in servers only, and every error ends in one sentence for the member."""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Let through what comes from a member of a server that the bot is in."""
        if isinstance(interaction.user, discord.Member) and interaction.guild is not None:
            return True
        if interaction.type is not discord.InteractionType.autocomplete:
            await reply(interaction, texts.SERVER_ONLY)
        return False

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """Answer with one sentence; log what operators need."""
        await answer_error(interaction, error)
