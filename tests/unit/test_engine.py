from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from bot.domain.errors import StartupError
from bot.storage.engine import Database, open_database, upsert
from bot.storage.schema import meta
from bot.storage.sqlite import DATABASE_FILE

PAGE_BYTES = 4096

COUNT_TO_MILLIONS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT max(i) FROM n"
OPEN = """
import asyncio, pathlib, sys
from bot.storage.engine import open_database

async def main():
    async with open_database(None, pathlib.Path(sys.argv[1])):
        pass

asyncio.run(main())
"""


async def _keys(database: Database) -> list[str]:
    async with database.read() as connection:
        return list(await connection.scalars(select(meta.c.key).order_by(meta.c.key)))


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


async def test_what_was_written_can_be_read(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(meta).values(key="k", value="v"))
    assert await _keys(database) == ["k"]


async def test_a_failed_write_leaves_nothing(database: Database) -> None:
    async def write_twice() -> None:
        async with database.write() as connection:
            await connection.execute(insert(meta).values(key="k", value="v"))
            await connection.execute(insert(meta).values(key="k", value="again"))

    with pytest.raises(IntegrityError):  # raised by SQLCipher's module, and still SQLAlchemy's
        await write_twice()
    assert await _keys(database) == []


async def test_a_cancelled_write_leaves_nothing_and_frees_the_turn(database: Database) -> None:
    async def write_for_ever() -> None:
        async with database.write() as connection:
            await connection.execute(insert(meta).values(key="k", value="v"))
            written.set()
            await connection.execute(
                text(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT max(i) FROM n"
                )
            )

    written = asyncio.Event()
    task = asyncio.create_task(write_for_ever())
    await written.wait()
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.write() as connection:
        await connection.execute(insert(meta).values(key="next", value="v"))
    assert await _keys(database) == ["next"]


async def _add_one(database: Database) -> None:
    async with database.write() as connection:
        value = await connection.scalar(select(meta.c.value).where(meta.c.key == "n"))
        await asyncio.sleep(0)
        row = upsert(database.dialect, meta).values(key="n", value=str(int(value or 0) + 1))
        higher = row.on_conflict_do_update(index_elements=["key"], set_={"value": row.excluded.value})
        await connection.execute(higher)


async def test_writers_take_turns_in_this_process_and_with_others(database: Database, data_dir: Path) -> None:
    async with open_database(None, data_dir) as beside:  # as the command line does while the bot runs
        await asyncio.gather(*(_add_one(each) for _ in range(10) for each in (database, beside)))
    async with database.read() as connection:
        assert await connection.scalar(select(meta.c.value)) == "20"


async def test_readers_see_the_last_commit_while_a_write_is_open(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(meta).values(key="k", value="v"))
        assert await asyncio.wait_for(_keys(database), 1) == []
    assert await _keys(database) == ["k"]


@pytest.mark.both_databases(fast=True)
@pytest.mark.matrix
async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError):
        async with database.read() as connection:
            await connection.execute(insert(meta).values(key="k", value="v"))


@pytest.mark.both_databases(fast=True)
async def test_a_read_is_one_consistent_state(database: Database) -> None:
    async with database.read() as reader:
        assert await reader.scalar(select(func.count()).select_from(meta)) == 0
        async with database.write() as connection:
            await connection.execute(insert(meta).values(key="k", value="v"))
        assert await reader.scalar(select(func.count()).select_from(meta)) == 0


async def test_files_are_readable_by_the_bot_alone(database: Database, data_dir: Path) -> None:
    async with database.write() as connection:
        await connection.execute(insert(meta).values(key="k", value="v"))
    modes = _modes(data_dir)
    assert modes.pop(data_dir.name) == 0o700
    assert len(modes) == 3  # the database, its write-ahead log and shared memory
    assert set(modes.values()) == {0o600}


async def test_data_outlives_the_process(data_dir: Path) -> None:
    for expected in ([], ["k"]):
        async with open_database(None, data_dir) as database:
            assert await _keys(database) == expected
            async with database.write() as connection:
                row = upsert(database.dialect, meta).values(key="k", value="v")
                await connection.execute(row.on_conflict_do_nothing())


async def test_the_address_can_name_another_file(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "log.db"
    async with open_database(f"sqlite:///{path}", tmp_path / "data"):
        assert path.exists()


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:", "mysql://host/database"])
async def test_an_unusable_address_is_one_clear_line(url: str, tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"^DATABASE_URL: .*sqlite:///data") as raised:
        async with open_database(url, tmp_path / "data"):
            pass
    assert "\n" not in str(raised.value)


async def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=r"^DATA_DIR: .*can't be a folder"):
        async with open_database(None, tmp_path / "file" / "data"):
            pass


@pytest.mark.slow
async def test_processes_that_start_together_migrate_once(data_dir: Path) -> None:
    command = (sys.executable, "-c", OPEN, str(data_dir))
    processes = [await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE) for _ in range(3)]
    results = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0, 0], results


@pytest.mark.both_databases
async def test_blocks_with_the_same_number_are_entered_one_after_the_other(database: Database) -> None:
    async with database.alone(7, wait=False) as held:
        assert held
        async with database.alone(7, wait=False) as held_too, database.alone(8, wait=False) as another:
            assert (held_too, another) == (False, True)
        waiting = asyncio.create_task(_enter(database, 7))
        await asyncio.sleep(0.1)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 5)


async def _enter(database: Database, number: int) -> None:
    async with database.alone(number):
        pass


async def test_a_damaged_page_stops_the_start_with_what_to_do(tmp_path: Path) -> None:
    async with open_database(None, tmp_path) as database:
        assert await database.damage() is None
        database.check_undamaged(await database.damage())
    file = tmp_path / DATABASE_FILE
    with closing(sqlite3.connect(file)) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'audit'")
    pages = bytearray(file.read_bytes())
    first = (page - 1) * PAGE_BYTES  # of a table that opening does not read
    pages[first : first + PAGE_BYTES] = b"\xab" * PAGE_BYTES
    file.write_bytes(pages)
    async with open_database(None, tmp_path) as database:
        damage = await database.damage()
        assert damage
        assert "\n" not in damage
        with pytest.raises(StartupError, match=r"is damaged .* restore a backup"):
            database.check_undamaged(damage)


async def test_rights_are_taken_of_no_device(tmp_path: Path) -> None:
    device = tmp_path / "house" / "device"
    device.parent.mkdir()
    os.mkfifo(device, 0o666)
    device.chmod(0o666)
    with pytest.raises(StartupError, match="is no file: name the file of the database"):
        async with open_database(f"sqlite:///{device}", tmp_path / "data"):
            pass
    assert stat.S_IMODE(device.stat().st_mode) == 0o666
