"""The work queue: channels are leased, their pending messages are cut into batches, answers are kept until applied.

A batch is a stretch of messages. It is open until the model's proposals are stored with it, proposed until the judged
statements are, answered until those are applied, and then it has no row. Whatever is interrupted is taken up from these
rows.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import (
    FAR_MS,
    AnswerCut,
    Backoff,
    ChannelMemoryError,
    Clock,
    Message,
    MessageState,
    ModelUnfit,
    RateLimited,
    reason_of,
)
from bot.guilds import Consents
from bot.memories import FORGOTTEN
from bot.observe import message_from_row, set_batch, set_state
from bot.remember.leases import LEASE_SECONDS, Leases
from bot.remember.shown_messages import are_unchanged, left_out_of
from bot.storage import PENDING, Database, awaited, batches, chunks, leases, messages

TRIES = 2
"""Unusable answers to the same messages before they are halved, or die where there is one message only."""

FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 600.0

CONTEXT_MESSAGES = 10
"""Messages before a batch that its model call may use and not cite."""

OPEN = "open"
PROPOSED = "proposed"
ANSWERED = "answered"

_HALVES = uuid.UUID("0b7f3f1c-1d0e-4a53-8a4e-0a5f0d1c2b11")  # namespace of the ids of halved batches


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages in hand for one model call.

    Attributes:
        answer: the proposals or judged statements (`bot.remember.statement`), once there are some.
        failures: unusable answers so far.
        attempts: tries so far, whatever came of them.
        next_try_ms: not to be tried again before, in milliseconds since 1970.
    """

    id: str
    guild_id: int
    channel_id: int
    answer: str | None
    failures: int
    attempts: int
    next_try_ms: int


@dataclass(frozen=True, slots=True)
class Work:
    """A batch with its messages, as they were when they were read, and what was said before them."""

    batch: Batch
    messages: tuple[Message, ...]
    context: tuple[Message, ...]

    @property
    def shown(self) -> tuple[Message, ...]:
        """All that a model is shown, oldest first."""
        return (*self.context, *self.messages)


@dataclass(frozen=True, slots=True)
class Due:
    """A channel that is to be worked on now.

    Attributes:
        awaited: whether somebody waits for it (`bot.remember.awaited`), so that it comes first.
    """

    channel_id: int
    guild_id: int
    awaited: bool = False


