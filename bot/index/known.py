"""Which points of an index a database knows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from bot.domain import snowflake
from bot.index.backlog import OutboxPoint
from bot.storage import chunks, memories, messages, outbox

if TYPE_CHECKING:
    from bot.storage import Database


def point_of(held: str) -> OutboxPoint:
    """A point of the index as the outbox names it."""
    number = uuid.UUID(held).int
    return OutboxPoint(held, number if snowflake.are_possible(number) else None)


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
