"""What everybody in a channel sees of a recall: the hits with their ways to jump, and no other buttons."""

from __future__ import annotations

from collections.abc import Sequence

import discord
from discord import ui

from bot.languages import Language
from cogs.views.pages import PageItem, fitting


def public_view(title: str, items: Sequence[PageItem], language: Language, *, below: str) -> ui.LayoutView:
    """Items in a frame, and a small line below."""
    view = ui.LayoutView(timeout=None)
    box = ui.Container[ui.LayoutView](ui.TextDisplay(title))
    for item in fitting(items, language):
        box.add_item(ui.Separator(spacing=discord.SeparatorSpacing.small))
        box.add_item(ui.TextDisplay(item.markdown(language)))
    box.add_item(ui.Separator())
    box.add_item(ui.TextDisplay(f"-# {below}"))
    view.add_item(box)
    return view
