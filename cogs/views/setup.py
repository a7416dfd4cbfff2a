"""The set-up panel: what the bot lacks, where it observes, the rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import discord
from discord import ui

from cogs.views.base import Interaction, OwnView

CHANNEL_TYPES = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
    discord.ChannelType.forum,
]

MAX_CHOSEN = 25
"""Channels in one select menu."""

Choose = Callable[[Interaction, Sequence[int], Sequence[int]], Awaitable[str]]
"""Told which channels were shown as observed, and which are chosen now; returns the panel's new text."""


class SetupPanel(OwnView):
    """Shows the state of things, and lets channels be chosen."""

    def __init__(self, interaction: Interaction, *, text: str, observed: Sequence[int], choose: Choose) -> None:
        super().__init__(interaction)
        self._choose = choose
        self._fill(text, observed)

    async def chosen(self, interaction: Interaction, channel_ids: Sequence[int]) -> None:
        """Hand the choice on, and show what it led to."""
        await interaction.response.defer()
        text = await self._choose(interaction, self._observed, channel_ids)
        self.clear_items()
        self._fill(text, channel_ids)
        await interaction.edit_original_response(view=self, allowed_mentions=discord.AllowedMentions.none())

    def _fill(self, text: str, observed: Sequence[int]) -> None:
        self._observed = observed[:MAX_CHOSEN]
        row = ui.ActionRow[SetupPanel]()
        row.add_item(_Channels(self._observed))
        self.add_item(ui.Container(ui.TextDisplay(text), ui.Separator(), row))


class _Channels(ui.ChannelSelect[SetupPanel]):
    def __init__(self, observed: Sequence[int]) -> None:
        defaults = [discord.SelectDefaultValue(id=i, type=discord.SelectDefaultValueType.channel) for i in observed]
        super().__init__(
            channel_types=CHANNEL_TYPES,
            placeholder="Channels to observe",
            min_values=0,
            max_values=MAX_CHOSEN,
            default_values=defaults,
        )

    async def callback(self, interaction: Interaction) -> None:
        if self.view is not None:
            await self.view.chosen(interaction, [channel.id for channel in self.values])
