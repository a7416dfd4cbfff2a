"""Backups with the real process: a drill, and kill -9 at random moments of backing up, restoring and moving."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from bot.storage.sqlite import DATABASE_FILE
from tests.acceptance.stores import canary, execute, files_with, logged, rows, said_by_people, sqlite
from tests.fixtures.commandline import CommandLine
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.process import Stage
from tests.fixtures.storage import copy_into
from tests.loopback.discord import eventually

pytestmark = pytest.mark.slow

MESSAGES = 20_000
"""So many that writing them takes a while."""

KILLS = 4


async def test_a_restore_drill(stage: Stage) -> None:
    """The disk is lost; the backup of yesterday and the file of erasures are what is left."""
    elsewhere, bot = stage.folder / "elsewhere", stage.bot
    elsewhere.mkdir()
    bot.environment["ERASURES_FILE"] = str(elsewhere / "erasures.jsonl")
    general, ada = await stage.without_model()
    ben, eve = general.guild.member("Ben"), general.guild.member("Eve")
    command = CommandLine(stage.folder, bot.environment)

    secret, withdrawn, silent, kept, later = (canary() for _ in range(5))
    his = general.say(ben, f"my {secret} is here")
    regretted = general.say(eve, f"a {withdrawn} to be deleted")
    vanishing = general.say(ada, f"a {silent} that goes while nobody looks")
    stays = general.say(ada, f"the {kept} stays")
    await eventually(lambda: logged(bot.database, general) == said_by_people(general), within=20)
    made = await command("backup", elsewhere / "backup.db")
    assert made.code == 0, made.err
    assert files_with(elsewhere, [secret.encode()])

    asked = stage.discord.command(ben, general, "forget everything")
    stage.discord.press(ben, await asked.answer(within=30), "Delete everything")
    regretted.delete()
    opted = stage.discord.command(eve, general, "privacy opt-out")
    stage.discord.press(eve, await opted.answer(within=20), "Opt out and delete")
    since = general.say(ada, f"the {later} comes after the backup")
    erased = [secret.encode(), withdrawn.encode()]
    await eventually(lambda: not files_with(bot.data_dir, erased), within=75)

    def noted() -> bool:
        lines = (elsewhere / "erasures.jsonl").read_text()
        return lines.count('"member"') == 2 and '"choice"' in lines and str(regretted.id) in lines

    await eventually(noted, within=20)
    in_use = await command("restore", elsewhere / "backup.db")
    assert (in_use.code, "another bot runs on" in in_use.err) == (2, True)
    await bot.kill()
    for file in bot.data_dir.glob(f"{DATABASE_FILE}*"):
        file.unlink()
    general.drop([vanishing.id])

    restored = await command("restore", elsewhere / "backup.db")
    assert restored.code == 0, restored.err
    assert rows(bot.database, "SELECT opted_out FROM consents") == [(1,)]
    assert "They are known from" in restored.out
    assert files_with(bot.data_dir, erased) == [], "before anybody could see it"
    await bot.start()
    await eventually(lambda: logged(bot.database, general).keys() == {stays.id, since.id}, within=75)
    assert his in general.messages, "Discord still has it, and it is not read again"
    await eventually(lambda: not files_with(bot.data_dir, [silent.encode()]), within=75)
    found = await stage.discord.command(ada, general, "recall", query=kept).answer(within=30)
    assert kept in found.text
    for word in (secret, withdrawn, silent):
        hidden = await stage.discord.command(ada, general, "recall", query=word).answer(within=30)
        assert "is here" not in hidden.text
        assert "to be deleted" not in hidden.text
        assert "nobody looks" not in hidden.text


# --- killed at random ------------------------------------------------------------------------------------------------


def filled(folder: Path, migrated_file: Path, word: str) -> Path:
    """A database of many messages with this word."""
    copy_into(folder, migrated_file)
    connection = sqlite.connect(folder / DATABASE_FILE)
    with connection:
        connection.executemany(
            "INSERT INTO messages (id, guild_id, channel_id, author_id, content, logged_ms, state) "
            "VALUES (?, 1001, 2001, 3001, ?, 1, 'skipped')",
            ((number, f"{word} {number} " * 8) for number in range(1, MESSAGES + 1)),
        )
    connection.close()
    return folder / DATABASE_FILE


def whole(file: Path) -> str:
    """The word of a database that is whole, with every message."""
    assert rows(file, "PRAGMA integrity_check") == [("ok",)]
    assert rows(file, "SELECT count(*) FROM messages") == [(MESSAGES,)]
    ((content,),) = rows(file, "SELECT content FROM messages WHERE id = 1")
    return str(content).split()[0]


async def killed_at_random(
    command: CommandLine, *arguments: str | Path, begun: Callable[[], object], seconds: float
) -> bool:
    """Run a command and kill it within some seconds from its begin, at once for 0; whether it was before its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *map(str, arguments),
        cwd=command.folder,
        env=command.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    with suppress(TimeoutError):
        await eventually(lambda: begun() or process.returncode is not None, within=60)
        async with asyncio.timeout(random.uniform(0, seconds)):
            await process.wait()
    if process.returncode is None:
        process.kill()
    return await process.wait() == -9


