from __future__ import annotations

from sqlalchemy import select

from bot.storage.engine import Database
from bot.storage.schema import meta


async def test_what_was_written_can_be_read(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(meta.insert().values(key="k", value="v"))
    async with database.read() as connection:
        assert (await connection.execute(select(meta.c.value).where(meta.c.key == "k"))).scalar_one() == "v"
    assert await database.scrub()
