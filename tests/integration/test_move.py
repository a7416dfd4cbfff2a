"""The database moves from SQLite to PostgreSQL: all of it, once, and into nothing of anybody else's."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select

from bot.domain.errors import InUse, StartupError, UserError
from bot.guilds import SubjectHasher
from bot.llm.loading import load_settings
from bot.operate import move_database
from bot.operate.copying import ROWS
from bot.settings import Settings
from bot.storage import metadata, open_store
from bot.storage.engine import Database, open_database
from bot.storage.schema import channels
from tests.fixtures.memory import Interrupted, Pipeline
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD, FakeClock

pytestmark = [pytest.mark.slow]

OWN_OF_EACH = ("changes",)
"""Keys that a database writes for itself."""


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    return load_settings(None, data_dir=data_dir, mem0_enabled=False)


@pytest.fixture
async def empty(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The address of a database in which nothing is."""
    async with postgres_server.empty_database() as url:
        yield url


async def content(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the tables."""
    async with db.read() as connection:
        rows = {
            table.name: sorted(map(tuple, await connection.execute(select(table))), key=str)
            for table in metadata.sorted_tables
        }
    rows["meta"] = [row for row in rows["meta"] if row[0] not in OWN_OF_EACH]
    return rows


async def fill(settings: Settings, clock: FakeClock) -> dict[str, list[tuple[Any, ...]]]:
    """Some pages of messages, memories, and what was decided; all of it."""
    async with open_database(None, settings.data_dir) as db:
        pipeline = Pipeline(db, await SubjectHasher.load(db), clock, settings.data_dir)
        await pipeline.say_many([f"the gate is green, {number}" for number in range(3 * ROWS + 7)])
        await pipeline.say("note: the harbour opens at nine")
        await pipeline.flush()
        await pipeline.consents.opt_out(AUTHOR + 1, None)
        await pipeline.erasure.erase_member(AUTHOR + 1)
        return await content(db)


def nothing(rows: int) -> None:
    pass


if server_programs() is not None:

    async def test_everything_is_moved_and_goes_on_there(
        settings: Settings, empty: str, clock: FakeClock, tmp_path: Path
    ) -> None:
        before = await fill(settings, clock)
        counted: list[int] = []
        await move_database(settings, empty, counted.append)
        assert sum(counted) > sum(map(len, before.values())), "the full text as well"
        there = settings.model_copy(update={"database_url": load_settings(None, database_url=empty).database_url})
        async with open_store(there) as db:
            assert await content(db) == before
            pipeline = Pipeline(db, await SubjectHasher.load(db), clock, tmp_path)
            async with db.read() as connection:
                found = await pipeline.fulltext.search(connection, "messages", [["harbour"]], 5)
            assert len(found) == 1
            assert len(await pipeline.memories()) == 1
            await pipeline.say_many([f"note: it goes on, {number}" for number in range(3 * ROWS + 10)])
            await pipeline.flush()
            assert len(await pipeline.memories()) == 3

    class Dying:
        """Dies after so many pages; counts them."""

        def __init__(self, pages: int) -> None:
            self.left = pages
            self.rows = 0

        def __call__(self, rows: int) -> None:
            self.rows += rows
            self.left -= 1
            if self.left == 0:
                raise Interrupted

    async def test_killed_at_any_page_it_goes_on_where_it_was(settings: Settings, empty: str, clock: FakeClock) -> None:
        before = await fill(settings, clock)
        rows = interruptions = 0
        while True:
            run = Dying(random.randint(1, 4))
            try:
                await move_database(settings, empty, run)
                break
            except Interrupted:
                interruptions += 1
                there = settings.model_copy(
                    update={"database_url": load_settings(None, database_url=empty).database_url}
                )
                with pytest.raises(StartupError, match="the move into this database is not finished"):
                    async with open_store(there):
                        pass
            finally:
                rows += run.rows
        assert interruptions > 2
        async with open_database(empty, settings.data_dir) as db:
            assert await content(db) == before
        async with open_database(None, settings.data_dir) as db, db.read() as connection:
            terms = await connection.exec_driver_sql(
                "SELECT (SELECT count(*) FROM message_terms) + (SELECT count(*) FROM memory_terms)"
            )
            assert rows == sum(map(len, before.values())) + terms.scalar_one(), "each row was copied once"

    async def test_a_source_that_changed_meanwhile_is_moved_anew(
        settings: Settings, empty: str, clock: FakeClock
    ) -> None:
        await fill(settings, clock)
        with pytest.raises(Interrupted):
            await move_database(settings, empty, Dying(4))
        async with open_database(None, settings.data_dir) as db:
            async with db.write() as connection:
                await connection.execute(channels.insert().values(channel_id=CHANNEL + 9, guild_id=GUILD))
            changed = await content(db)
        await move_database(settings, empty, nothing)
        async with open_database(empty, settings.data_dir) as db:
            assert await content(db) == changed

    async def installed(url: str, folder: Path) -> str:
        async with open_database(url, folder) as db:
            await SubjectHasher.load(db)
        return "an installation of this program"

    async def with_rows(url: str, folder: Path) -> str:
        async with open_database(url, folder) as db, db.write() as connection:
            await connection.execute(channels.insert().values(channel_id=CHANNEL, guild_id=GUILD))
        return "something in channels"

    async def of_others(url: str, folder: Path) -> str:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE bills (id int)")
        await connection.close()
        return r"tables of another program \(bills\)"

    @pytest.mark.parametrize("holding", [installed, with_rows, of_others])
    async def test_a_database_that_holds_something_is_left_alone(
        settings: Settings, empty: str, clock: FakeClock, tmp_path: Path, holding: Callable[..., Any]
    ) -> None:
        await fill(settings, clock)
        what = await holding(empty, tmp_path)
        with pytest.raises(UserError, match=f"that database holds {what}, which no move of this program made"):
            await move_database(settings, empty, nothing)

    async def test_nothing_moves_to_where_a_process_runs(settings: Settings, empty: str, clock: FakeClock) -> None:
        await fill(settings, clock)
        async with open_database(empty, settings.data_dir):
            with pytest.raises(InUse, match="a process of this program runs on that server's database"):
                await move_database(settings, empty, nothing)

    async def test_addresses_that_are_none_are_one_line(settings: Settings, clock: FakeClock) -> None:
        with pytest.raises(UserError, match=r"there is no database at .*: set DATABASE_URL to that address"):
            await move_database(settings, "postgresql://h/d", nothing)
        await fill(settings, clock)
        with pytest.raises(UserError, match="name the address of a PostgreSQL server"):
            await move_database(settings, "sqlite:///x.db", nothing)
