"""A backup is one whole file; restored, it brings nothing back that was taken away since."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlcipher3.dbapi2
from pydantic import SecretStr
from sqlalchemy import select

from bot.domain import snowflake
from bot.domain.errors import InUse, StartupError, UserError
from bot.forget import OF_SERVER, Post
from bot.guilds import ChannelRef, ConsentRule, FactsRule, SubjectHasher
from bot.llm.loading import load_settings
from bot.memories import Asker
from bot.operate import back_up, restore_backup
from bot.operate.copying import copy_all
from bot.settings import Settings
from bot.storage import ErasureLines, ErasuresFile, ErasuresWriter, Installation, clear, metadata, open_store
from bot.storage.encryption import is_plain
from bot.storage.engine import open_database
from bot.storage.erasure_lines import LINES_KEPT_MS, SINCE
from bot.storage.postgres import _TURN as TURN
from bot.storage.schema import channels, consents, index_owner, messages, requests
from bot.storage.sqlite import DATABASE_FILE
from tests.fixtures.memory import Pipeline, bytes_in
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.storage import CHANNEL, GUILD, FakeClock

sqlite: Any = sqlcipher3.dbapi2  # a C module without types

ALICE, BOB = 123_450_000_000_003_101, 123_450_000_000_003_102
KEY = "k" * 32
CANARY = "xqvkzjwp"
PAIR = ("channels", "consents")

NO_LOG = b"\x01\x01"
"""In the header of a file without a write-ahead log (https://sqlite.org/fileformat.html#file_format_version_numbers)."""


ON_SERVER = [] if server_programs() is None else [pytest.param("postgresql", marks=pytest.mark.slow)]


@pytest.fixture(params=["sqlite", *ON_SERVER])
async def settings(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Settings]:
    """An installation on either database."""
    given: dict[str, Any] = {"data_dir": tmp_path / "data", "mem0_enabled": False}
    if request.param == "sqlite":
        yield load_settings(None, **given)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    async with server.database() as url:
        yield load_settings(None, database_url=url, **given)


@asynccontextmanager
async def running(settings: Settings, clock: FakeClock) -> AsyncIterator[Pipeline]:
    """The program at work; at its end nothing has the database open, and the file of erasures is written."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    key = settings.data_key.get_secret_value() if settings.data_key else None
    async with open_database(url, settings.data_dir, key=key) as db:
        pipeline = Pipeline(db, await SubjectHasher.load(db), clock, settings.data_dir)
        lines = ErasureLines(db, clock)
        await lines.begin()
        await pipeline.consents.load()
        await pipeline.guilds.observations.load()
        yield pipeline
        file = ErasuresFile(settings.erasures_path)
        await ErasuresWriter(lines, Installation(db), file, pipeline.hasher.installation, clock).round()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """A connection to a server's database that is no part of this program."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def rows_of(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the tables, but what is of this one database."""
    async with pipeline.db.read() as connection:
        return {
            table.name: sorted(map(tuple, await connection.execute(select(table))), key=str)
            for table in metadata.sorted_tables
            if table.name not in ("meta", "index_owner")
        }


async def everybody_speaks(pipeline: Pipeline) -> None:
    """Alice and Bob say something in an observed channel, and it is remembered."""
    place: dict[str, Any] = {"guild_id": GUILD, "channel_id": CHANNEL, "parent_id": None, "name": "general"}
    await pipeline.guilds.guilds.joined(GUILD, "Workshop")
    await pipeline.guilds.observations.switch_on(**place, by=BOB, from_id=1)
    await pipeline.say(f"note: {CANARY} is decided", author=ALICE)
    await pipeline.say(f"what <@{ALICE}> says", author=BOB)
    await pipeline.say("note: the gate is green", author=BOB)
    await pipeline.flush()


# --- backing up ------------------------------------------------------------------------------------------------------


async def test_a_backup_is_one_file_that_is_restored_as_it_was(
    settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)
        before = await rows_of(pipeline)
        await back_up(settings, backup, clock, replace=False)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.db", "data"]
    assert backup.read_bytes()[18:20] == NO_LOG, "it can be read where nothing may be written beside it"
    async with running(settings, clock) as pipeline:
        await pipeline.say("note: said since", author=BOB)
        await pipeline.flush()
    restored = await restore_backup(settings, backup, clock, anyway=False)
    assert (restored.applied, restored.switched_off, restored.made_ms) == (0, None, clock())
    async with running(settings, clock) as pipeline:
        assert await rows_of(pipeline) == before
        async with pipeline.db.read() as connection:
            found = await pipeline.fulltext.search(connection, "messages", [[CANARY]], 5)
            assert await connection.scalar(select(index_owner.c.take_over)) in (True, None)
        assert len(found) == 1
        await pipeline.say_many(["note: and it goes on"] * 4, author=BOB)  # three of them are there already
        await pipeline.flush()
        assert [m.text for m in await pipeline.memories()][2:] == ["and it goes on"]


async def test_a_backup_beside_a_writer_has_whole_transactions(
    settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    """Each transaction writes to two tables; every copy has as many rows in the one as in the other."""
    async with running(settings, clock) as pipeline:
        written = asyncio.Event()

        async def write() -> None:
            for number in range(100_000):
                async with pipeline.db.write() as connection:
                    place = {"guild_id": GUILD, "name": "", "channel_id": number + 1, "checkpoint": 0}
                    await connection.execute(channels.insert().values(**place))
                    choice = {"guild_id": 0, "opted_out": True, "opted_in": False, "updated_ms": 0}
                    await connection.execute(consents.insert().values(subject=str(number), **choice))
                written.set()

        writing = asyncio.create_task(write())
        sizes = []
        for number in range(3):
            written.clear()
            await written.wait()
            backup = tmp_path / f"{number}.db"
            await back_up(settings, backup, clock, replace=False)
            with closing(sqlite.connect(backup)) as copy:
                counts = [copy.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in PAIR]  # noqa: S608
            assert counts[0] == counts[1]
            sizes.append(counts[0])
        assert not writing.done()
        assert sizes == sorted(sizes)
        assert sizes[-1] > 0
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing


async def test_nothing_is_overwritten_unasked_and_nothing_is_half_there(
    settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    backup.write_text("precious")
    with pytest.raises(UserError, match="is there already: name another file, or add --replace"):
        await back_up(settings, backup, clock, replace=False)
    assert backup.read_text() == "precious"
    with pytest.raises(UserError, match=r"there is no folder .*no: make it"):
        await back_up(settings, tmp_path / "no" / "folder.db", clock, replace=False)
    async with running(settings, clock):
        pass
    await back_up(settings, backup, clock, replace=True)
    assert backup.read_bytes().startswith(b"SQLite format 3")


@pytest.mark.parametrize("name", ["channel-memory.db", "erasures.jsonl"])
@pytest.mark.matrix
async def test_a_backup_takes_the_place_of_no_file_of_the_bot_itself(
    settings: Settings, clock: FakeClock, name: str
) -> None:
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)
        own = settings.data_dir / name
        own.touch()
        before = own.stat().st_ino
        with pytest.raises(UserError, match="a file that the bot itself uses: name another file"):
            await back_up(settings, settings.data_dir / ".." / settings.data_dir.name / name, clock, replace=True)
        assert own.stat().st_ino == before


async def test_a_file_of_erasures_that_is_older_than_the_backup_tells_nothing_of_what_came_after(
    settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)
        await back_up(settings, backup, clock, replace=False)
    await lose(settings, "database")
    old = clock() / 1000 - 3600
    os.utime(settings.erasures_path, (old, old))
    with pytest.raises(UserError, match="add --anyway"):
        await restore_backup(settings, backup, clock, anyway=False)


@pytest.mark.slow
async def test_a_backup_of_an_encrypted_database_is_encrypted(tmp_path: Path, clock: FakeClock) -> None:
    settings = load_settings(None, data_dir=tmp_path / "data", data_key=KEY, mem0_enabled=False)
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)
        await back_up(settings, backup, clock, replace=False)
    assert is_plain(backup, "") is False
    assert CANARY.encode() not in backup.read_bytes()
    for key, message in ((None, "set the DATA_KEY that it was made with"), ("o" * 32, "DATA_KEY is not the one")):
        other = settings.model_copy(update={"data_key": key and SecretStr(key)})
        with pytest.raises(StartupError, match=message):
            await restore_backup(other, backup, clock, anyway=True)
    await restore_backup(settings, backup, clock, anyway=False)
    async with running(settings, clock) as pipeline:
        assert len(await pipeline.memories()) == 2
    assert bytes_in(settings.data_dir, CANARY) == []


if server_programs() is not None:

    @pytest.mark.slow
    async def test_a_copy_keeps_what_numbers_were_given(
        postgres_server: PostgresServer, clock: FakeClock, tmp_path: Path
    ) -> None:
        """A row of the outbox is never given a number that an earlier one had, in either direction."""
        file = load_settings(None, data_dir=tmp_path / "data", mem0_enabled=False)
        async with running(file, clock) as pipeline:
            await everybody_speaks(pipeline)
            async with pipeline.db.write() as connection:
                await connection.execute(requests.insert().values(state="done", asked_ms=1))
                await connection.execute(requests.delete())
            async with postgres_server.database() as url, open_database(url, tmp_path / "other") as server:
                async with pipeline.db.read() as source, server.write() as target:
                    await copy_all(source, target)
                async with server.write() as connection:
                    row = requests.insert().values(state="done", asked_ms=1).returning(requests.c.seq)
                    assert await connection.scalar(row) == 2


# --- restoring -------------------------------------------------------------------------------------------------------


async def memory_of(pipeline: Pipeline, author: int) -> str:
    return next(m.id for m in await pipeline.memories() if author in m.author_ids)


def asker(user_id: int) -> Asker:
    return Asker(user_id, GUILD, frozenset({CHANNEL}), frozenset())


async def erased(pipeline: Pipeline) -> None:
    await pipeline.erasure.erase_member(ALICE, GUILD)


async def erased_everywhere(pipeline: Pipeline) -> None:
    await pipeline.erasure.erase_member(ALICE)


async def channel_erased(pipeline: Pipeline) -> None:
    await pipeline.erasure.erase_channel(GUILD, CHANNEL)


async def server_erased(pipeline: Pipeline) -> None:
    await pipeline.erasure.erase_guild(GUILD)


async def server_left(pipeline: Pipeline) -> None:
    await pipeline.erasure.erase_guild(GUILD, left=True)


async def deleted(pipeline: Pipeline) -> None:
    async with pipeline.db.read() as connection:
        ids = (await connection.scalars(select(messages.c.id).where(messages.c.author_id == ALICE))).all()
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, ids)


