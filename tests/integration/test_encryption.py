"""DATA_KEY: the embedded database is unreadable without it, and searches as before with it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bot.domain.errors import InUse, StartupError
from bot.guilds.consent import SubjectHasher
from bot.storage.encryption import encrypt, is_plain
from bot.storage.engine import open_database
from bot.storage.sqlite import DATABASE_FILE
from tests.fixtures.commandline import CommandLine
from tests.fixtures.memory import Pipeline, bytes_in, open_pipeline
from tests.fixtures.storage import AUTHOR, GUILD, FakeClock

KEY, OTHER_KEY = "a" * 32, "b" * 32
CANARY = "xqvkzjwp"


async def found(pipeline: Pipeline, word: str) -> int:
    async with pipeline.db.read() as connection:
        return len(await pipeline.fulltext.search(connection, "messages", [[word]], 10))


async def test_nothing_can_be_read_without_the_key_and_everything_with_it(data_dir: Path) -> None:
    async with open_database(None, data_dir, key=KEY) as db:
        pipeline = Pipeline(db, await SubjectHasher.load(db), FakeClock(), data_dir)
        await pipeline.say(f"note: {CANARY} is decided")
        await pipeline.flush()
        assert bytes_in(data_dir, CANARY) == []  # nor in the write-ahead log
        assert await found(pipeline, CANARY) == 1
        receipt = await pipeline.erasure.erase_member(AUTHOR, GUILD)
        assert receipt.complete
        assert await found(pipeline, CANARY) == 0
        await db.sweep()
    assert is_plain(data_dir / DATABASE_FILE, "DATA_DIR") is False
    for wrong in (None, OTHER_KEY):
        with pytest.raises(StartupError, match="DATA_KEY"):
            async with open_database(None, data_dir, key=wrong):
                pass


async def test_a_wrong_key_is_one_error_and_no_line_of_the_driver(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with open_database(None, tmp_path, key=KEY):
        pass
    with pytest.raises(StartupError, match="DATA_KEY"):
        async with open_database(None, tmp_path, key=OTHER_KEY):
            pass
    assert capfd.readouterr().err == ""


async def test_an_existing_database_is_encrypted_once_and_whole(data_dir: Path) -> None:
    async with open_pipeline(data_dir, FakeClock()) as pipeline:
        await pipeline.say(f"note: {CANARY} is decided")
        await pipeline.flush()
        with pytest.raises(InUse):
            encrypt(data_dir / DATABASE_FILE, KEY)
        assert await pipeline.texts() == [f"{CANARY} is decided"]
    with pytest.raises(StartupError, match="bot encrypt"):
        async with open_database(None, data_dir, key=KEY):
            pass
    encrypt(data_dir / DATABASE_FILE, KEY)
    assert bytes_in(data_dir, CANARY) == []
    assert [path.name for path in data_dir.iterdir()] == [DATABASE_FILE]
    assert stat.S_IMODE((data_dir / DATABASE_FILE).stat().st_mode) == 0o600
    async with open_database(None, data_dir, key=KEY) as db:
        pipeline = Pipeline(db, await SubjectHasher.load(db), FakeClock(), data_dir)
        assert await pipeline.texts() == [f"{CANARY} is decided"]
        assert await found(pipeline, CANARY) == 1
        await pipeline.erasure.erase_member(AUTHOR, GUILD)
        assert await pipeline.texts() == []


@pytest.mark.slow
async def test_the_command_encrypts_and_doctor_says_what_is_on(command_line: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with open_database(None, folder):
        pass
    plain = await command_line("doctor", "--data-dir", folder, MEM0_ENABLED="false")
    assert "not encrypted (DATA_KEY is not set)" in plain.out
    unset = await command_line("encrypt", "--data-dir", folder)
    assert (unset.code, "DATA_KEY is not set" in unset.err) == (1, True)
    done = await command_line("encrypt", "--data-dir", folder, DATA_KEY=KEY)
    assert (done.code, "is encrypted" in done.out) == (0, True)
    assert KEY not in done.out + done.err
    again = await command_line("encrypt", "--data-dir", folder, DATA_KEY=KEY)
    assert "already" in again.out
    after = await command_line("doctor", "--data-dir", folder, MEM0_ENABLED="false", DATA_KEY=KEY)
    assert "the database is encrypted; files are for the bot's user alone" in after.out
    (folder / "loose").touch(mode=0o644)
    loose = await command_line("doctor", "--data-dir", folder, MEM0_ENABLED="false", DATA_KEY=KEY)
    assert "others may read 1 files" in loose.out
