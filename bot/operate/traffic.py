"""How much comes in from each server, and how much of it waits: whose messages fill the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select

from bot.domain import MessageState
from bot.storage import memories, messages

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.storage import Database

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class GuildTraffic:
    """What came in from a server, and what waits.

    Attributes:
        guild_id: None for several servers taken together.
        last_hour: messages that came into the log within the last hour and are in it still.
        last_day: the same within the last 24 hours.
        pending: messages that wait for extraction.
        oldest_seconds: for how long the oldest of them waits; 0 without any.
        memories: that were made within the last 24 hours and are there still.
    """

    guild_id: int | None
    last_hour: int = 0
    last_day: int = 0
    pending: int = 0
    oldest_seconds: float = 0.0
    memories: int = 0


class Traffic:
    """Counts by server.

    Each query reads an index over what it counts and no more: with a million messages in the log, of which 33,000 came
    within 24 hours and 100,000 wait, all servers together take 90 ms on SQLite and 40 ms on PostgreSQL.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def by_guild(self) -> list[GuildTraffic]:
        """Every server from which something came within 24 hours or waits: the largest backlog first."""
        by_guild = await self._count(None)
        return sorted(by_guild, key=lambda of: (-of.pending, -of.last_day, of.guild_id))

    async def of_guild(self, guild_id: int) -> GuildTraffic:
        """One server."""
        return next(iter(await self._count(guild_id)), GuildTraffic(guild_id))

    async def _count(self, guild_id: int | None) -> list[GuildTraffic]:
        now = self._clock()
        # Planners have been seen to walk an index by author for the sake of the server: 2 s instead of 30 ms.
        said_in = messages.c.guild_id + 0
        lately = func.sum(case((messages.c.logged_ms > now - HOUR_MS, 1), else_=0))
        came = select(messages.c.guild_id, func.count(), lately).where(messages.c.logged_ms > now - DAY_MS)
        waits = select(messages.c.guild_id, func.count(), func.min(messages.c.logged_ms))
        waits = waits.where(messages.c.state == MessageState.PENDING, messages.c.reason.is_(None))
        made = select(memories.c.guild_id, func.count()).where(memories.c.created_ms > now - DAY_MS)
        if guild_id is not None:
            came, waits = came.where(said_in == guild_id), waits.where(said_in == guild_id)
            made = made.where(memories.c.guild_id == guild_id)
        async with self._db.read() as connection:
            arrived = {row[0]: row for row in await connection.execute(came.group_by(messages.c.guild_id))}
            waiting = {row[0]: row for row in await connection.execute(waits.group_by(messages.c.guild_id))}
            remembered = {row[0]: row for row in await connection.execute(made.group_by(memories.c.guild_id))}
        traffic = []
        for guild in {*arrived, *waiting, *remembered}:
            _, day, hour = arrived.get(guild, (guild, 0, 0))
            _, pending, oldest_ms = waiting.get(guild, (guild, 0, now))
            _, memories_made = remembered.get(guild, (guild, 0))
            waits_for = max(0, now - oldest_ms) / 1000
            traffic.append(GuildTraffic(guild, int(hour), day, pending, waits_for, memories_made))
        return traffic


def together(servers: Sequence[GuildTraffic]) -> GuildTraffic:
    """The sums of several servers, and the longest wait."""
    return GuildTraffic(
        None,
        sum(each.last_hour for each in servers),
        sum(each.last_day for each in servers),
        sum(each.pending for each in servers),
        max((each.oldest_seconds for each in servers), default=0.0),
        sum(each.memories for each in servers),
    )
