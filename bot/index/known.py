"""Which points of an index a database knows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from bot.domain import snowflake
from bot.index.backlog import OutboxPoint
from bot.storage import chunks, memories, messages, outbox, set_aside

if TYPE_CHECKING:
    from bot.index.message_vectors import MessageVectors
    from bot.storage import Database

PART: Final = "index"
"""Under which memories and messages are set aside that can't be indexed."""


def point_of(held: str) -> OutboxPoint:
    """A point of the index as the outbox names it."""
    number = uuid.UUID(held).int
    return OutboxPoint(held, number if snowflake.are_possible(number) else None)


async def count_expected(db: Database, message_vectors: MessageVectors) -> int:
    """How many memories and messages the index is to hold, without those that were set aside."""
    set_apart = select(func.count()).select_from(set_aside).where(set_aside.c.part == PART)
    async with db.read() as connection:
        remembered = await connection.scalar(select(func.count()).select_from(memories)) or 0
        aside = await connection.scalar(set_apart) or 0
    return remembered + await message_vectors.count_told() - aside


async def known_points(db: Database, ids: Sequence[str]) -> set[str]:
    """Those of these points that stand for a memory or message of the database, or that it has yet to forget."""
    known: set[str] = set()
    async with db.read() as connection:
        for chunk in chunks(list(ids)):
            by_message = {point.message_id: held for held in chunk if (point := point_of(held)).message_id is not None}
            for column in (memories.c.id, outbox.c.memory_id):
                known.update(await connection.scalars(select(column).where(column.in_(chunk))))
            of_message = select(messages.c.id).where(messages.c.id.in_(by_message))
            known.update(by_message[message_id] for message_id in await connection.scalars(of_message))
    return known
