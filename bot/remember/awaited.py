"""What somebody waits for is read before everything else, and at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from bot.storage import Store, awaited, upsert

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.storage import Database


class Awaited(Store):
    """Channels whose waiting messages somebody wanted to know of; the queue reads it, in whatever process it is.

    Nothing ends a wait but the reading itself: once all that was logged up to then has been read, the row says nothing.
    """

    name = "channels to be read next"
    tables = (awaited,)

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock

    async def ask(self, guild_id: int, channel_ids: Collection[int]) -> None:
        """Have all that waits now in these channels read next."""
        if not channel_ids:
            return
        now = self._clock()
        rows = [{"channel_id": place, "guild_id": guild_id, "asked_ms": now} for place in channel_ids]
        asking = upsert(self._db.dialect, awaited)
        asking = asking.on_conflict_do_update(index_elements=["channel_id"], set_={"asked_ms": now})
        async with self._db.write() as connection:
            await connection.execute(asking, rows)