async def test_a_backup_that_is_killed_leaves_none_and_the_next_one_is_whole(
    command_line: CommandLine, tmp_path: Path, migrated_file: Path
) -> None:
    filled(tmp_path / "data", migrated_file, "old")
    backup, part = tmp_path / "backup.db", tmp_path / "backup.db.part"
    kills = 0
    for number in range(KILLS):
        part.unlink(missing_ok=True)
        kills += await killed_at_random(command_line, "backup", backup, begun=part.exists, seconds=0.6 * number / KILLS)
        assert not backup.exists() or whole(backup) == "old"
        backup.unlink(missing_ok=True)
    assert kills
    ran = await command_line("backup", backup)
    assert ran.code == 0, ran.err
    assert whole(backup) == "old"
    assert not part.exists()


async def test_a_restore_that_is_killed_leaves_the_old_database_or_the_new_one(
    command_line: CommandLine, tmp_path: Path, migrated_file: Path
) -> None:
    database = filled(tmp_path / "data", migrated_file, "new")
    backup = tmp_path / "backup.db"
    assert (await command_line("backup", backup)).code == 0
    preparing = tmp_path / "data" / f"{DATABASE_FILE}.restoring"
    kills = 0
    for number in range(KILLS):
        execute(database, "UPDATE messages SET content = replace(content, 'new', 'old')")
        kills += await killed_at_random(
            command_line, "restore", backup, "--anyway", begun=preparing.exists, seconds=3.0 * number / KILLS
        )
        assert whole(database) in ("old", "new")
        checked = await command_line("migrate", "--check")
        assert checked.code == 0, checked.err
        await command_line("migrate")
        assert not preparing.exists(), "a start removes what was being prepared"
    assert kills
    ran = await command_line("restore", backup, "--anyway")
    assert ran.code == 0, ran.err
    assert whole(database) == "new"
    assert not preparing.exists()


if server_programs() is not None:

    async def test_a_move_that_is_killed_again_and_again_ends_with_everything(
        command_line: CommandLine, tmp_path: Path, migrated_file: Path, postgres_server: PostgresServer
    ) -> None:
        database = filled(tmp_path / "data", migrated_file, "old")
        async with postgres_server.empty_database() as url:
            kills = 0
            for number in range(KILLS):
                kills += await killed_at_random(
                    command_line,
                    "migrate-database",
                    url,
                    begun=lambda: random.random() < 0.1,
                    seconds=6.0 * number / KILLS,
                )
                refused = await command_line("migrate", DATABASE_URL=url)
                assert refused.code == 0 or "the move into this database is not finished" in refused.err, refused.err
            assert kills
            await command_line("migrate-database", url)
            backup = tmp_path / "backup.db"
            ran = await command_line("backup", backup, DATABASE_URL=url)
            assert ran.code == 0, ran.err
            assert whole(backup) == "old"
            assert whole(database) == "old"
