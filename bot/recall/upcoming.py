"""Which plans lie ahead, by the days that their statements tell."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from bot.domain import Memory, MemoryKind, MemoryState, snowflake
from bot.memories import shown_to
from bot.storage import memories
from bot.text import Appointment, appointments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.memories import MemoryStore
    from bot.storage import Database

AHEAD = (MemoryKind.PLAN, MemoryKind.DECISION)
"""A decision counts as well: where a date was moved, it has replaced the plan."""

SAID_BEFORE = timedelta(days=400)
"""A plan is looked for among what was said in this time."""

MOST_PLANS = 1_000
"""Newest of them whose days are read; that takes a quarter of a millisecond each."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """Something that lies ahead.

    Attributes:
        day: as `next_day` tells it.
    """

    memory: Memory
    day: Appointment


def days_of(memory: Memory, zone: tzinfo) -> list[Appointment]:
    """The days that a memory tells, counted from the day on which it was said there, in the order of its text."""
    return appointments(memory.text, memory.said_at.astimezone(zone).date())


def next_day(memory: Memory, today: date, zone: tzinfo, replaced: Iterable[Memory] = ()) -> Appointment | None:
    """The day that its text tells first, of those that are not over; of a change not the day that held before."""
    ahead = [day for day in days_of(memory, zone) if day.last >= today]
    before = {day.first for older in replaced for day in days_of(older, zone)}
    return next((day for day in ahead if day.first not in before), ahead[0] if ahead else None)


def times_of(day: Appointment, zone: tzinfo) -> tuple[datetime, datetime]:
    """When something begins and ends: an hour from the time that is told, or all day."""
    if day.minutes >= 0:
        start = datetime.combine(day.first, time(day.minutes // 60 % 24, day.minutes % 60), zone)
        return start, start.astimezone(UTC) + timedelta(hours=1)  # of the clock it may be none, or two
    return datetime.combine(day.first, time(), zone), datetime.combine(day.last + timedelta(days=1), time(), zone)


class Upcoming:
    """Finds what lies ahead."""

    def __init__(self, db: Database, store: MemoryStore) -> None:
        self._db = db
        self._store = store

    async def ahead(
        self, guild_id: int, now: datetime, days: int, *, readable: frozenset[int], zone: tzinfo
    ) -> list[Ahead]:
        """What lies ahead, the earliest first.

        Args:
            guild_id: of this server.
            now: an aware time.
            days: how far ahead, today included.
            readable: only what stands on these channels alone.
            zone: in which days begin and end.
        """
        wanted = and_(
            memories.c.guild_id == guild_id,
            memories.c.said_id >= snowflake.from_datetime(now - SAID_BEFORE),
            memories.c.kind.in_(AHEAD),
            memories.c.state == MemoryState.CURRENT,
            shown_to(readable),
        )
        async with self._db.read() as connection:
            newest = select(memories.c.id).where(wanted).order_by(memories.c.said_id.desc()).limit(MOST_PLANS)
            plans = await self._store.load(connection, list(await connection.scalars(newest)))
        today = now.astimezone(zone).date()
        shown = [memory.seen_by(readable) for memory in plans.values()]
        replaced = await self._store.before(list(plans), readable=readable)
        return await asyncio.to_thread(_ahead, shown, replaced, today, today + timedelta(days=days), zone)


def _ahead(
    plans: Iterable[Memory], replaced: Mapping[str, Sequence[Memory]], today: date, until: date, zone: tzinfo
) -> list[Ahead]:
    """Those with a day in this time, earliest first; a decision that stands on a plan's message for its day is one."""
    days = ((plan, next_day(plan, today, zone, replaced.get(plan.id, ()))) for plan in plans)
    dated = [Ahead(plan, day) for plan, day in days if day is not None and day.first < until]
    planned = {stands for each in dated if each.memory.kind is MemoryKind.PLAN for stands in _stands_on(each)}
    ahead = [each for each in dated if each.memory.kind is MemoryKind.PLAN or planned.isdisjoint(_stands_on(each))]
    return sorted(ahead, key=lambda each: (each.day, each.memory.newest.message_id))


def _stands_on(ahead: Ahead) -> set[tuple[date, int]]:
    return {(ahead.day.first, citation.message_id) for citation in ahead.memory.stating}