async def forgotten(pipeline: Pipeline) -> None:
    await pipeline.own.forget(await memory_of(pipeline, ALICE), asker(ALICE))


async def put_right(pipeline: Pipeline) -> None:
    await pipeline.own.correct(await memory_of(pipeline, ALICE), asker(ALICE), "nothing was decided")


TAKEN_AWAY = [erased, erased_everywhere, channel_erased, server_erased, server_left, deleted, forgotten, put_right]


@pytest.mark.parametrize("lost", ["file", "database"])
@pytest.mark.parametrize("take_away", TAKEN_AWAY)
@pytest.mark.matrix(fast=2)
async def test_what_was_taken_away_does_not_come_back(
    settings: Settings,
    clock: FakeClock,
    tmp_path: Path,
    take_away: Callable[[Pipeline], Awaitable[None]],
    lost: str,
) -> None:
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)
        await back_up(settings, backup, clock, replace=False)
        clock.advance(60)
        await take_away(pipeline)
    await lose(settings, lost)
    restored = await restore_backup(settings, backup, clock, anyway=False)
    assert restored.applied >= 1
    assert restored.switched_off is None
    in_files = [] if settings.uses_database_server else bytes_in(settings.data_dir, CANARY)
    async with running(settings, clock) as pipeline:
        assert CANARY not in str([m.text for m in await pipeline.memories()])
        held = await rows_of(pipeline)
        if take_away in (forgotten, put_right):  # its message stays, and is not read again
            (message,) = [row for row in held["messages"] if CANARY in str(row)]
            assert "skipped" in message
            return
        assert (CANARY in str(held), in_files) == (False, [])
        if take_away in (erased, erased_everywhere):
            assert f"<@{ALICE}>" not in str(held)
        await pipeline.say(f"note: {CANARY} is decided", author=ALICE)  # as Discord's history brings it
        assert CANARY not in str(await rows_of(pipeline))


