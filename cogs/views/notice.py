"""What hangs on a channel's notice: three buttons, each of which answers whoever presses it, and nobody else."""

from __future__ import annotations

from enum import StrEnum

import discord
from discord import ui

from bot.domain import Phrase
from bot.languages import Language


class NoticeButton(StrEnum):
    """The buttons by their ids.

    They stay on a notice for as long as that stands, so whoever hears of a press goes by its id alone: another process
    may have posted the notice.
    """

    STATUS = "privacy:status"
    OPT_OUT = "privacy:opt-out"
    KEEP_FACTS = "privacy:facts:on"


NOTICE_BUTTONS = frozenset(NoticeButton)

_LABELS = {
    NoticeButton.STATUS: Phrase("What is kept of me"),
    NoticeButton.OPT_OUT: Phrase("Don't remember me"),
    NoticeButton.KEEP_FACTS: Phrase("Remember facts about me"),
}


def notice_view(language: Language) -> ui.View:
    """The buttons; nothing in this process waits for them."""
    view = ui.View(timeout=None)
    for button, label in _LABELS.items():
        text = language.translated(label)
        view.add_item(ui.Button(style=discord.ButtonStyle.secondary, label=text, custom_id=button.value))
    view.stop()
    return view
