"""What doctor says when a limit of one process comes near."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert

from bot.domain.findings import Finding, Verdict
from bot.observe.messagelog import MessageLog
from bot.operate.capacity import Load, judge, look_at_load
from bot.storage.engine import Database
from bot.storage.schema import outbox
from tests.fixtures.storage import FakeClock, SaidFactory

QUIET = Load(
    messages=30_000,
    arrived=1_000,
    memories=2_000,
    pending=40,
    oldest_ms=3_600_000,
    read=900,
    backlog=3,
    database_bytes=60_000_000,
    free_bytes=50 * 10**9,
)


def found(load: Load, *, extracts: bool = True, retention_days: int = 30, qdrant: bool = False) -> list[Finding]:
    return judge(load, extracts=extracts, retention_days=retention_days, qdrant=qdrant)


def test_where_no_limit_is_near_one_line_says_so() -> None:
    (finding,) = found(QUIET)
    assert (finding.subject, finding.verdict) == ("limits", Verdict.OK)
    assert "1,000 messages in 24 hours, 30,000 kept, 2,000 memories" in finding.found


@pytest.mark.parametrize(
    ("load", "subject", "todo"),
    [
        (replace(QUIET, messages=800_000), "limits: messages", "DATABASE_URL"),
        (replace(QUIET, arrived=27_000), "limits: messages", "DATABASE_URL"),
        (replace(QUIET, database_bytes=16 * 10**8), "limits: database", "DATABASE_URL"),
        (replace(QUIET, memories=80_000), "limits: memories", "MEM0_QDRANT_URL"),
        (replace(QUIET, backlog=10_000), "limits: index", "embeddings"),
        (replace(QUIET, free_bytes=9 * 10**8), "limits: disk", "DATA_DIR"),
        (replace(QUIET, database_bytes=15 * 10**8, free_bytes=2 * 10**9), "limits: disk", "DATA_DIR"),
        (replace(QUIET, oldest_ms=2 * 3_600_000), "limits: queue", "OLLAMA_BASE_URL"),
    ],
)
def test_each_limit_that_is_near_says_what_to_do(load: Load, subject: str, todo: str) -> None:
    (finding,) = found(load)
    assert (finding.subject, finding.verdict) == (subject, Verdict.WARNING)
    assert todo in finding.todo


def test_servers_have_no_limits_of_the_embedded_kind() -> None:
    much = replace(QUIET, messages=5_000_000, memories=500_000, database_bytes=None, oldest_ms=10**9)
    (finding,) = found(much, qdrant=True, extracts=False)
    assert finding.verdict is Verdict.OK


@pytest.mark.embedded
async def test_the_load_is_what_the_database_holds(
    database: Database, log: MessageLog, clock: FakeClock, make_said: SaidFactory, tmp_path: Path
) -> None:
    await log.append([make_said()])
    clock.advance(2 * 86_400)
    await log.append([make_said(), make_said()])
    async with database.write() as connection:
        await connection.execute(insert(outbox).values(memory_id="m", op="upsert", created_ms=0))
    clock.advance(60)
    load = await look_at_load(database, tmp_path, clock)
    assert (load.messages, load.arrived, load.pending, load.read) == (3, 2, 3, 0)
    assert (load.memories, load.backlog, load.oldest_ms) == (0, 1, (2 * 86_400 + 60) * 1000)
    assert load.database_bytes is not None
    assert 10_000 < load.database_bytes < load.free_bytes
