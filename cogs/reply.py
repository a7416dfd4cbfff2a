"""Answers to interactions: for the asker's eyes alone, and nobody is pinged."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from cogs.languages import language_of

Interaction = discord.Interaction[Any]


async def reply(interaction: Interaction, text: str) -> None:
    """Answer with one text, a `Phrase` in the asker's language, whether or not there was an answer before."""
    text = language_of(interaction).translated(text)
    silent = discord.AllowedMentions.none()
    if not interaction.response.is_done():
        await interaction.response.send_message(text, ephemeral=True, allowed_mentions=silent, suppress_embeds=True)
        return
    await interaction.followup.send(text, ephemeral=True, allowed_mentions=silent, suppress_embeds=True)


async def reply_view(interaction: Interaction, view: ui.LayoutView, *files: discord.File) -> None:
    """Answer with a view that was not shown before, and the files that it shows."""
    silent = discord.AllowedMentions.none()
    if not interaction.response.is_done():
        await interaction.response.send_message(view=view, files=files, ephemeral=True, allowed_mentions=silent)
        return
    await interaction.followup.send(view=view, files=files, ephemeral=True, allowed_mentions=silent)
