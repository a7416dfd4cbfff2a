"""What every view here has in common: it belongs to one member, ends cleanly, and says so when something fails."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from cogs import texts
from cogs.errors import answer_error
from cogs.faults import UNREACHABLE
from cogs.reply import reply

Interaction = discord.Interaction[Any]

PANEL_SECONDS = 840.0
"""A view can be changed for 15 minutes after the last press, as long as its token lives; it ends a minute before."""


class OwnView(ui.LayoutView):
    """A view for the member who asked, and for nobody else.

    Args:
        interaction: whose answer this is.
        timeout: seconds without a press after which it ends.
    """

    def __init__(self, interaction: Interaction, *, timeout: float = PANEL_SECONDS) -> None:
        super().__init__(timeout=timeout)
        self._asker_id = interaction.user.id
        self._latest = interaction

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Let only the asker press; everybody else is told to ask themselves."""
        if interaction.user.id != self._asker_id:
            await reply(interaction, texts.NOT_YOURS)
            return False
        self._latest = interaction
        return True

    async def on_error(self, interaction: Interaction, error: Exception, item: ui.Item[Any], /) -> None:
        """Answer with one sentence."""
        await answer_error(interaction, error)

    async def on_timeout(self) -> None:
        """Leave what was shown, without buttons that don't answer any more."""
        for item in self.walk_children():
            if isinstance(item, ui.ChannelSelect | ui.Select) or (isinstance(item, ui.Button) and item.url is None):
                item.disabled = True
        try:
            await self._latest.edit_original_response(view=self)
        except UNREACHABLE:
            return  # dismissed by the member, or the token is gone: nothing is left to tidy
