"""Reading again what is kept, on an admin's word: asks for it, and shows how far it has come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import discord

from bot.domain import Phrase, Refused
from bot.guilds import Action
from cogs import texts
from cogs.checks import require_manager

if TYPE_CHECKING:
    from bot.guilds import AuditTrail
    from bot.remember import Rereadings

Interaction = discord.Interaction[Any]

Show = Callable[[str], Awaitable[bool]]
"""Shows one line; False where it can't be shown any more."""

PROGRESS_SECONDS = 13 * 60.0
"""Discord lets an answer be edited for 15 minutes; it goes on without an onlooker."""

PROGRESS_PAUSE = 2.0
"""Between two lines on how far it is."""

STEPS = 10
"""Parts of the bar."""

GOES_ON = Phrase("it goes on; open this panel again to see how far it is.")


class ReadingAgain:
    """The button of the settings panel.

    Args:
        rereadings: what is to be read again.
        audit: who asked for it.
        remembers: whether there is a language model to read it.
    """

    def __init__(self, rereadings: Rereadings, audit: AuditTrail, *, remembers: bool) -> None:
        self._rereadings = rereadings
        self._audit = audit
        self._remembers = remembers

    async def line(self, guild_id: int) -> str:
        """How far it has come in a server; empty where nothing is read again."""
        standing = await self._rereadings.standing(guild_id=guild_id)
        return progress_line(standing.messages - standing.left, standing.messages) if standing.left else ""

    async def begin(self, interaction: Interaction, show: Show) -> None:
        """Have everything that is kept of the server read again, and show how far that has come.

        Raises:
            Refused: there is no language model, or nothing that was read before.
        """
        require_manager(interaction)
        if not self._remembers:
            raise Refused(texts.NO_MODEL_TO_READ)
        guild_id = interaction.guild_id or 0
        total = await self._rereadings.ask(guild_id=guild_id)
        if not total:
            raise Refused(texts.NOTHING_TO_READ)
        await self._audit.record(guild_id, Action.READ_AGAIN, by=interaction.user.id, details={"messages": total})
        ends, left = time.monotonic() + PROGRESS_SECONDS, total
        while left and time.monotonic() < ends:
            if not await show(progress_line(total - left, total)):
                return
            await asyncio.sleep(PROGRESS_PAUSE)
            left = (await self._rereadings.standing(guild_id=guild_id)).left
        line = progress_line(max(0, total - left), total)
        await show(Phrase.joined("; ", [line, GOES_ON]) if left else Phrase("{line}.", line=line))


def progress_line(done: int, total: int) -> str:
    """How many messages are through, with a bar."""
    full = STEPS * done // total
    return Phrase.plural(
        "{bar} {done} of {number} message read again",
        "{bar} {done} of {number} messages read again",
        total,
        bar="▰" * full + "▱" * (STEPS - full),
        done=done,
    )
