"""What the admins of a server have to know of: what operators see in their dashboards, as far as it is theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain import Phrase
from bot.guilds import Matter
from bot.operate.housekeeping import WARN_BEFORE

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.forget import Removing
    from bot.observe import MessageLog
    from bot.remember import HeldUp

AWAY = timedelta(hours=1)
"""After so long without the model admins are told."""


class Matters:
    """Looks for them, in the database alone: every process sees the same.

    Args:
        held_up: what waits for a service.
        log: what waits to be read.
        removing: what could not be removed.
        clock: the local clock.
        retention_days: how long messages are kept.
        reads: whether a language model is in use at all.
    """

    def __init__(
        self, held_up: HeldUp, log: MessageLog, removing: Removing, clock: Clock, *, retention_days: int, reads: bool
    ) -> None:
        self._held_up = held_up
        self._log = log
        self._removing = removing
        self._clock = clock
        self._retention = timedelta(days=retention_days)
        self._reads = reads

    async def of(self, guild_id: int) -> dict[Matter, str]:
        """The matters of a server that stand now, in one sentence or two each, without anybody's words."""
        standing: dict[Matter, str] = {}
        if self._reads and (away := await self._away(guild_id)):
            standing[Matter.MODEL_AWAY] = away
        if self._reads and (late := await self._near_retention(guild_id)):
            standing[Matter.NEAR_RETENTION] = late
        undone = await self._removing.undone(guild_id)
        if count := undone.erasures + undone.posts:
            standing[Matter.ERASURE] = Phrase.plural(
                "{number} deletion could not be finished. It is tried again until it is done; the operator's log says "
                "why it is not.",
                "{number} deletions could not be finished. They are tried again until they are done; the operator's "
                "log says why they are not.",
                count,
            )
        return standing

    async def _away(self, guild_id: int) -> str | None:
        waiting = await self._held_up.oldest_ms(guild_id)
        if waiting is None or waiting[1] > self._clock() - _ms(AWAY):
            return None
        return Phrase.plural(
            "The language model has not answered for an hour or more: {number} message waits to be read. Nothing is "
            "lost; it is read once the model is back.",
            "The language model has not answered for an hour or more: {number} messages wait to be read. Nothing is "
            "lost; they are read once the model is back.",
            waiting[0],
        )

    async def _near_retention(self, guild_id: int) -> str | None:
        before = self._clock() - _ms(self._retention - min(WARN_BEFORE, self._retention / 2))
        waiting = await self._log.count_pending(logged_before_ms=before, guild_id=guild_id)
        if not waiting:
            return None
        days = WARN_BEFORE.days
        return Phrase.plural(
            "{number} message was not read yet, and its time is over within {days} days: then it is deleted without "
            "having become a memory. Ask the operator of this bot whether the language model keeps up.",
            "{number} messages were not read yet, and their time is over within {days} days: then they are deleted "
            "without having become memories. Ask the operator of this bot whether the language model keeps up.",
            waiting,
            days=days,
        )


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
