"""Which messages a replayed export brought, and what a later export says of them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, exists, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Message, people_in, without_people
from bot.observe.message_rows import message_from_row
from bot.observe.messagelog import MessageLog, Said, storable
from bot.storage import Store, citations, imports, messages

if TYPE_CHECKING:
    from bot.storage import Database, Edited, Expired

AT_ONCE = 10_000
"""Imported messages that are compared with a file in one go."""

_STILL_CITED = exists().where(citations.c.message_id == imports.c.message_id)
_STILL_LOGGED = exists().where(messages.c.id == imports.c.message_id)


class Imports(Store):
    """Tells what an export brought from what the bot has read itself."""

    name = "imports"
    tables = (imports,)

    def __init__(self, db: Database, log: MessageLog) -> None:
        super().__init__(db)
        self._log = log

    async def edited(self, connection: AsyncConnection, edited: Edited) -> int:
        """Where a message came from stays true."""
        return 0

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """A row goes when neither the log nor a memory has its message."""
        unneeded = and_(imports.c.message_id.in_(expired.messages), not_(_STILL_CITED))
        if expired.last:
            unneeded = and_(not_(_STILL_CITED), not_(_STILL_LOGGED))
        await connection.execute(delete(imports).where(unneeded))
        return Counter()

    async def edits(self, said: Sequence[Said]) -> list[Message]:
        """Those of a group of exported messages that were edited since an earlier export brought them.

        They are as the log would keep them. What the log has of a later edit stands, and so does a text from which
        only mentions were taken out, or what it forwards.
        """
        given = {item.message.id: item for item in said}
        brought = select(messages).join(imports, imports.c.message_id == messages.c.id)
        async with self._db.read() as connection:
            rows = (await connection.execute(brought.where(messages.c.id.in_(given)))).all()
            logged = {row.id: message_from_row(row) for row in rows}
            new = await self._log.as_kept(connection, [given[message_id] for message_id in logged])
        return [each.message for each in new if _was_edited(logged[each.message.id], given[each.message.id])]

    async def missing(self, channel_id: int, present: Sequence[int]) -> tuple[list[int], int]:
        """What exports brought of a channel that a later one does not have, though it lies within it.

        Args:
            channel_id: the channel.
            present: ids of all messages of the later one, in ascending order.

        Returns:
            The ids, and how many messages exports brought between its first and its last message.
        """
        missing: list[int] = []
        count, after = 0, present[0] - 1
        within = select(imports.c.message_id).where(imports.c.channel_id == channel_id).order_by(imports.c.message_id)
        while True:
            page = within.where(imports.c.message_id > after, imports.c.message_id <= present[-1]).limit(AT_ONCE)
            async with self._db.read() as connection:
                ids = (await connection.scalars(page)).all()
            if not ids:
                return missing, count
            missing += [message_id for message_id in ids if not _has(present, message_id)]
            count, after = count + len(ids), ids[-1]


def _was_edited(logged: Message, now: Said) -> bool:
    if (logged.edited_at or logged.created_at) > (now.message.edited_at or now.message.created_at):
        return False
    texts = [now.message.content] if now.quotes is None else [now.message.content, now.without_quote]
    return all(_differ(logged.content, text) for text in texts)


def _differ(logged: str, content: str) -> bool:
    return logged != without_people(storable(content), people_in([content]) - people_in([logged]))


def _has(ids: Sequence[int], wanted: int) -> bool:
    place = bisect_left(ids, wanted)
    return place < len(ids) and ids[place] == wanted
