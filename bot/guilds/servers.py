"""Servers that the bot is or was in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from bot.storage import Store, guilds, upsert

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.storage import Database


class Guilds(Store):
    """Remembers joining and leaving, and that the set-up was offered."""

    name = "servers"
    tables = (guilds,)
    of_server = True

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock

    async def joined(self, guild_id: int, name: str) -> bool:
        """Note that the bot is in this server; tells whether the set-up has yet to be offered there."""
        now = self._clock()
        async with self._db.write() as connection:
            statement = upsert(self._db.dialect, guilds).values(guild_id=guild_id, name=name, joined_ms=now)
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[guilds.c.guild_id], set_={"name": statement.excluded.name, "left_ms": None}
                )
            )
            offered = await connection.scalar(select(guilds.c.setup_offered_ms).where(guilds.c.guild_id == guild_id))
        return offered is None

    async def setup_offered(self, guild_id: int) -> None:
        """Note that the set-up was offered, so that it is not offered again."""
        await self._stamp(guild_id, "setup_offered_ms")

    async def left(self, guild_id: int) -> None:
        """Note that the bot was removed from this server."""
        await self._stamp(guild_id, "left_ms")

    async def _stamp(self, guild_id: int, column: str) -> None:
        async with self._db.write() as connection:
            await connection.execute(
                update(guilds).where(guilds.c.guild_id == guild_id).values({column: self._clock()})
            )

    async def names(self) -> dict[int, str]:
        """The last known name of every server."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(guilds.c.guild_id, guilds.c.name))
            return {row.guild_id: row.name for row in rows}

    async def left_before(self, moment_ms: int) -> list[int]:
        """Servers that the bot was removed from before `moment_ms` and that it is not back in."""
        async with self._db.read() as connection:
            return list(await connection.scalars(select(guilds.c.guild_id).where(guilds.c.left_ms < moment_ms)))
