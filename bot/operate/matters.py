"""What the admins of a server have to know of: what operators see in their dashboards, as far as it is theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
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
"""Admins are told of messages that wait for the model for so long."""

EXACT_BELOW = 10
"""Larger numbers are rounded, so that a warning is not edited with every message that comes."""


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

    async def of(self, guild_ids: Collection[int]) -> dict[int, dict[Matter, str]]:
        """The matters of these servers that stand now, in one sentence or two each, without anybody's words.

        However many servers there are, it takes a handful of queries.
        """
        standing: defaultdict[int, dict[Matter, str]] = defaultdict(dict)
        if self._reads:
            for guild_id, number in (await self._held_for_long()).items():
                standing[guild_id][Matter.MODEL_AWAY] = _away(number)
            for guild_id, number in (await self._near_retention()).items():
                standing[guild_id][Matter.NEAR_RETENTION] = _late(number)
        undone, everywhere = await self._removing.by_server()
        for guild_id in guild_ids:
            if number := undone.get(guild_id, 0) + everywhere:
                standing[guild_id][Matter.ERASURE] = _undone(number)
        return {guild_id: standing[guild_id] for guild_id in guild_ids}

    async def _held_for_long(self) -> dict[int, int]:
        before = self._clock() - _ms(AWAY)
        held = await self._held_up.by_server()
        return {guild_id: waiting.messages for guild_id, waiting in held.items() if waiting.since_ms <= before}

    async def _near_retention(self) -> dict[int, int]:
        before = self._clock() - _ms(self._retention - min(WARN_BEFORE, self._retention / 2))
        return await self._log.pending_by_server(logged_before_ms=before)


def _away(number: int) -> str:
    return Phrase.plural(
        "Messages here have been waiting for an hour or more, because the language model or a service that it needs "
        "is not working. At least {number} message is waiting; it will be read once that works again.",
        "Messages here have been waiting for an hour or more, because the language model or a service that it needs "
        "is not working. At least {number} messages are waiting; they will be read once that works again.",
        rounded_down(number),
    )


def _late(number: int) -> str:
    return Phrase.plural(
        "At least {number} message has not been read yet and is deleted within {days} days, without becoming a memory, "
        "unless it is read before. Ask the operator of this bot whether the language model keeps up.",
        "At least {number} messages have not been read yet and are deleted within {days} days, without becoming "
        "memories, unless they are read before. Ask the operator of this bot whether the language model keeps up.",
        rounded_down(number),
        days=WARN_BEFORE.days,
    )


def _undone(number: int) -> str:
    return Phrase.plural(
        "{number} deletion could not be finished. It is tried again until it is done; the operator's log says "
        "why it is not.",
        "{number} deletions could not be finished. They are tried again until they are done; the operator's "
        "log says why they are not.",
        number,
    )


def rounded_down(number: int) -> int:
    """A number with its first digit alone, from `EXACT_BELOW` on: 7, 10, 40, 300."""
    unit = 10 ** (len(str(number)) - 1) if number >= EXACT_BELOW else 1
    return number // unit * unit


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
