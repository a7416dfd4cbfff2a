"""Migrations: told before they run, a copy before the first, and no copy beside what is erased."""

from __future__ import annotations

import asyncio
import stat
import sys
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from bot.domain import snowflake
from bot.domain.errors import StartupError
from bot.remember.statement import Judgement, Relation
from bot.storage import engine
from bot.storage.encryption import encrypt
from bot.storage.engine import migrations_waiting, open_database
from bot.storage.sqlite import DATABASE_FILE
from tests.fixtures.commandline import CommandLine
from tests.fixtures.memory import open_pipeline
from tests.fixtures.operations import older_database
from tests.fixtures.storage import CHANNEL, GUILD, FakeClock

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


ALICE = 3_101
BEFORE_TWO_CALLS = "0009"
IDS = [str(UUID(int=number)) for number in (1, 2, 3)]
BATCH = str(UUID(int=4))
OLD_ANSWER = '{"candidates":[["decision","invented","1"]],"refusals":{},"calls":1,"prompt_tokens":1}'


def before_two_calls(clock: FakeClock) -> list[tuple[str, dict[str, object]]]:
    """A memory as the model made it, one that was put right, one that it replaced, and an answer that waits."""
    said = [snowflake.from_ms(clock() - 60_000 * minutes) for minutes in (40, 30, 20, 10)]
    places = {"guild_id": GUILD, "channel_id": CHANNEL}
    at = {"created_ms": clock(), "updated_ms": clock(), "version": 1}
    texts = ("the gate is red", "the key hangs in the hall", "the gate is green")
    origins = ("extracted", "corrected", "extracted")
    rows: list[tuple[str, dict[str, object]]] = [
        (
            "messages",
            places | {"id": i, "author_id": ALICE, "content": f"note: {statement}", "logged_ms": clock(), "state": s},
        )
        for i, statement, s in zip(said, (*texts, "the bell is broken"), ("extracted",) * 3 + ("pending",), strict=True)
    ]
    for number, (statement, origin) in enumerate(zip(texts, origins, strict=True)):
        state = {"state": "superseded", "superseded_by": IDS[2]} if number == 0 else {"state": "current"}
        memory = {"id": IDS[number], "guild_id": GUILD, "kind": "decision", "text": statement, "origin": origin}
        cited: dict[str, object] = {
            "memory_id": IDS[number],
            "message_id": said[number],
            "channel_id": CHANNEL,
            "author_id": ALICE,
        }
        whole: dict[str, object] = {**memory, **state, **at, "said_id": said[number]}
        rows += [("memories", whole), ("citations", cited)]
    observed: dict[str, object] = {**places, "observed": True, "observed_from": 0}
    batch = places | {"id": BATCH, "state": "answered", "answer": OLD_ANSWER, "created_ms": clock()}
    rows += [("batches", batch), ("channels", observed)]
    rows[3][1]["batch_id"] = BATCH
    return rows


async def test_what_was_kept_before_the_two_calls_stays_and_what_waits_is_asked_again(
    data_dir: Path, clock: FakeClock
) -> None:
    older_database(data_dir, CANARY, BEFORE_TWO_CALLS, before_two_calls(clock))
    async with open_pipeline(data_dir, clock) as pipeline:
        old = {memory.id: memory for memory in await pipeline.memories()}
        assert [(m.text, m.state.value, m.origin.value) for m in old.values()] == [
            ("the gate is red", "superseded", "extracted"),
            ("the key hangs in the hall", "current", "corrected"),
            ("the gate is green", "current", "extracted"),
        ]
        assert all(m.doubt is None and not any(c.supporting for c in m.citations) for m in old.values())
        pipeline.reader.judge = lambda _: Judgement(True, True, False, Relation.REPLACES, (IDS[1],))
        await pipeline.flush()
        assert [m.content for call in pipeline.reader.calls for m in call] == ["note: the bell is broken"]
        (*kept, new) = await pipeline.memories()
        assert (new.text, new.state.value) == ("the bell is broken", "current")
        assert [(m.text, m.state, m.superseded_by) for m in kept] == [
            (m.text, m.state, m.superseded_by) for m in old.values()
        ], "what a member put right is superseded by nothing"


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


@pytest.mark.slow
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