async def test_a_name_that_was_taken_out_of_a_memory_does_not_come_back(
    settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        said = await pipeline.say("alice has the key", author=BOB)
        memory = await pipeline.keep(f"<@{ALICE}> has the key", said.id)
        await back_up(settings, backup, clock, replace=False)
        clock.advance(60)
        await pipeline.named.replace_name(memory.id, asker(ALICE))
    restored = await restore_backup(settings, backup, clock, anyway=False)
    assert restored.applied == 1
    async with running(settings, clock) as pipeline:
        assert await pipeline.texts() == ["<@1> has the key"]


async def test_what_was_forgotten_is_not_made_again_of_what_was_said_after_the_backup(
    settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        await back_up(settings, backup, clock, replace=False)
        clock.advance(60)
        await everybody_speaks(pipeline)
        await forgotten(pipeline)
    await lose(settings, "database")
    await restore_backup(settings, backup, clock, anyway=False)
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)  # as Discord's history brings it
        assert [m.text for m in await pipeline.memories()] == ["the gate is green"]


async def test_what_was_posted_since_is_taken_down(settings: Settings, clock: FakeClock, tmp_path: Path) -> None:
    """The restored database can't say what it stands on."""
    backup = tmp_path / "backup.db"
    known, since, event = Post(1, GUILD, CHANNEL), Post(2, GUILD, CHANNEL), Post(3, GUILD, OF_SERVER)
    async with running(settings, clock) as pipeline:
        await pipeline.posts.record(known, [], [BOB], glance=await pipeline.posts.glance([]))
        await back_up(settings, backup, clock, replace=False)
        clock.advance(60)
        for post in (since, event):
            await pipeline.posts.record(post, [], [ALICE], glance=await pipeline.posts.glance([]))
    await lose(settings, "database")
    assert (await restore_backup(settings, backup, clock, anyway=False)).applied == 2
    async with running(settings, clock) as pipeline:
        assert sorted(await pipeline.posts.due(9), key=lambda post: post.message_id) == [since, event]
        assert await pipeline.posts.is_answer(known.message_id)


async def test_who_was_erased_and_is_not_in_the_backup_is_kept_out_all_the_same(
    settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        await back_up(settings, backup, clock, replace=False)
        clock.advance(60)
        await everybody_speaks(pipeline)
        await erased(pipeline)
    await lose(settings, "database")
    await restore_backup(settings, backup, clock, anyway=False)
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)  # as Discord's history brings it
        assert CANARY not in str(await rows_of(pipeline))


async def test_an_unreadable_database_is_replaced_with_what_lies_beside_it(clock: FakeClock, tmp_path: Path) -> None:
    """A write-ahead log of the old file must not be taken for one of the new file."""
    settings = load_settings(None, data_dir=tmp_path / "data", mem0_enabled=False)
    backup, file = tmp_path / "backup.db", settings.data_dir / DATABASE_FILE
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)
        await back_up(settings, backup, clock, replace=False)
        await pipeline.db.scrub()
        await pipeline.say("note: said since", author=BOB)
        log = file.with_name(f"{file.name}-wal").read_bytes()
        assert log
    file.write_bytes(b"x" * 8192)
    file.with_name(f"{file.name}-wal").write_bytes(log)
    assert (await restore_backup(settings, backup, clock, anyway=False)).file_up_to_ms is not None
    async with running(settings, clock) as pipeline:
        assert await pipeline.db.damage() is None
        assert "said since" not in str(await rows_of(pipeline))
        assert len(await pipeline.memories()) == 2


