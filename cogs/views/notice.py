"""What hangs on a channel's notice: the button with which a member allows facts about themselves."""

from __future__ import annotations

import discord
from discord import ui

KEEP_FACTS = "privacy:facts:on"
"""The button's id. It stays on the notice for as long as that stands, so whoever hears of a press goes by it alone."""


def notice_view() -> ui.View:
    """The button; nothing in this process waits for it."""
    view = ui.View(timeout=None)
    label = "Also remember facts about me"
    view.add_item(ui.Button(style=discord.ButtonStyle.secondary, label=label, custom_id=KEEP_FACTS))
    view.stop()
    return view
