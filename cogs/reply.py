"""Answers to interactions: for the asker's eyes alone, and nobody is pinged."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

Interaction = discord.Interaction[Any]


async def reply(interaction: Interaction, text: str) -> None:
    """Answer with one text, whether or not the interaction was deferred or answered before."""
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
