"""What may be chosen about a memory that names somebody, as buttons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import discord
from discord import ui

from bot.domain import Phrase

Interaction = discord.Interaction[Any]


class Choice(StrEnum):
    """What a member who is named asks for, or what is decided on it."""

    REPLACE_NAME = "replace name"
    FLAG = "flag"
    KEEP = "keep"
    TAKE_OUT = "take out"


@dataclass(frozen=True, slots=True)
class Offer:
    """A choice that is offered about a memory."""

    memory_id: str
    choice: Choice


LABELS = MappingProxyType(
    {
        Choice.REPLACE_NAME: Phrase("Replace my name"),
        Choice.FLAG: Phrase("This is wrong"),
        Choice.KEEP: Phrase("Keep it"),
        Choice.TAKE_OUT: Phrase("Replace the name"),
    }
)
ABOUT = Phrase("About me")


class AboutMeButton(ui.Button[Any]):
    """Opens what names the member who presses it, below hits and answers that do.

    Args:
        open_about: shows that to them alone.
        label: `ABOUT`, as they read it.
    """

    def __init__(self, open_about: Callable[[Interaction], Awaitable[None]], label: str) -> None:
        super().__init__(label=label, style=discord.ButtonStyle.secondary)
        self._open = open_about

    async def callback(self, interaction: Interaction) -> None:
        """Open it."""
        await self._open(interaction)
