"""Presses that nobody waits for: on what was shown before a restart, or on what has ended while it was pressed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import discord
from discord import ui
from discord.ext import commands

from cogs import texts
from cogs.errors import answer_error
from cogs.reply import reply
from cogs.views.base import switch_off
from cogs.views.notice import NOTICE_BUTTONS

if TYPE_CHECKING:
    from cogs.views.base import OpenViews

Interaction = discord.Interaction[Any]

USES = (discord.InteractionType.component, discord.InteractionType.modal_submit)


class Leftovers(commands.Cog):
    """Tells a member that what they pressed has ended, and takes the buttons away that don't answer any more.

    What is shown stays as it is. Nothing of a question is kept for longer than its view lives, so a page of before a
    restart can't be made anew from anything but the question.
    """

    def __init__(self, waiting: OpenViews) -> None:
        self._waiting = waiting

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        """Answer where nobody else does."""
        data: Mapping[str, Any] = interaction.data or {}
        custom_id = data.get("custom_id", "")
        if interaction.type not in USES or custom_id in NOTICE_BUTTONS or self._waiting.knows(custom_id):
            return
        if interaction.response.is_done():  # its view ended with this very press
            return
        try:
            await self._end(interaction)
        except Exception as error:  # noqa: BLE001 - everything that can happen here ends in one sentence
            await answer_error(interaction, error)

    @staticmethod
    async def _end(interaction: Interaction) -> None:
        message = interaction.message
        if interaction.type is discord.InteractionType.component and message is not None and message.flags.ephemeral:
            view = ui.LayoutView.from_message(message, timeout=None)
            switch_off(view)
            view.stop()
            await interaction.response.edit_message(view=view, allowed_mentions=discord.AllowedMentions.none())
        await reply(interaction, texts.GONE)
