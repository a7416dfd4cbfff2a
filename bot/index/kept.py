"""What becomes of the vector index, and of what waits for it, when something is erased, edited or over its time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import ServiceError
from bot.index.owner import IndexOwner
from bot.storage import Sections, Store, memories, messages, outbox

if TYPE_CHECKING:
    from bot.index.base import VectorIndex
    from bot.index.message_vectors import MessageVectors
    from bot.storage import Database, Edited, Erased, Expired, Scope


class KeptOutbox(Store):
    """What the index has yet to learn; it learns of messages here, and of memories from whoever changes them."""

    name = "index"
    tables = (outbox,)

    def __init__(self, db: Database, message_vectors: MessageVectors) -> None:
        super().__init__(db)
        self._messages = message_vectors

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """Tell the index of messages that go, and of those that have another text."""
        await self._messages.gone(connection, erased.messages)
        await self._messages.changed(connection, erased.mentioning)
        return Counter()

    async def edited(self, connection: AsyncConnection, edited: Edited) -> int:
        """Tell the index of the new text."""
        await self._messages.changed(connection, [] if edited.logged is None else [edited.message_id])
        return 0

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """Tell the index of messages that go."""
        await self._messages.gone(connection, expired.messages)
        return Counter()

    async def count(self, scope: Scope) -> Counter[str]:
        """What the index has yet to forget."""
        has_memory = exists().where(memories.c.id == outbox.c.memory_id)
        has_message = exists().where(messages.c.id == outbox.c.message_id)
        async with self._db.read() as connection:
            waiting = select(func.count()).select_from(outbox).where(~has_memory, ~has_message)
            return Counter({self.name: await connection.scalar(waiting) or 0})


class KeptVectors(Store):
    """Vectors, which follow the memories, and hold ids but no text: the outbox tells the index what goes."""

    name = "vectors"

    def __init__(self, db: Database, index: VectorIndex) -> None:
        super().__init__(db)
        self._index = index

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """Nothing that the memories do not tell."""
        return {self.name: []}

    async def count(self, scope: Scope) -> Counter[str]:
        """Vectors that still cite an erased member, or stand for what was said in an erased channel or server.

        Those of single messages follow in their own time; the outbox tells what waits.
        """
        if scope.user_id is None:
            return Counter({self.name: await self._count_said(scope)})
        cited = await self._index.count_citing(scope.user_id, scope.guild_id) if await self._index.count() else 0
        return Counter({self.name: cited})

    async def _count_said(self, scope: Scope) -> int:
        if scope.guild_id is None or scope.message_ids is not None:
            return 0
        try:
            return await self._index.count_said(scope.guild_id, scope.channel_ids)
        except ServiceError:
            return 0  # it can't be asked now: what it has yet to forget is counted in the outbox


def index_stores(db: Database, index: VectorIndex, message_vectors: MessageVectors) -> tuple[Store, ...]:
    """What this package keeps."""
    return (KeptOutbox(db, message_vectors), KeptVectors(db, index), IndexOwner(db))
