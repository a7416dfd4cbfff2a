"""What has to happen from time to time: retention, servers that were left, undecided flags, costs and warnings."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Clock, do_each
from bot.forget import Erasure
from bot.guilds import Guilds
from bot.llm import Ledger
from bot.memories import NamedMembers
from bot.observe import MessageLog

log = logging.getLogger(__name__)

ROUND_SECONDS = 60.0
"""Between two rounds; what is due is erased at the first round after its time, also after a time off."""

WARN_BEFORE = timedelta(days=3)
"""How long before retention erases messages that were never extracted operators are told."""

LEFT_GUILD_KEPT = timedelta(days=7)
"""How long the data of a server is kept after the bot was removed from it, so that a mistake can be undone."""

_DAY_MS = 86_400_000


class Housekeeping:
    """Runs the rounds beside the bot."""

    def __init__(
        self,
        *,
        erasure: Erasure,
        guilds: Guilds,
        log: MessageLog,
        ledger: Ledger,
        named: NamedMembers,
        clock: Clock,
        retention_days: int,
    ) -> None:
        self._erasure = erasure
        self._guilds = guilds
        self._log = log
        self._ledger = ledger
        self._named = named
        self._clock = clock
        self._retention_days = retention_days
        self._warned_on = -1

    async def run(self) -> None:
        """Do rounds until cancelled; a round that the database refuses is tried again at the next."""
        while True:
            try:
                await self.round()
            except SQLAlchemyError as error:
                log.warning("Housekeeping is put off: %s", type(error).__name__)
            await asyncio.sleep(ROUND_SECONDS)

    async def round(self) -> None:
        """Erase what is due, write the ledger, warn of what waits for too long; nothing of it waits for another.

        Raises:
            Exception: why something could not be done, after all else was: it is named, and done in another round.
        """
        await do_each(self._ledger.flush, self._expire, self._erase_left, self._settle, self._erasure.sweep, self._warn)

    async def _expire(self) -> None:
        expired = await self._erasure.erase_expired(self._retention_days)
        if any(expired.values()):
            log.info("Kept for long enough (messages for %d days): erased %s", self._retention_days, expired)

    async def _settle(self) -> None:
        if settled := await self._named.settle_overdue():
            log.info("%d flags were not decided in time: the names were taken out of the memories", settled)

    async def _erase_left(self) -> None:
        before_ms = self._clock() - int(LEFT_GUILD_KEPT.total_seconds() * 1000)
        await do_each(*(partial(self._erase_guild, guild_id) for guild_id in await self._guilds.left_before(before_ms)))

    async def _erase_guild(self, guild_id: int) -> None:
        receipt = await self._erasure.erase_guild(guild_id, left=True)
        log.info("Guild %d was left a week ago: erased %s", guild_id, receipt.removed)

    async def _warn(self) -> None:
        """Tell operators once a day of messages that retention will erase before they were extracted."""
        now = self._clock()
        before = now - (self._retention_days * _DAY_MS - int(WARN_BEFORE.total_seconds() * 1000))
        if self._warned_on == now // _DAY_MS:
            return
        waiting = await self._log.count_pending(logged_before_ms=before)
        if waiting:
            self._warned_on = now // _DAY_MS
            log.warning(
                "%d messages wait for extraction and will be erased by retention within %d days: is the model up?",
                waiting,
                WARN_BEFORE.days,
            )
