"""Migrations: told before they run, a copy before the first, and no copy beside what is erased."""

from __future__ import annotations

import asyncio
import stat
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.domain.errors import StartupError
from bot.storage import engine
from bot.storage.encryption import encrypt
from bot.storage.engine import migrations_waiting, open_database
from bot.storage.sqlite import DATABASE_FILE
from tests.fixtures.commandline import CommandLine
from tests.fixtures.operations import older_database

CANARY = "qzvxcanary"
KEY = "k" * 32
ROOT = Path(__file__).parents[2]


async def test_a_new_database_needs_no_backup_and_then_nothing_waits(data_dir: Path) -> None:
    assert await migrations_waiting(None, data_dir) is None
    assert not data_dir.exists()
    async with open_database(None, data_dir):
        pass
    assert await migrations_waiting(None, data_dir) == []
    assert backups(data_dir) == []


async def test_looking_changes_nothing(data_dir: Path) -> None:
    older_database(data_dir, CANARY)
    before = (data_dir / DATABASE_FILE).read_bytes()
    assert await migrations_waiting(None, data_dir)
    assert (data_dir / DATABASE_FILE).read_bytes() == before


def failing(connection: Connection) -> None:
    raise RuntimeError("a migration that fails")


async def fail_to_migrate(data_dir: Path, monkeypatch: pytest.MonkeyPatch, key: str | None = None) -> None:
    async def attempt() -> None:
        async with open_database(None, data_dir, key=key):
            pass

    with monkeypatch.context() as patched:
        patched.setattr(engine, "upgrade", failing)
        with pytest.raises(RuntimeError):
            await attempt()


async def test_the_copy_goes_when_the_migration_has_succeeded_and_stays_where_it_failed(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older_database(data_dir, CANARY)
    await fail_to_migrate(data_dir, monkeypatch)
    (backup,) = backups(data_dir)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert CANARY.encode() in backup.read_bytes()
    async with open_database(None, data_dir):
        assert await migrations_waiting(None, data_dir) == []
        assert backups(data_dir) == []


async def test_the_copy_of_an_encrypted_database_is_encrypted(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older_database(data_dir, CANARY)
    encrypt(data_dir / DATABASE_FILE, KEY)
    await fail_to_migrate(data_dir, monkeypatch, key=KEY)
    (backup,) = backups(data_dir)
    assert CANARY.encode() not in backup.read_bytes()
    backup.rename(data_dir / DATABASE_FILE)
    async with open_database(None, data_dir, key=KEY) as restored, restored.read() as connection:
        assert await connection.scalar(text("SELECT value FROM meta WHERE key = 'canary'")) == CANARY


async def test_the_copy_is_the_database_as_it_was(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older_database(data_dir, CANARY)
    before = await migrations_waiting(None, data_dir)
    await fail_to_migrate(data_dir, monkeypatch)
    (backup,) = backups(data_dir)
    old = tmp_path / "old"
    old.mkdir()
    backup.rename(old / DATABASE_FILE)
    assert await migrations_waiting(None, old) == before
    async with open_database(None, old) as restored, restored.read() as connection:
        assert await connection.scalar(text("SELECT value FROM meta WHERE key = 'canary'")) == CANARY


async def test_a_newer_database_is_left_alone(data_dir: Path) -> None:
    async with open_database(None, data_dir) as database, database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StartupError, match="newer version of this program"):
        await migrations_waiting(None, data_dir)
    with pytest.raises(StartupError, match="newer version of this program"):
        async with open_database(None, data_dir):
            pass


@pytest.mark.slow
async def test_the_command_tells_and_then_does(command_line: CommandLine, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    nothing = await command_line("migrate", "--check", "--data-dir", data_dir)
    assert (nothing.code, "no database yet" in nothing.out) == (0, True)
    older_database(data_dir, CANARY)
    waits = await command_line("migrate", "--check", "--data-dir", data_dir)
    assert (waits.code, "Migrations that wait" in waits.out) == (1, True)
    done = await command_line("migrate", "--data-dir", data_dir)
    assert (done.code, "Done." in done.out) == (0, True)
    current = await command_line("migrate", "--check", "--data-dir", data_dir)
    assert (current.code, current.out) == (0, "The database is up to date.\n")


def backups(data_dir: Path) -> list[Path]:
    return sorted(data_dir.glob("*.backup"))


async def test_of_two_processes_that_start_at_once_one_migrates_and_both_go_on(data_dir: Path) -> None:
    code = (
        "import asyncio, pathlib, sys\n"
        "from bot.storage.engine import open_database\n"
        "async def main():\n"
        "    async with open_database(None, pathlib.Path(sys.argv[1])) as db, db.read() as connection:\n"
        "        print((await connection.exec_driver_sql('SELECT count(*) FROM messages')).scalar_one())\n"
        "asyncio.run(main())\n"
    )
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, str(data_dir), cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    ended = [await asyncio.wait_for(process.communicate(), 60) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert [out for out, _ in ended] == [b"0\n"] * 3