class Queue(Leases):
    """Hands out channels and batches, so that nothing is lost, doubled or done by two at once."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        owner: str,
        *,
        lease_seconds: float = LEASE_SECONDS,
        lease_time: ColumnElement[int] | None = None,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Open the queue for `owner`, a name that no other running process has.

        Leases go by `lease_time` (see `Leases`). While a service is down a batch waits for `longest_wait_seconds` at
        most, if it names no time itself.
        """
        super().__init__(db, clock, owner, seconds=lease_seconds, time=lease_time)
        self._waits = Backoff(FIRST_WAIT_SECONDS, longest_wait_seconds, spread)

    # --- what there is to do -----------------------------------------------------------------------------------------

    async def due(self, *, interval_seconds: float, size: int) -> list[Due]:
        """Channels to work on now, those first that somebody waits for, then the longest waiting.

        A channel is due when a batch of it is in hand and may be tried, or when `size` of its messages are pending, or
        when one has been pending for `interval_seconds`, or is waited for; and nobody has it leased.
        """
        now = self._clock()
        pending = select(
            messages.c.channel_id,
            func.min(messages.c.guild_id).label("guild_id"),
            func.count().label("waiting"),
            func.min(messages.c.logged_ms).label("oldest"),
        ).where(PENDING)
        in_hand = select(batches.c.channel_id, func.max(batches.c.next_try_ms).label("next_try")).group_by(
            batches.c.channel_id
        )
        leased = select(leases.c.channel_id).where(self.in_force())
        async with self._db.read() as connection:
            channels = (await connection.execute(pending.group_by(messages.c.channel_id).order_by("oldest"))).all()
            next_try: dict[int, int] = {row.channel_id: row.next_try for row in await connection.execute(in_hand)}
            leased_ids = set(await connection.scalars(leased))
            asked: dict[int, int] = {row.channel_id: row.asked_ms for row in await connection.execute(select(awaited))}
        interval_ms = round(interval_seconds * 1000)

        def is_awaited(row: Row[Any]) -> bool:
            return bool(row.oldest <= asked.get(row.channel_id, -1))

        def is_due(row: Row[Any]) -> bool:
            if row.channel_id in next_try:
                return not now < next_try[row.channel_id] <= now + FAR_MS
            # What was logged a little ahead of us is another process's, whose clock is ahead; far ahead, from before
            # the clock was put back: rather now than late.
            waited = not now - interval_ms < row.oldest < now + interval_ms
            return bool(waited or row.waiting >= size or is_awaited(row))

        due = [row for row in channels if row.channel_id not in leased_ids and is_due(row)]
        return sorted(
            (Due(row.channel_id, row.guild_id, is_awaited(row)) for row in due), key=lambda turn: not turn.awaited
        )

    async def channels(self) -> list[int]:
        """Every channel with something pending, longest waiting first."""
        query = select(messages.c.channel_id).where(messages.c.state == MessageState.PENDING)
        async with self._db.read() as connection:
            by_age = query.group_by(messages.c.channel_id).order_by(func.min(messages.c.logged_ms))
            return list(await connection.scalars(by_age))

    async def newest_pending(self, channel_id: int, limit: int | None = None) -> int:
        """Snowflake of the newest message of a channel that is pending, of its oldest `limit`; 0 if none is."""
        oldest = select(messages.c.id).where(_pending(channel_id)).order_by(messages.c.id).limit(limit).subquery()
        async with self._db.read() as connection:
            return (await connection.scalar(select(func.max(oldest.c.id)))) or 0

    async def uncut(self, channel_id: int, *, up_to: int, limit: int) -> list[Message]:
        """Pending messages of a channel that are in no batch yet, oldest first."""
        waiting = and_(_pending(channel_id), messages.c.batch_id.is_(None), messages.c.id <= up_to)
        async with self._db.read() as connection:
            rows = await connection.execute(select(messages).where(waiting).order_by(messages.c.id).limit(limit))
            return [message_from_row(row) for row in rows]

    async def cut(self, channel_id: int, segments: Sequence[Sequence[Message]]) -> None:
        """Make each segment a batch. Messages that went meanwhile are left out, and so is a segment of none."""
        async with self._db.write() as connection:
            await self.hold(connection, channel_id)
            for segment in segments:
                batch_id = str(uuid.uuid4())
                ids = [message.id for message in segment]
                uncut = and_(_pending(channel_id), messages.c.batch_id.is_(None), messages.c.id.in_(ids))
                if await set_batch(connection, uncut, batch_id):
                    row = self._new_batch(batch_id, segment[0].guild_id, channel_id)
                    await connection.execute(insert(batches).values(row))

    async def batches(self, channel_id: int) -> list[Batch]:
        """The batches of a channel that are in hand, in the order of their first message."""
        async with self._db.read() as connection:
            return [_batch(row) for row in await connection.execute(_in_hand(channel_id))]

    async def next_open(self, channel_id: int) -> Batch | None:
        """The first batch of a channel that has no answer yet."""
        query = _in_hand(channel_id).where(batches.c.answer.is_(None)).limit(1)
        async with self._db.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _batch(row)

    async def work(self, batch: Batch) -> Work:
        """A batch's messages, oldest first, and the ones before them."""
        async with self._db.read() as connection:
            theirs = select(messages).where(messages.c.batch_id == batch.id).order_by(messages.c.id)
            batch_messages = [message_from_row(row) for row in await connection.execute(theirs)]
            if not batch_messages:
                return Work(batch, (), ())
            earlier = and_(messages.c.channel_id == batch.channel_id, messages.c.id < batch_messages[0].id)
            alive = messages.c.state != MessageState.DEAD  # it would break what is said after it too
            before = and_(earlier, alive, messages.c.reason.is_distinct_from(FORGOTTEN))
            last = select(messages).where(before).order_by(messages.c.id.desc()).limit(CONTEXT_MESSAGES)
            context = [message_from_row(row) for row in await connection.execute(last)]
        return Work(batch, tuple(batch_messages), tuple(reversed(context)))

    async def left_out(self, work: Work, consents: Consents) -> set[int]:
        """Whose messages among these no model may be shown, as the database has it."""
        async with self._db.read() as connection:
            return await left_out_of(connection, work.shown, consents)

    async def stands(self, work: Work, consents: Consents) -> bool:
        """Whether all of it is as it was when it was read, and a model may be shown it."""
        async with self._db.read() as connection:
            return await are_unchanged(connection, work.shown) and not await left_out_of(
                connection, work.shown, consents
            )

    async def skip(self, channel_id: int, message_ids: Collection[int], reason: str) -> int:
        """Give pending messages up for a reason; how many.

        Raises:
            LeaseLost: the channel is another's now.
        """
        count = 0
        async with self._db.write() as connection:
            await self.hold(connection, channel_id)
            for chunk in chunks(message_ids):
                of_chunk = and_(_pending(channel_id), messages.c.id.in_(chunk))
                count += await set_state(connection, of_chunk, MessageState.SKIPPED, reason)
            await drop_empty_batches(connection)
        return count

    # --- what came of it ---------------------------------------------------------------------------------------------

    async def answer(self, work: Work, answer: str, state: str = ANSWERED) -> bool:
        """Keep a validated answer to the first call (PROPOSED) or to the second (ANSWERED).

        Returns:
            False if one of the messages that the model saw went or changed meanwhile: the answer is thrown away, for
            it may hold what was erased, and the batch is open still.

        Raises:
            LeaseLost: the channel is another's now.
        """
        async with self._db.write() as connection:
            await self.hold(connection, work.batch.channel_id)
            if not await are_unchanged(connection, work.shown):
                return False
            stored = update(batches).where(batches.c.id == work.batch.id)
            await connection.execute(stored.values(state=state, answer=answer, error=None))
        return True

    async def reopen(self, batch: Batch) -> None:
        """Have a batch asked about from the beginning.

        Raises:
            LeaseLost: the channel is another's now.
        """
        async with self._db.write() as connection:
            await self.hold(connection, batch.channel_id)
            reset = update(batches).where(batches.c.id == batch.id)
            await connection.execute(reset.values(state=OPEN, answer=None, error=None))

    async def fail(self, batch: Batch, error: Exception) -> int:
        """Count a failure of its own: the batch is tried again, halved, or its one message dies. How many died.

        Raises:
            LeaseLost: the channel is another's now.
        """
        failures = batch.failures + 1
        async with self._db.write() as connection:
            await self.hold(connection, batch.channel_id)
            ids = await self._ids(connection, batch)
            if len(ids) > 1 and (failures >= TRIES or isinstance(error, AnswerCut)):
                await self._halve(connection, batch, ids)
            elif ids and failures >= TRIES:
                return await self._bury(connection, batch, describe(error))
            else:
                tried = update(batches).where(batches.c.id == batch.id)
                change = {"failures": failures, "attempts": batch.attempts + 1, "error": describe(error)}
                await connection.execute(tried.values(change))
        return 0

    async def wait(self, batch: Batch, error: Exception) -> None:
        """Not the batch is at fault: it waits, longer each time, at least as long as a service asked for.

        Where a model is unfit it only notes why: whose turn it is then is not the batch's to say.

        Raises:
            LeaseLost: the channel is another's now.
        """
        if isinstance(error, ModelUnfit):
            async with self._db.write() as connection:
                await self.hold(connection, batch.channel_id)
                noted = update(batches).where(batches.c.id == batch.id)
                await connection.execute(noted.values(next_try_ms=0, error=describe(error)))
            return
        seconds = self._waits.after(batch.attempts + 1)
        if isinstance(error, RateLimited) and error.retry_after is not None:
            seconds = max(seconds, error.retry_after)
        change = {
            "attempts": batch.attempts + 1,
            "next_try_ms": self._clock() + round(seconds * 1000),
            "error": describe(error),
        }
        async with self._db.write() as connection:
            await self.hold(connection, batch.channel_id)
            await connection.execute(update(batches).where(batches.c.id == batch.id).values(change))

    # --- details -----------------------------------------------------------------------------------------------------

    def _new_batch(self, batch_id: str, guild_id: int, channel_id: int) -> dict[str, Any]:
        return {
            "id": batch_id,
            "guild_id": guild_id,
            "channel_id": channel_id,
            "state": OPEN,
            "created_ms": self._clock(),
        }

    async def _ids(self, connection: AsyncConnection, batch: Batch) -> list[int]:
        query = select(messages.c.id).where(messages.c.batch_id == batch.id).order_by(messages.c.id)
        return list(await connection.scalars(query))

    async def _halve(self, connection: AsyncConnection, batch: Batch, ids: Sequence[int]) -> None:
        middle = len(ids) // 2
        for half in (ids[:middle], ids[middle:]):
            half_id = str(uuid.uuid5(_HALVES, f"{batch.id}:{half[0]}"))
            await connection.execute(insert(batches).values(self._new_batch(half_id, batch.guild_id, batch.channel_id)))
            await set_batch(connection, messages.c.id.in_(half), half_id)
        await connection.execute(delete(batches).where(batches.c.id == batch.id))

    async def _bury(self, connection: AsyncConnection, batch: Batch, reason: str) -> int:
        buried = await set_state(connection, messages.c.batch_id == batch.id, MessageState.DEAD, reason)
        await connection.execute(delete(batches).where(batches.c.id == batch.id))
        return buried


async def drop_empty_batches(connection: AsyncConnection) -> int:
    """Remove batches all of whose messages went; how many."""
    filled = exists().where(messages.c.batch_id == batches.c.id)
    return (await connection.execute(delete(batches).where(~filled))).rowcount


def describe(error: Exception) -> str:
    """An error as it may be kept: its kind and reason, or where it came from, never content."""
    return f"{type(error).__name__}: {error}" if isinstance(error, ChannelMemoryError) else reason_of(error)


def _pending(channel_id: int) -> ColumnElement[bool]:
    return and_(messages.c.state == MessageState.PENDING, messages.c.channel_id == channel_id)


def _in_hand(channel_id: int) -> Select[Any]:
    """The batches of a channel, in the order of their first message."""
    return (
        select(batches)
        .join(messages, messages.c.batch_id == batches.c.id)
        .where(batches.c.channel_id == channel_id)
        .group_by(batches.c.id)
        .order_by(func.min(messages.c.id))
    )


def _batch(row: Row[Any]) -> Batch:
    return Batch(
        id=row.id,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        answer=row.answer,
        failures=row.failures,
        attempts=row.attempts,
        next_try_ms=row.next_try_ms,
    )
