"""How much was said and remembered, day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Column, ColumnElement, and_, func, select

from bot.storage import citations, memories, messages

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.storage import Database

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class DayActivity:
    """One UTC day (YYYY-MM-DD) of one server or channel.

    Attributes:
        messages: that came into the log on that day and are in it still.
        memories: that were made on that day and are there still.
    """

    day: str
    messages: int
    memories: int


class Activity:
    """Counts what is in the database by the day on which it came in."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def by_day(
        self, guild_id: int, *, days: int, now_ms: int, channel_id: int | None = None
    ) -> list[DayActivity]:
        """The last `days` days of a server up to the one of `now_ms`, oldest first, days without anything included.

        With `channel_id`, of one of its channels: of what was said there, and of the memories that cite it.
        """
        last = now_ms // DAY_MS
        first = last - days + 1
        logged, remembered = messages.c.guild_id == guild_id, memories.c.guild_id == guild_id
        if channel_id is not None:
            logged = and_(
                messages.c.channel_id == channel_id, messages.c.guild_id + 0 == guild_id
            )  # the index by channel
            remembered = and_(
                remembered, memories.c.id.in_(select(citations.c.memory_id).where(citations.c.channel_id == channel_id))
            )
        async with self._db.read() as connection:
            messages_by_day = await _count(connection, messages.c.logged_ms, logged, first)
            made = await _count(connection, memories.c.created_ms, remembered, first)
        return [DayActivity(day_name(n), messages_by_day.get(n, 0), made.get(n, 0)) for n in range(first, last + 1)]


def day_name(number: int) -> str:
    """The UTC day that is so many days after 1 January 1970, as YYYY-MM-DD."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number)).date().isoformat()


async def _count(
    connection: AsyncConnection, when: Column[int], wanted: ColumnElement[bool], first: int
) -> Mapping[int, int]:
    day = (when // DAY_MS).label("day")
    query = select(day, func.count().label("number")).where(wanted, when >= first * DAY_MS).group_by(day)
    return {row.day: row.number for row in await connection.execute(query)}
