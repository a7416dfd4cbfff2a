"""Asking before something is deleted, and showing afterwards what went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import ui

from bot.domain import Phrase
from cogs.counted import counted
from cogs.views.base import Interaction, OwnView

if TYPE_CHECKING:
    from bot.forget import Receipt
    from bot.languages import Language

CONFIRM_SECONDS = 60.0
"""Long enough to read, short enough that a forgotten question does not stay dangerous."""

NOTHING_OF_YOURS = Phrase("Checked: nothing of yours is left here.")


class Confirm(OwnView):
    """Asks the member who asked, and nobody else, to confirm."""

    def __init__(self, interaction: Interaction, *, question: str, action: str) -> None:
        super().__init__(interaction, timeout=CONFIRM_SECONDS)
        self._answer: Interaction | None = None
        row = ui.ActionRow[Confirm]()
        row.add_item(_Answer(self.language.translated(action), discord.ButtonStyle.danger, answer=True))
        row.add_item(_Answer(self.language.say("Keep it"), discord.ButtonStyle.secondary, answer=False))
        self.add_item(ui.Container(ui.TextDisplay(self.language.translated(question)), row))

    async def confirmed(self) -> Interaction | None:
        """Wait for the answer: the press that confirmed, or None; no answer in time means no."""
        await self.wait()
        return self._answer

    async def answered(self, interaction: Interaction, answer: bool) -> None:
        """Take the answer."""
        self._answer = interaction if answer else None
        await interaction.response.defer()
        self.stop()


class _Answer(ui.Button[Confirm]):
    def __init__(self, label: str, style: discord.ButtonStyle, *, answer: bool) -> None:
        super().__init__(label=label, style=style)
        self._answer = answer

    async def callback(self, interaction: Interaction) -> None:
        if self.view is not None:
            await self.view.answered(interaction, self._answer)


def text_view(text: str) -> ui.LayoutView:
    """One text in a frame."""
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(ui.TextDisplay(text)))
    return view


def receipt_view(
    title: str,
    receipt: Receipt,
    language: Language,
    *,
    checked: str = NOTHING_OF_YOURS,
) -> ui.LayoutView:
    """Show what went, store by store, whether anything is left, and whether backups know of it."""
    lines = [f"- {language.translated(line)}" for line in counted(receipt.removed)]
    verdict = language.translated(checked)
    if left := sum(receipt.remaining.values()):
        verdict = language.say(
            "Items that could not be removed yet: {left}. They go by themselves; nothing more has to be done.",
            left=left,
        )
    if receipt.unwritten:
        later = language.say(
            "It is still to be noted in the file that keeps it from coming back with a backup; that follows."
        )
        verdict = f"{verdict} {later}"
    view = ui.LayoutView(timeout=None)
    body = "\n".join(lines) or language.say("There was nothing to delete.")
    text = ui.TextDisplay[ui.LayoutView](f"### {language.translated(title)}\n{body}")
    view.add_item(ui.Container(text, ui.Separator(), ui.TextDisplay(verdict)))
    return view
