"""What one process with its embedded database and index carries, and what to do before it is too much.

The figures of `docs/limits.md`. They are no walls: beyond them the bot goes on, and gets slower.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from bot.domain import Finding, MessageState, Verdict
from bot.storage import memories, messages, outbox

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.storage import Database

MESSAGES: Final = 1_000_000
"""In SQLite's log; recall then takes 43 to 88 ms at the 95th percentile (`bench/recall_scale.py`)."""

MEMORIES: Final = 100_000
"""In the embedded index; with 1,536 numbers each it then takes 0.7 GB of memory."""

DATABASE_BYTES: Final = 2 * 10**9
"""Of SQLite's file, three times what MESSAGES took; clearing erased bytes out of it writes the file anew."""

NEAR: Final = 0.8
"""Share of a limit from which on it is told."""

FREE_BYTES: Final = 10**9
FREE_TIMES: Final = 2.0
"""Of the database's size; clearing erased bytes out of SQLite's file takes its size once more, for a while."""

OLD_MS: Final = 2 * 3_600_000
"""A message waits for an hour by default; twice that means that the model does not keep up, or is not there."""

BACKLOG: Final = 10_000
"""Changes that the vector index has yet to take; it takes some hundreds a second."""


@dataclass(frozen=True, slots=True)
class Load:
    """What there is.

    Attributes:
        messages: in the log.
        arrived: of them in the last 24 hours.
        memories: all of them.
        pending: messages that wait for extraction.
        oldest_ms: for how long the oldest of them waits; 0 without any.
        read: messages that the model read in the last 24 hours, among those that came in them.
        backlog: changes that the vector index has yet to take.
        database_bytes: of SQLite's file; None on a server.
        free_bytes: of the disk that DATA_DIR is on.
    """

    messages: int
    arrived: int
    memories: int
    pending: int
    oldest_ms: int
    read: int
    backlog: int
    database_bytes: int | None
    free_bytes: int


async def look_at_load(db: Database, data_dir: Path, clock: Clock) -> Load:
    """Count."""
    now = clock()
    lately = messages.c.logged_ms > now - 24 * 3_600_000
    waiting = messages.c.state == MessageState.PENDING
    read = messages.c.state == MessageState.EXTRACTED
    count = select(func.count())
    async with db.read() as connection:
        oldest = await connection.scalar(select(func.min(messages.c.logged_ms)).where(waiting))
        return Load(
            messages=await connection.scalar(count.select_from(messages)) or 0,
            arrived=await connection.scalar(count.select_from(messages).where(lately)) or 0,
            memories=await connection.scalar(count.select_from(memories)) or 0,
            pending=await connection.scalar(count.select_from(messages).where(waiting)) or 0,
            oldest_ms=0 if oldest is None else max(0, now - oldest),
            read=await connection.scalar(count.select_from(messages).where(lately, read)) or 0,
            backlog=await connection.scalar(count.select_from(outbox)) or 0,
            database_bytes=await _size(db),
            free_bytes=shutil.disk_usage(data_dir).free,
        )


async def _size(db: Database) -> int | None:
    """Bytes of SQLite's pages."""
    if db.dialect != "sqlite":
        return None
    async with db.read() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        return int(pages) * int((await connection.exec_driver_sql("PRAGMA page_size")).scalar_one())


def judge(load: Load, *, extracts: bool, retention_days: int, qdrant: bool) -> list[Finding]:
    """One finding for each limit that is near, and one that all is well where none is.

    Args:
        load: what there is.
        extracts: whether a model reads messages.
        retention_days: how long messages are kept.
        qdrant: whether the vectors are on a server.
    """
    findings = [*_of_database(load, retention_days), *_of_vectors(load, qdrant=qdrant), *_of_disk(load)]
    if extracts:
        findings += _of_queue(load)
    if findings:
        return findings
    summary = f"{load.arrived:,} messages in 24 hours, {load.messages:,} kept, {load.memories:,} memories"
    return [Finding("limits", Verdict.OK, f"{summary}: none is near")]


def _of_database(load: Load, retention_days: int) -> list[Finding]:
    if load.database_bytes is None:
        return []
    to_come = max(load.messages, load.arrived * retention_days)
    todo = "set DATABASE_URL to a PostgreSQL database, or MESSAGE_RETENTION_DAYS lower (docs/limits.md)"
    findings = []
    if to_come >= NEAR * MESSAGES:
        summary = (
            f"{load.messages:,} messages, {to_come:,} after {retention_days} days at the rate of the last 24 hours"
        )
        findings.append(_near("limits: messages", f"{summary}; SQLite carries {MESSAGES:,} well", todo))
    if load.database_bytes >= NEAR * DATABASE_BYTES:
        summary = (
            f"the database has {load.database_bytes / 1e9:.1f} GB; SQLite carries {DATABASE_BYTES / 1e9:.0f} GB well"
        )
        findings.append(_near("limits: database", summary, todo))
    return findings


def _of_vectors(load: Load, *, qdrant: bool) -> list[Finding]:
    findings = []
    if not qdrant and load.memories >= NEAR * MEMORIES:
        summary = f"{load.memories:,} memories; the embedded index carries {MEMORIES:,} well"
        findings.append(_near("limits: memories", summary, "set MEM0_QDRANT_URL to a Qdrant server (docs/limits.md)"))
    if load.backlog >= BACKLOG:
        summary = f"{load.backlog:,} changes wait for the vector index"
        findings.append(
            _near("limits: index", summary, "see what embeddings and vector store say; it catches up by itself")
        )
    return findings


def _of_disk(load: Load) -> list[Finding]:
    needed = max(FREE_BYTES, FREE_TIMES * (load.database_bytes or 0))
    if load.free_bytes >= needed:
        return []
    summary = f"{load.free_bytes / 1e9:.1f} GB are free where DATA_DIR is; {needed / 1e9:.1f} GB are wanted"
    return [_near("limits: disk", summary, "free some, or move DATA_DIR to a larger disk")]


def _of_queue(load: Load) -> list[Finding]:
    if load.oldest_ms < OLD_MS:
        return []
    summary = (
        f"{load.pending:,} messages wait, the oldest for {load.oldest_ms / 3_600_000:.0f} hours; in 24 hours "
        f"{load.arrived:,} came and the model has read {load.read:,} of them"
    )
    todo = "look at the model's findings; a faster one, or more hosts in OLLAMA_BASE_URL, read more (docs/limits.md)"
    return [_near("limits: queue", summary, todo)]


def _near(subject: str, summary: str, todo: str) -> Finding:
    return Finding(subject, Verdict.WARNING, summary, todo)
