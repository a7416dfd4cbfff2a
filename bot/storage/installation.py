"""Small facts of this installation that outlive the process."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.engine import upsert
from bot.storage.schema import meta
from bot.storage.stores import Store

BOT_ID = "bot_id"
"""Key of the bot's own user id, which a worker knows from here."""


class Installation(Store):
    """Key and value pairs in the database, such as the hash of the commands that Discord last took."""

    name = "installation"
    tables = (meta,)

    async def get(self, key: str) -> str | None:
        """The value under `key`, or None."""
        async with self._db.read() as connection:
            value: str | None = await connection.scalar(select(meta.c.value).where(meta.c.key == key))
        return value

    async def beginning_with(self, prefix: str) -> dict[str, str]:
        """All values whose keys begin with `prefix`, by key."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(meta.c.key, meta.c.value).where(meta.c.key.startswith(prefix)))
            return {row.key: row.value for row in rows}

    async def drop(self, keys: Collection[str]) -> None:
        """Keep nothing under these keys any more; unknown ones are fine."""
        async with self._db.write() as connection:
            await connection.execute(delete(meta).where(meta.c.key.in_(keys)))

    async def set(self, key: str, value: str, *, patient: bool = False) -> None:
        """Keep `value` under `key`, replacing what was there; `patient` as in `Database.write`."""
        async with self._db.write(patient=patient) as connection:
            await self.put(connection, key, value)

    async def set_first(self, key: str, value: str) -> str:
        """Keep `value` under `key` where nothing is kept there, at a start, so it waits for its turn; what is kept."""
        statement = upsert(self._db.dialect, meta).values(key=key, value=value)
        async with self._db.write(patient=True) as connection:
            await connection.execute(statement.on_conflict_do_nothing())
            stored: str = (await connection.execute(select(meta.c.value).where(meta.c.key == key))).scalar_one()
        return stored

    async def put(self, connection: AsyncConnection, key: str, value: str) -> None:
        """As `set`, in the caller's transaction."""
        statement = upsert(self._db.dialect, meta).values(key=key, value=value)
        await connection.execute(
            statement.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": statement.excluded.value})
        )