async def test_choices_rules_and_channels_are_as_they_were_last(
    settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)
        await back_up(settings, backup, clock, replace=False)
        clock.advance(60)
        await pipeline.consents.opt_out(ALICE, None)
        await pipeline.consents.opt_out(BOB, GUILD)
        await pipeline.consents.rules.decide(GUILD, consent=ConsentRule.OPTED_IN, facts=FactsRule.NOBODY)
        place: dict[str, Any] = {"guild_id": GUILD, "channel_id": CHANNEL, "parent_id": None, "name": "general"}
        await pipeline.guilds.observations.switch_off(**place, by=BOB)
        clock.advance(60)
        await pipeline.consents.opt_in(BOB, GUILD)
    await lose(settings, "database")
    assert (await restore_backup(settings, backup, clock, anyway=False)).applied == 5
    async with running(settings, clock) as pipeline:
        assert pipeline.consents.opted_out(GUILD, ALICE)
        assert pipeline.consents.choice(GUILD, BOB).opted_in
        rules = pipeline.consents.rules.of(GUILD)
        assert (rules.consent, rules.facts) == (ConsentRule.OPTED_IN, FactsRule.NOBODY)
        assert not pipeline.guilds.observations.observed(CHANNEL)


@pytest.mark.slow
async def test_what_was_done_before_the_backup_is_not_done_again(
    settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)
        await pipeline.erasure.erase_member(ALICE, GUILD, up_to=1)
        await pipeline.say("note: said since", author=ALICE)
        await back_up(settings, backup, clock, replace=False)
    assert (await restore_backup(settings, backup, clock, anyway=False)).applied == 0
    async with running(settings, clock) as pipeline:
        assert "said since" in str(await rows_of(pipeline))


