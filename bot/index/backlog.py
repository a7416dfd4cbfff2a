"""What the vector index has yet to learn: which rows of the outbox are due, and which wait, and why."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import FAR_MS, LONGEST_DELAY_SECONDS, Backoff, Clock, RateLimited, reason_of
from bot.storage import chunks, outbox

if TYPE_CHECKING:
    from bot.storage import Database

DELETE: Final = "delete"
UPSERT: Final = "upsert"

IDLE_SECONDS: Final = 10.0
SHORTEST_PAUSE_SECONDS: Final = 0.5


_EMBEDS_MESSAGE: Final = and_(outbox.c.op == UPSERT, outbox.c.message_id.is_not(None))


class OutboxPoint(NamedTuple):
    """What a row is about.

    Attributes:
        id: of the point, which a memory shares.
        message_id: where it is a message's.
    """

    id: str
    message_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingChanges:
    """Rows that were tried and wait.

    Attributes:
        removes: whether they are deletions.
        messages: whether they are about messages rather than memories.
        reason: why the latest try failed.
    """

    removes: bool
    messages: bool
    reason: str
    rows: int


class Backlog:
    """The rows, in the database.

    Args:
        db: the database.
        clock: the local clock.
        gather_seconds: for which messages that are to be embedded may wait for more of them.
    """

    def __init__(self, db: Database, clock: Clock, gather_seconds: float = 0.0) -> None:
        self._db = db
        self._clock = clock
        self._gather_ms = gather_seconds * 1_000
        self._outage = Backoff()
        self._single = Backoff()

    async def due(self, limit: int, *, gathers: bool = False) -> tuple[bool, dict[int, OutboxPoint]]:
        """Whether the next rows are deletions, and these rows by their seq.

        Deletions come first, however many messages wait to be embedded: what was deleted is gone within a minute.

        Args:
            limit: rows at most.
            gathers: leave messages to be embedded while they are less than `limit` and the first has waited a moment.
        """
        async with self._db.read() as connection:
            is_due = self._is_due()
            if gathers and await self._is_gathering(connection, limit):
                is_due = and_(is_due, or_(outbox.c.op == DELETE, outbox.c.message_id.is_(None)))
            first = await connection.scalar(select(func.min(outbox.c.op)).where(is_due))  # "delete", "upsert"
            query = select(outbox.c.seq, outbox.c.memory_id, outbox.c.message_id)
            query = query.where(is_due, outbox.c.op == first).order_by(outbox.c.seq).limit(limit)
            rows = await connection.execute(query)
            return first == DELETE, {row.seq: OutboxPoint(row.memory_id, row.message_id) for row in rows}

    async def add(self, connection: AsyncConnection, points: Mapping[OutboxPoint, str]) -> None:
        """Add rows, each with what it is for, in the caller's transaction."""
        if points:
            now = self._clock()
            rows = [
                {"memory_id": point.id, "message_id": point.message_id, "op": op, "created_ms": now}
                for point, op in points.items()
            ]
            await connection.execute(insert(outbox), rows)

    async def strike(self, connection: AsyncConnection, seqs: Collection[int]) -> None:
        """The index has learned these, in the caller's transaction."""
        for chunk in chunks(seqs):
            await connection.execute(delete(outbox).where(outbox.c.seq.in_(chunk)))

    async def put_off(self, connection: AsyncConnection, reasons: Mapping[int, Exception]) -> None:
        """These rows failed by themselves: each waits longer every time, in the caller's transaction."""
        for seq, error in reasons.items():
            row = update(outbox).where(outbox.c.seq == seq)
            attempts = await connection.scalar(select(outbox.c.attempts).where(outbox.c.seq == seq)) or 0
            due_ms = self._clock() + round(self._single.after(attempts + 1) * 1_000)
            await connection.execute(row.values(attempts=attempts + 1, next_try_ms=due_ms, error=reason_of(error)))

    async def put_all_off(self, seqs: Collection[int], error: Exception, *, deleting: bool) -> float:
        """Nothing can be done now: all that is due waits, deletions only where those fail; for so many seconds."""
        seconds = self._outage.after_failure()
        if isinstance(error, RateLimited) and error.retry_after is not None:
            seconds = min(LONGEST_DELAY_SECONDS, error.retry_after)
        now = self._clock()
        affected = true() if deleting else or_(outbox.c.op == UPSERT, outbox.c.seq.in_(seqs))
        later = {"next_try_ms": now + math.ceil(seconds * 1_000), "error": reason_of(error)}
        async with self._db.write() as connection:
            await connection.execute(update(outbox).where(outbox.c.next_try_ms <= now, affected).values(later))
        return seconds

    def works(self) -> None:
        """Something could be done: the next wait is the first one again."""
        self._outage.reset()

    async def pause(self) -> float:
        """Seconds until a row is due and gathered for long enough, at most IDLE_SECONDS."""
        gathered_ms = outbox.c.created_ms + round(self._gather_ms)
        gathers = and_(_EMBEDS_MESSAGE, gathered_ms > outbox.c.next_try_ms)
        async with self._db.read() as connection:
            due_ms = await connection.scalar(select(func.min(case((gathers, gathered_ms), else_=outbox.c.next_try_ms))))
        wait = IDLE_SECONDS if due_ms is None else (due_ms - self._clock()) / 1_000
        return float(min(IDLE_SECONDS, max(SHORTEST_PAUSE_SECONDS, wait)))

    async def count(self) -> int:
        """How many rows there are."""
        async with self._db.read() as connection:
            return await connection.scalar(select(func.count()).select_from(outbox)) or 0

    async def waiting(self) -> list[WaitingChanges]:
        """How many rows wait after a try that failed, deletions first and then the most first."""
        rows, of_message = func.count(), outbox.c.message_id.is_not(None)
        query = select(outbox.c.op, of_message, outbox.c.error, rows).where(outbox.c.error.is_not(None))
        query = query.group_by(outbox.c.op, of_message, outbox.c.error).order_by(outbox.c.op, rows.desc())
        async with self._db.read() as connection:
            return [
                WaitingChanges(removes=op == DELETE, messages=bool(messages), reason=reason, rows=count)
                for op, messages, reason, count in await connection.execute(query)
            ]

    async def _is_gathering(self, connection: AsyncConnection, limit: int) -> bool:
        """Whether the messages that are to be embedded are few, and none has waited for long."""
        query = select(func.count(), func.min(outbox.c.created_ms))
        rows, oldest_ms = (await connection.execute(query.where(self._is_due(), _EMBEDS_MESSAGE))).one()
        return bool(0 < rows < limit and 0 <= self._clock() - oldest_ms < self._gather_ms)

    def _is_due(self) -> ColumnElement[bool]:
        now = self._clock()
        return ~outbox.c.next_try_ms.between(now + 1, now + FAR_MS)
