"""An answer for the member who asked, with what was found behind a button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord import ui

from cogs.views.base import Interaction, OwnView
from cogs.views.choices import ABOUT, AboutMeButton

OpenHits = Callable[[Interaction], Awaitable[None]]
"""Shows the hits, as they are and as far as they may be read then."""


class AnswerPanel(OwnView):
    """Shows something, and opens what was found.

    Args:
        interaction: whose answer this is.
        item: what is shown.
        open_hits: shows what was found; None where that is nothing.
        open_about: shows what of it names the asker; None where nothing does.
    """

    def __init__(
        self,
        interaction: Interaction,
        item: ui.Item[Any],
        open_hits: OpenHits | None,
        open_about: OpenHits | None = None,
    ) -> None:
        super().__init__(interaction)
        self.add_item(item)
        if open_hits is not None:
            about = [] if open_about is None else [AboutMeButton(open_about, self.language.translated(ABOUT))]
            self.add_item(ui.ActionRow(_Found(open_hits, self.language.say("What I found")), *about))


class _Found(ui.Button[AnswerPanel]):
    def __init__(self, open_hits: OpenHits, label: str) -> None:
        super().__init__(label=label, style=discord.ButtonStyle.secondary)
        self._open = open_hits

    async def callback(self, interaction: Interaction) -> None:
        await self._open(interaction)