async def test_an_erasure_that_was_only_asked_for_is_applied(
    settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)
        await back_up(settings, backup, clock, replace=False)
        asked = {"user_id": ALICE, "guild_id": GUILD, "state": "taken", "asked_ms": clock()}
        async with pipeline.db.write() as connection:
            await connection.execute(requests.insert().values(**asked))
    assert (await restore_backup(settings, backup, clock, anyway=False)).applied == 1
    async with running(settings, clock) as pipeline:
        assert CANARY not in str(await rows_of(pipeline))


@pytest.mark.parametrize("known", ["nowhere", "too late", "400 days ago"])
@pytest.mark.matrix
async def test_where_erasures_are_unknown_it_takes_a_word_and_nothing_is_observed(
    settings: Settings, clock: FakeClock, tmp_path: Path, known: str
) -> None:
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)
        await back_up(settings, backup, clock, replace=False)
        if known == "400 days ago":
            clock.advance(1 + LINES_KEPT_MS / 1000)
        clock.advance(60)
        if known == "too late":
            await Installation(pipeline.db).set(SINCE, str(clock()))
    await lose(settings, "file")
    if known == "nowhere":
        await lose(settings, "database")
    message = r"erased since this backup was made, 2025-06-15 15:06 UTC, is not known.*ERASURES_FILE.* add --anyway"
    with pytest.raises(UserError, match=message):
        await restore_backup(settings, backup, clock, anyway=False)
    restored = await restore_backup(settings, backup, clock, anyway=True)
    assert restored.switched_off == 1
    async with running(settings, clock) as pipeline:
        observations = pipeline.guilds.observations
        assert not observations.observed(CHANNEL)
        old, new = (snowflake.from_ms(clock() + seconds * 1000) for seconds in (-1, 1))
        named = [ChannelRef(guild_id=GUILD, channel_id=channel_id, name="") for channel_id in (CHANNEL, old, new)]
        await observations.seed(named, from_id=1)
        assert [channel.channel_id for channel in observations.switched_on()] == [new]
        assert await Installation(pipeline.db).get(SINCE) == str(clock())
        assert CANARY in str(await rows_of(pipeline))


async def test_nothing_is_restored_under_a_running_program(
    settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        await back_up(settings, backup, clock, replace=False)
        await pipeline.say(f"note: {CANARY}")
        with pytest.raises(InUse, match="try again"):
            await restore_backup(settings, backup, clock, anyway=True)
        assert CANARY in str(await rows_of(pipeline))


async def test_a_backup_that_was_copied_over_the_database_is_not_started_on(clock: FakeClock, tmp_path: Path) -> None:
    settings = load_settings(None, data_dir=tmp_path / "data", mem0_enabled=False)
    backup, file = tmp_path / "backup.db", settings.data_dir / DATABASE_FILE
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)
        await back_up(settings, backup, clock, replace=False)
        await erased(pipeline)
    await lose(settings, "database")
    shutil.copy(backup, file)
    with pytest.raises(StartupError, match=r"^DATA_DIR: .*move it elsewhere and run `python -m bot restore` with it$"):
        async with open_store(settings):
            pass
    file.rename(backup)
    await restore_backup(settings, backup, clock, anyway=False)
    async with open_store(settings):
        pass
    assert bytes_in(settings.data_dir, CANARY) == []


