"""How many statements of a model were not kept, and why: the only thing that is left of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bot.storage import Store, refusals, upsert

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.domain import Clock
    from bot.storage import Database

DAY_MS = 86_400_000


class Refusals(Store):
    """Counts by server, UTC day and reason, for as long as messages are kept."""

    name = "refusals"
    tables = (refusals,)

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock

    async def add(self, connection: AsyncConnection, guild_id: int, numbers: Mapping[str, int]) -> None:
        """Count what was not kept of a server, by reason, in the caller's transaction."""
        day_ms = self._clock() // DAY_MS * DAY_MS
        rows = [
            {"guild_id": guild_id, "day_ms": day_ms, "reason": reason, "number": number}
            for reason, number in sorted(numbers.items())
            if number
        ]
        if rows:
            insert = upsert(self._db.dialect, refusals).values(rows)
            added = {"number": refusals.c.number + insert.excluded.number}
            day = list(refusals.primary_key)
            await connection.execute(insert.on_conflict_do_update(index_elements=day, set_=added))

    async def by_reason(self, guild_id: int, *, since_ms: int) -> Counter[str]:
        """What was not kept of a server since the day of this local time, by reason."""
        since = (refusals.c.guild_id == guild_id) & (refusals.c.day_ms >= since_ms // DAY_MS * DAY_MS)
        query = select(refusals.c.reason, func.sum(refusals.c.number)).where(since).group_by(refusals.c.reason)
        async with self._db.read() as connection:
            return Counter({reason: int(number) for reason, number in await connection.execute(query)})
