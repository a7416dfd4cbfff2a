"""Flushing on time: asks the flusher again and again what is due."""

from __future__ import annotations

import logging

from discord.ext import commands, tasks
from sqlalchemy.exc import SQLAlchemyError

from bot.remember import Flusher
from bot.storage import BOT_ID, Installation

log = logging.getLogger(__name__)


class Flushing(commands.Cog):
    """Keeps memories coming.

    Args:
        bot: the client, whose own user is never remembered.
        flusher: makes memories of what is due.
        installation: tells the workers beside this process who the bot is.
        seconds: between two looks at what is due; None where workers flush instead.
    """

    def __init__(
        self, bot: commands.AutoShardedBot, flusher: Flusher, installation: Installation, *, seconds: float | None
    ) -> None:
        self._bot = bot
        self._flusher = flusher
        self._installation = installation
        self._seconds = seconds
        self._waiting: str | None = None

    async def cog_load(self) -> None:
        """Begin to flush on time."""
        if self._bot.user is not None:
            self._flusher.bot_id = self._bot.user.id
            await self._installation.set(BOT_ID, str(self._bot.user.id), patient=True)
        if self._seconds is not None:
            self.flush_due.change_interval(seconds=self._seconds)
            self.flush_due.start()

    async def cog_unload(self) -> None:
        """Stop asking what is due; the flusher finishes what it has in hand."""
        self.flush_due.cancel()

    @tasks.loop(seconds=15.0)
    async def flush_due(self) -> None:
        """Let the flusher do what is due; whatever goes wrong is logged and tried again at the next turn."""
        try:
            report = await self._flusher.flush_due()
        except SQLAlchemyError as error:
            log.warning("Flushing waits for the database: %s", type(error).__name__)
            return
        except Exception:  # a loop that ended would be noticed by nobody
            log.exception("Flushing failed; it is tried again")
            return
        if report.waiting not in (None, self._waiting):
            log.warning("Flushing waits: %s", report.waiting)
        self._waiting = report.waiting