async def test_a_backup_with_a_log_of_its_own_is_only_read(clock: FakeClock, tmp_path: Path) -> None:
    """Nothing can be made beside it where it lies on a read-only disk."""
    settings = load_settings(None, data_dir=tmp_path / "data", mem0_enabled=False)
    (tmp_path / "there").mkdir()
    backup = tmp_path / "there" / "backup.db"
    async with running(settings, clock):
        await back_up(settings, backup, clock, replace=False)
    with closing(sqlite.connect(backup)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    before = backup.parent.stat().st_mtime_ns
    await restore_backup(settings, backup, clock, anyway=False)
    assert backup.parent.stat().st_mtime_ns == before


async def test_a_damaged_backup_is_refused_and_the_database_stays(
    settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with running(settings, clock) as pipeline:
        await everybody_speaks(pipeline)
        await back_up(settings, backup, clock, replace=False)
    whole = backup.read_bytes()
    for content in (b"", b"no database", whole[: len(whole) // 2], whole[:8192] + b"x" * 8192 + whole[16384:]):
        backup.write_bytes(content)
        with pytest.raises(StartupError, match=r"name a(nother)? backup|not a backup, or is encrypted"):
            await restore_backup(settings, backup, clock, anyway=True)
    async with running(settings, clock) as pipeline:
        assert len(await pipeline.memories()) == 2


if server_programs() is not None:

    @pytest.mark.slow
    @pytest.mark.parametrize("stays", [True, False])
    async def test_a_program_that_starts_during_a_restore_is_noticed(
        postgres_server: PostgresServer, clock: FakeClock, tmp_path: Path, stays: bool
    ) -> None:
        """It starts when the backup is prepared and waits for its turn to write; by then it may even be gone again."""
        backup = tmp_path / "backup.db"
        async with postgres_server.database() as url, connected(url) as other:
            settings = load_settings(None, data_dir=tmp_path / "data", database_url=url, mem0_enabled=False)
            async with running(settings, clock) as pipeline:
                await back_up(settings, backup, clock, replace=False)
                await everybody_speaks(pipeline)
            async with other.transaction():
                await other.execute("SELECT pg_advisory_xact_lock($1)", TURN)
                restoring = asyncio.create_task(restore_backup(settings, backup, clock, anyway=False))
                waiting = "SELECT true FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                while not await other.fetchval(waiting):
                    assert not restoring.done()
                started = open_database(url, tmp_path / "other")
                await started.__aenter__()
                if not stays:
                    await other.execute("INSERT INTO erasures (id, at_ms, kind, written) VALUES ('1', 1, 'post', true)")
                    await started.__aexit__(None, None, None)
            with pytest.raises(InUse, match="started on that database meanwhile, which is as it was"):
                await restoring
            if stays:
                await started.__aexit__(None, None, None)
            async with running(settings, clock) as pipeline:
                assert len(await pipeline.memories()) == 2

    @pytest.mark.slow
    async def test_a_restore_that_ends_before_its_commit_lowers_no_number(
        postgres_server: PostgresServer, clock: FakeClock, tmp_path: Path
    ) -> None:
        """A server keeps what a sequence was set to though the transaction is undone."""
        backup, request = tmp_path / "backup.db", requests.insert().values(state="done", asked_ms=1)
        async with postgres_server.database() as url:
            settings = load_settings(None, data_dir=tmp_path / "data", database_url=url, mem0_enabled=False)
            async with running(settings, clock) as pipeline:
                await back_up(settings, backup, clock, replace=False)
                async with pipeline.db.write() as connection:
                    await connection.execute(request)
            copy = open_database(f"sqlite:///{backup}", tmp_path / "other")
            async with open_database(url, settings.data_dir) as db, copy as source, source.read() as reading:
                with suppress(InUse):
                    async with db.write() as target:
                        await clear(target)
                        await copy_all(reading, target)
                        raise InUse("killed")
                async with db.write() as connection:
                    assert await connection.scalar(request.returning(requests.c.seq)) == 2


async def lose(settings: Settings, what: str) -> None:
    """The disk with the file of erasures, or that with the database, is lost."""
    if what == "file":
        settings.erasures_path.unlink()
    elif settings.database_url is None:
        for file in settings.data_dir.glob(f"{DATABASE_FILE}*"):
            file.unlink()
    else:
        url = settings.database_url.get_secret_value()
        async with open_database(url, settings.data_dir) as db, db.write() as connection:
            await clear(connection)
