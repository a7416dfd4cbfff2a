"""Writing at leisure what is to be remembered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import discord
from discord import ui

from bot.memories import MAX_TEXT
from cogs.errors import answer_error
from cogs.languages import language_of
from cogs.views.base import Interaction

Keep = Callable[[Interaction, str], Awaitable[None]]


class RememberModal(ui.Modal):
    """Asks for the text, and hands it on."""

    def __init__(self, interaction: Interaction, keep: Keep) -> None:
        language = language_of(interaction)
        super().__init__(title=language.say("Remember something"))
        self._keep = keep
        interaction.client.waiting.add(self)
        self._words = ui.TextInput[ui.Modal](style=discord.TextStyle.paragraph, min_length=1, max_length=MAX_TEXT)
        asked = language.say("What should be remembered?")
        description = language.say("It is kept as said by you, here and now.")
        self.add_item(ui.Label[ui.Modal](text=asked, description=description, component=self._words))

    async def on_submit(self, interaction: Interaction, /) -> None:
        """Hand the text on."""
        await self._keep(interaction, self._words.value)

    async def on_error(self, interaction: Interaction, error: Exception, /) -> None:  # type: ignore[override]  # a modal has no item
        """Answer with one sentence."""
        await answer_error(interaction, error)


class CorrectModal(ui.Modal):
    """Shows the text as it is stored (people as <@id>), and hands the new one on."""

    def __init__(self, interaction: Interaction, text: str, keep: Keep) -> None:
        language = language_of(interaction)
        super().__init__(title=language.say("Correct a memory"))
        self._keep = keep
        interaction.client.waiting.add(self)
        self._words = ui.TextInput[ui.Modal](
            style=discord.TextStyle.paragraph, default=text[:MAX_TEXT], min_length=1, max_length=MAX_TEXT
        )
        asked = language.say("What is right?")
        description = language.say("It is kept as put right by you, and wins over what is extracted later.")
        self.add_item(ui.Label[ui.Modal](text=asked, description=description, component=self._words))

    async def on_submit(self, interaction: Interaction, /) -> None:
        """Hand the text on."""
        await self._keep(interaction, self._words.value)

    async def on_error(self, interaction: Interaction, error: Exception, /) -> None:  # type: ignore[override]  # a modal has no item
        """Answer with one sentence."""
        await answer_error(interaction, error)
