"""What came in and what waits, by server: where the operator, admins and Prometheus are told."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, text
from sqlalchemy.event import listen, remove

from bot.domain.clock import system_clock
from bot.domain.model import MessageState
from bot.domain.snowflake import from_ms
from bot.guilds.servers import Guilds
from bot.llm.loading import load_settings
from bot.operate.doctor import SERVERS_SHOWN, waited
from bot.operate.health import Readiness
from bot.operate.metrics import GUILDS_SHOWN, OTHERS, page
from bot.operate.traffic import DAY_MS, HOUR_MS, GuildTraffic, Traffic, together
from bot.run.app import open_app
from bot.run.running import standing_of
from bot.storage.engine import Database, open_database
from bot.storage.schema import memories, messages
from tests.fixtures.commandline import CommandLine
from tests.fixtures.discord import World, shown
from tests.fixtures.operations import Seen
from tests.fixtures.storage import NOW_MS, FakeClock

BUSY, QUIET = 71, 72
BACKLOG = 400


@pytest.fixture
def traffic(database: Database, clock: FakeClock) -> Traffic:
    return Traffic(database, clock)


async def log(db: Database, guild_id: int, count: int, *, age_ms: int, state: MessageState, now_ms: int) -> None:
    """Put messages of one age into the log, the first a second older than the last."""
    rows = [
        {
            "id": from_ms(now_ms - age_ms) + 1_000 * guild_id + number,
            "guild_id": guild_id,
            "channel_id": 10 * guild_id + number % 3,
            "author_id": 5,
            "content": "said",
            "logged_ms": now_ms - age_ms - (1_000 if number == 0 else 0),
            "state": state,
        }
        for number in range(count)
    ]
    async with db.write() as connection:
        await connection.execute(insert(messages), rows)


async def remember(db: Database, guild_id: int, count: int, *, age_ms: int, now_ms: int) -> None:
    """Put memories of one age into the store."""
    made = {"kind": "decision", "text": "t", "state": "active", "origin": "extracted", "version": 1, "updated_ms": 0}
    rows = [
        made | {"id": f"{guild_id}-{age_ms}-{n}", "guild_id": guild_id, "said_id": n, "created_ms": now_ms - age_ms}
        for n in range(count)
    ]
    async with db.write() as connection:
        await connection.execute(insert(memories), rows)


async def two_servers(db: Database, now_ms: int = NOW_MS) -> None:
    """One with much waiting, and one in which all is done."""
    await log(db, BUSY, BACKLOG, age_ms=5 * HOUR_MS, state=MessageState.PENDING, now_ms=now_ms)
    await log(db, BUSY, 30, age_ms=HOUR_MS // 2, state=MessageState.PENDING, now_ms=now_ms)
    await log(db, BUSY, 50, age_ms=2 * DAY_MS, state=MessageState.EXTRACTED, now_ms=now_ms)
    await remember(db, BUSY, 7, age_ms=2 * DAY_MS, now_ms=now_ms)
    await log(db, QUIET, 6, age_ms=HOUR_MS // 2, state=MessageState.EXTRACTED, now_ms=now_ms)
    await log(db, QUIET, 2, age_ms=HOUR_MS // 4, state=MessageState.PENDING, now_ms=now_ms)
    await remember(db, QUIET, 3, age_ms=HOUR_MS, now_ms=now_ms)


BUSY_TRAFFIC = GuildTraffic(BUSY, 30, BACKLOG + 30, BACKLOG + 30, 5 * 3600 + 1, 0)
QUIET_TRAFFIC = GuildTraffic(QUIET, 8, 8, 2, 901, 3)


@pytest.mark.both_databases
async def test_each_server_is_counted_by_itself_the_largest_backlog_first(database: Database, traffic: Traffic) -> None:
    assert await traffic.by_guild() == []
    await two_servers(database)
    assert await traffic.by_guild() == [BUSY_TRAFFIC, QUIET_TRAFFIC]
    assert await traffic.of_guild(BUSY) == BUSY_TRAFFIC
    assert await traffic.of_guild(QUIET) == QUIET_TRAFFIC
    assert await traffic.of_guild(99) == GuildTraffic(99)
    assert together([BUSY_TRAFFIC, QUIET_TRAFFIC]) == GuildTraffic(
        None, 38, BACKLOG + 38, BACKLOG + 32, 5 * 3600 + 1, 3
    )


@pytest.mark.both_databases
async def test_counting_reads_indexes_and_never_the_whole_log(database: Database, traffic: Traffic) -> None:
    await two_servers(database)
    asked = await statements_of(traffic.by_guild()) + await statements_of(traffic.of_guild(BUSY))
    assert len(asked) == 6
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    async with database.read() as connection:
        if database.dialect == "postgresql":  # a small table is read whole, whatever indexes it has
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, parameters in asked:
            plan = await connection.exec_driver_sql(f"{explain} {statement}", parameters)
            lines = "\n".join(str(row[-1]) for row in plan)
            assert re.search(r"ix_messages_(logged_ms|state|pending)|ix_memories_guild_id_created_ms", lines), lines
            assert not re.search(r"SCAN messages|Seq Scan", lines), lines


async def statements_of(work: Awaitable[object]) -> list[tuple[str, Any]]:
    """What the database is asked meanwhile."""
    asked: list[tuple[str, Any]] = []

    def heard(*event: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        asked.append((event[2], event[3]))

    listen(Engine, "before_cursor_execute", heard)
    try:
        await work
    finally:
        remove(Engine, "before_cursor_execute", heard)
    return [(statement, parameters) for statement, parameters in asked if statement.startswith("SELECT")]


async def metrics_of(data_dir: Path, clock: FakeClock) -> str:
    """The page for Prometheus of a program on this database."""
    async with open_app(load_settings(None, data_dir=data_dir, mem0_enabled=False), extract=False, clock=clock) as app:
        standing = standing_of(app, Readiness(gateway=None, db=app.db, index=app.index))
        app.metrics.registry.register(standing)
        return (await page(app.metrics, standing)).decode()


async def test_prometheus_is_told_by_server(database: Database, data_dir: Path, clock: FakeClock) -> None:
    await two_servers(database)
    seen = Seen(await metrics_of(data_dir, clock))
    for of in (BUSY_TRAFFIC, QUIET_TRAFFIC):
        guild = str(of.guild_id)
        assert seen("guild_messages", guild=guild, within="1h") == of.last_hour
        assert seen("guild_messages", guild=guild, within="24h") == of.last_day
        assert seen("guild_queue_messages", guild=guild) == of.pending
        assert seen("guild_queue_oldest_seconds", guild=guild) == of.oldest_seconds
        assert seen("guild_memories", guild=guild, within="24h") == of.memories


async def test_of_very_many_servers_the_busiest_have_series_and_the_others_share_one(
    database: Database, data_dir: Path, clock: FakeClock
) -> None:
    servers = range(1, 3 * GUILDS_SHOWN + 1)
    for guild_id in servers:
        await log(database, guild_id, guild_id, age_ms=HOUR_MS * 2, state=MessageState.PENDING, now_ms=clock())
        await Guilds(database, clock).joined(guild_id, f"Name of {guild_id}")
    told = await metrics_of(data_dir, clock)
    labels = set(re.findall(r'_guild_queue_messages\{guild="(\w+)"\}', told))
    assert labels == {*map(str, servers[-GUILDS_SHOWN:]), OTHERS}
    assert Seen(told)("guild_queue_messages", guild=OTHERS) == sum(servers[:-GUILDS_SHOWN])
    assert len(re.findall(r"^channel_memory_guild_", told, re.MULTILINE)) == 5 * (GUILDS_SHOWN + 1)
    assert "Name of" not in told


@pytest.mark.slow
async def test_doctor_shows_the_largest_backlogs_and_the_others_in_one_line(
    command_line: CommandLine, tmp_path: Path
) -> None:
    async with open_database(None, tmp_path / "data") as db:
        now = system_clock()
        await two_servers(db, now)
        await Guilds(db, system_clock).joined(BUSY, "Game [bold]night")
        for guild_id in range(100, 100 + SERVERS_SHOWN):
            await log(db, guild_id, 1, age_ms=HOUR_MS * 3, state=MessageState.EXTRACTED, now_ms=now)
    ran = await command_line("doctor", MEM0_ENABLED="false")
    lines = ran.out.splitlines()
    (start,) = [number for number, line in enumerate(lines) if "ok  servers:" in line]
    assert "48 messages came in within an hour" not in lines[start]
    assert f"from {2 + SERVERS_SHOWN} servers; {BACKLOG + 32} wait, the oldest for 5 h" in lines[start]
    table = [re.split(r"\s{2,}", line.strip()) for line in lines[start + 1 : start + 3 + SERVERS_SHOWN]]
    assert table[1] == [str(BUSY), "Game [bold]night", "430", "5 h", "30", "430", "0"]
    assert table[2] == [str(QUIET), "2", "15 min", "8", "8", "3"]
    assert table[-1] == ["2 others", "0", "0", "2", "0"]


@pytest.mark.slow
async def test_doctor_says_it_in_one_line_where_there_is_one_server(command_line: CommandLine, tmp_path: Path) -> None:
    async with open_database(None, tmp_path / "data") as db:
        await log(db, QUIET, 3, age_ms=90_000, state=MessageState.PENDING, now_ms=system_clock())
    ran = await command_line("doctor", MEM0_ENABLED="false")
    assert "3 messages came in within an hour, 3 within 24 hours from 1 server; 3 wait, the oldest for" in ran.out
    assert "waiting" not in ran.out


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 days")]
)
def test_times_are_told_in_a_unit_that_fits(seconds: float, said: str) -> None:
    assert waited(seconds) == said


@pytest.mark.slow
async def test_admins_see_what_came_in_from_their_server(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "The door code changes on Monday.")
    await world.say(world.ann, "It is on the board.")
    await log(world.pipeline.db, BUSY, 40, age_ms=1_000, state=MessageState.PENDING, now_ms=world.pipeline.clock())
    text_shown = shown(await world.boss.slash(world.general, "memory status"))
    assert "2 messages within 24 hours, 2 within the last one; 0 memories made" in text_shown
