"""Reading again what is still kept, after an upgrade or with a better model, when there is nothing fresh to do.

What is asked for stands in the database, channel by channel, so that it goes on wherever it was interrupted. A portion
at a time is pending again and takes the way of fresh messages; what it may change there, and what must not come back,
`bot.remember.changes` decides.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, or_, select, true, update
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import MessageState
from bot.observe import READ_AGAIN, set_state
from bot.remember.asking import MODEL_AWAY
from bot.remember.flusher import Flusher
from bot.remember.report import FlushReport
from bot.storage import Store, messages, rereadings, upsert

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

log = logging.getLogger(__name__)

PORTION = 200
"""Messages that are read again at once: fresh ones wait for no more than a few calls of the model."""

LOOK_SECONDS = 15.0
"""Between two looks at whether something is to be read again, or can be now."""


@dataclass(frozen=True, slots=True)
class RereadingProgress:
    """How far reading again has come.

    Attributes:
        messages: how many there were in the beginning, of what is not through yet.
        left: how many of them are still to be read.
    """

    messages: int
    left: int


class Rereadings(Store):
    """Which messages are to be read again, and how far that has come."""

    name = "rereadings"
    tables = (rereadings,)

    async def ask(self, *, guild_id: int | None = None, channel_id: int | None = None, since: int = 0) -> int:
        """Have what is kept read again; how many messages that is, with what was asked for before and is not through.

        What was forgotten, or belongs to a member who opted out, is left alone, and so is a dead letter.

        Args:
            guild_id: of this server only.
            channel_id: of this channel or thread only.
            since: from this snowflake on.
        """
        wanted = and_(_readable(), messages.c.id >= since, _of(messages, guild_id, channel_id))
        ends = select(messages.c.channel_id, messages.c.guild_id, func.min(messages.c.id), func.max(messages.c.id))
        async with self._db.write() as connection:
            asked = {row.channel_id: row for row in await connection.execute(select(rereadings))}
            ends_of_channels = await connection.execute(
                ends.where(wanted).group_by(messages.c.channel_id, messages.c.guild_id)
            )
            for place, server, first, last in ends_of_channels.all():
                before = asked.get(place)
                start = first - 1 if before is None else min(first - 1, before.read_up_to)
                end = last if before is None else max(last, before.up_to)
                values = {"read_up_to": start, "up_to": end, "messages": await _count(connection, place, start, end)}
                row = upsert(self._db.dialect, rereadings).values(channel_id=place, guild_id=server, **values)
                await connection.execute(row.on_conflict_do_update(index_elements=["channel_id"], set_=values))
            total = select(func.sum(rereadings.c.messages)).where(_of(rereadings, guild_id, channel_id))
            return int(await connection.scalar(total) or 0)

    async def standing(self, *, guild_id: int | None = None, channel_id: int | None = None) -> RereadingProgress:
        """How far it has come, in one server or channel or in all."""
        in_hand = select(func.count()).where(_in_hand(), _of(messages, guild_id, channel_id))
        asked = select(rereadings).where(_of(rereadings, guild_id, channel_id))
        async with self._db.read() as connection:
            rows = (await connection.execute(asked)).all()
            left = await connection.scalar(in_hand) or 0
            for row in rows:
                left += await _count(connection, row.channel_id, row.read_up_to, row.up_to)
        return RereadingProgress(max(left, sum(row.messages for row in rows)), left)

    async def in_hand(self) -> int | None:
        """The channel whose messages are to be read again at this moment, if there is one."""
        query = select(messages.c.channel_id).where(_in_hand()).limit(1)
        async with self._db.read() as connection:
            channel_id: int | None = await connection.scalar(query)
        return channel_id

    async def next_portion(self, limit: int = PORTION) -> int | None:
        """Make the next messages pending again; their channel. None where there are none, or some are in hand still."""
        asked = select(rereadings).order_by(rereadings.c.channel_id).limit(1).with_for_update(skip_locked=True)
        async with self._db.write() as connection:
            if await connection.scalar(select(exists().where(_in_hand()))):
                return None
            while (row := (await connection.execute(asked)).one_or_none()) is not None:
                within = _within(row.channel_id, row.read_up_to, row.up_to)
                oldest = select(messages.c.id).where(within).order_by(messages.c.id).limit(limit)
                ids = list(await connection.scalars(oldest))
                this = rereadings.c.channel_id == row.channel_id
                if ids:
                    await set_state(connection, messages.c.id.in_(ids), MessageState.PENDING, READ_AGAIN)
                    await connection.execute(update(rereadings).where(this).values(read_up_to=ids[-1]))
                    return int(row.channel_id)
                await connection.execute(delete(rereadings).where(this))
        return None


class Rereader:
    """Reads again what is asked for, a portion at a time, whenever nothing fresh is due."""

    def __init__(self, rereadings: Rereadings, flusher: Flusher) -> None:
        self._rereadings = rereadings
        self._flusher = flusher

    async def run(self) -> None:
        """Do so until cancelled; what the database refuses is tried again."""
        while True:
            try:
                report = await self._next()
            except SQLAlchemyError as error:
                log.warning("Reading again waits for the database: %s", type(error).__name__)
                report = None
            if report is None or report.waiting is not None:
                await asyncio.sleep(LOOK_SECONDS)

    async def finish(self, progress: Callable[[FlushReport], None]) -> FlushReport:
        """Read again all that is asked for, after what is due; what came of it, or why it waits.

        `progress` is told what each portion did.
        """
        total = FlushReport()
        while total.waiting is None:
            total.waiting = (await self._flusher.flush_due()).waiting
            channel_id = None if total.waiting else await self._interrupted_or_next()
            if channel_id is None:
                break
            report = await self._flusher.flush_channel(channel_id)
            progress(report)
            total.add(report)
            if not report.messages + report.dead:
                break
        return total

    async def _interrupted_or_next(self) -> int | None:
        return await self._rereadings.in_hand() or await self._rereadings.next_portion()

    async def _next(self) -> FlushReport | None:
        """Read the next portion again; None where there is none, or there is something fresh to do."""
        if self._flusher.at_work or await self._flusher.due():
            return None
        channel_id = await self._rereadings.next_portion()
        return None if channel_id is None else await self._flusher.flush_channel(channel_id)


def _readable() -> ColumnElement[bool]:
    """Messages that were read, or that the model was away for; what was forgotten or left out stays so."""
    away = and_(messages.c.state == MessageState.SKIPPED, messages.c.reason == MODEL_AWAY)
    return or_(messages.c.state == MessageState.EXTRACTED, away)


def _in_hand() -> ColumnElement[bool]:
    """Messages that wait to be read again at this moment."""
    return and_(messages.c.state == MessageState.PENDING, messages.c.reason == READ_AGAIN)


def _of(table: Table, guild_id: int | None, channel_id: int | None) -> ColumnElement[bool]:
    """Rows of one server, of one channel, or (None) whatever they are of."""
    wanted = {table.c.guild_id: guild_id, table.c.channel_id: channel_id}
    return and_(true(), *(column == value for column, value in wanted.items() if value is not None))


def _within(channel_id: int, after: int, up_to: int) -> ColumnElement[bool]:
    return and_(_readable(), messages.c.channel_id == channel_id, messages.c.id > after, messages.c.id <= up_to)


async def _count(connection: AsyncConnection, channel_id: int, after: int, up_to: int) -> int:
    return await connection.scalar(select(func.count()).where(_within(channel_id, after, up_to))) or 0
