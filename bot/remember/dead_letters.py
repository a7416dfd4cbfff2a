"""Messages that could not be read while others could: they are left out until another try can help.

That they are dead is the state of the message; when they are tried again is kept beside it, as for all that is set
aside. What was forgotten, erased or dropped meanwhile is in another state, and stays so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Clock, MessageState
from bot.observe import READ_AGAIN, set_state
from bot.storage import Database, Item, SetAside, SetAsideCount, chunks, messages, set_aside

READING: Final = "reading"
"""In what is set aside."""

TRIED_AT_ONCE: Final = 100

_DEAD = messages.c.state == MessageState.DEAD


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that no usable answer could be had for, and the last error."""

    message_id: int
    guild_id: int
    channel_id: int
    error: str


class DeadLetters:
    """The dead letters, in the message log.

    Args:
        db: the database.
        clock: the local clock.
        basis: what reading hangs on: this program's version and the models; dead letters are tried again whenever it
            changes.
    """

    def __init__(self, db: Database, clock: Clock, basis: str = "") -> None:
        self._db = db
        self._aside = SetAside(db, clock)
        self._basis = basis

    async def letters(self, guild_id: int | None = None) -> list[DeadLetter]:
        """All of them in a server or (None) everywhere, oldest first."""
        query = select(messages).where(_DEAD, _of(guild_id)).order_by(messages.c.id)
        async with self._db.read() as connection:
            rows = await connection.execute(query)
            return [DeadLetter(row.id, row.guild_id, row.channel_id, row.reason or "") for row in rows]

    async def counts(self, guild_id: int | None = None) -> list[SetAsideCount]:
        """How many there are, by reason, the most first."""
        many = func.count()
        beside = and_(set_aside.c.part == READING, set_aside.c.message_id == messages.c.id)
        query = select(messages.c.reason, many, func.min(set_aside.c.next_try_ms), func.count(set_aside.c.item))
        query = query.select_from(messages.outerjoin(set_aside, beside)).where(_DEAD, _of(guild_id))
        query = query.group_by(messages.c.reason).order_by(many.desc(), messages.c.reason)
        async with self._db.read() as connection:
            return [
                SetAsideCount(
                    part=READING, reason=reason or "", items=dead, next_try_ms=next_try if noted == dead else 0
                )
                for reason, dead, next_try, noted in await connection.execute(query)
            ]

    async def retry(self, message_ids: Collection[int] | None = None) -> int:
        """Make dead letters (None: all) pending again; how many."""
        return await self._settle(message_ids, MessageState.PENDING)

    async def drop(self, message_ids: Collection[int] | None = None) -> int:
        """Give dead letters (None: all) up: they count as skipped; how many."""
        return await self._settle(message_ids, MessageState.SKIPPED, "dropped")

    async def retry_due(self) -> int:
        """Make those pending again that are to be tried now; how many."""
        if not await self._any():
            return 0
        async with self._db.write() as connection:
            await self._keep_up(connection)
            due = await self._aside.due(connection, READING, basis=self._basis, limit=TRIED_AT_ONCE)
            ids = [item.message_id for item in due]
            return await set_state(connection, and_(_DEAD, messages.c.id.in_(ids)), MessageState.PENDING, READ_AGAIN)

    async def _any(self) -> bool:
        """Whether there is one that nobody has noted yet, or is to be tried now, or is dealt with."""
        noted = exists().where(set_aside.c.part == READING, set_aside.c.message_id == messages.c.id)
        new, settled = (
            select(exists().where(_DEAD, ~noted)),
            select(exists().where(set_aside.c.part == READING, _settled())),
        )
        async with self._db.read() as connection:
            if await connection.scalar(new) or await connection.scalar(settled):
                return True
        return await self._aside.is_due(READING, basis=self._basis)

    async def _keep_up(self, connection: AsyncConnection) -> None:
        """Note when new ones are tried again, and forget it of those that are dealt with."""
        await self._aside.settle_those(connection, READING, _settled())
        noted = exists().where(set_aside.c.part == READING, set_aside.c.message_id == messages.c.id)
        rows = (await connection.execute(select(messages).where(_DEAD, ~noted))).all()
        reasons = {
            Item(
                key=str(row.id),
                guild_id=row.guild_id,
                channel_id=row.channel_id,
                message_id=row.id,
                author_id=row.author_id,
            ): row.reason or ""
            for row in rows
        }
        await self._aside.add(connection, READING, reasons, basis=self._basis)

    async def _settle(self, message_ids: Collection[int] | None, state: MessageState, reason: str | None = None) -> int:
        async with self._db.write() as connection:
            if message_ids is None:
                return await set_state(connection, _DEAD, state, reason)
            settled = 0
            for chunk in chunks(message_ids):
                settled += await set_state(connection, and_(_DEAD, messages.c.id.in_(chunk)), state, reason)
        return settled


def _settled() -> ColumnElement[bool]:
    """What was noted of messages that are read now, or given up."""
    ended = messages.c.state.in_((MessageState.EXTRACTED, MessageState.SKIPPED))
    return exists().where(messages.c.id == set_aside.c.message_id, ended)


def _of(guild_id: int | None) -> ColumnElement[bool]:
    return true() if guild_id is None else messages.c.guild_id == guild_id
