"""What a server decided, planned, answered and linked, newest first, as far as somebody may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, false, func, select

from bot.domain import Memory, MemoryKind, MemoryState
from bot.memories import MemoryPage, shown_to
from bot.recall.query import RecallQuery
from bot.recall.scope import scope_of
from bot.storage import memories
from bot.text import question_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.memories import MemoryStore
    from bot.storage import Database
    from bot.text import FullText

BROWSED = (MemoryKind.DECISION, MemoryKind.PLAN, MemoryKind.ANSWER, MemoryKind.LINK)
"""What is shown where no kind is asked for. Nothing that a member said about themselves is listed by server."""

BROWSABLE = (*BROWSED, MemoryKind.QUESTION, MemoryKind.TOPIC)
"""The kinds that may be asked for."""


class Browse:
    """Lists the memories of a server that hold."""

    def __init__(self, db: Database, store: MemoryStore, fulltext: FullText) -> None:
        self._db = db
        self._store = store
        self._fulltext = fulltext

    async def page(
        self,
        guild_id: int,
        *,
        readable: frozenset[int] | None,
        kinds: Sequence[MemoryKind] = BROWSED,
        words: str = "",
        offset: int = 0,
        limit: int = 10,
    ) -> MemoryPage:
        """A page of them.

        Args:
            guild_id: of this server.
            readable: only memories all of whose channels are among these; None for all, which is for operators alone.
            kinds: only memories of these kinds.
            words: only memories with all of these words, in any form.
            offset: how many to leave out at the start.
            limit: at most so many.
        """
        wanted = and_(
            memories.c.guild_id == guild_id,
            memories.c.kind.in_(kinds),
            memories.c.state == MemoryState.CURRENT,
            shown_to(readable),
        )
        async with self._db.read() as connection:
            if words:
                wanted = and_(wanted, await self._with_words(connection, guild_id, readable, words))
            total = await connection.scalar(select(func.count()).select_from(memories).where(wanted)) or 0
            items = await self._newest(connection, wanted, offset, limit)
        return MemoryPage(tuple(memory.seen_by(readable) for memory in items), total)

    async def _with_words(
        self, connection: AsyncConnection, guild_id: int, readable: frozenset[int] | None, words: str
    ) -> ColumnElement[bool]:
        """Memories that hold all of these words; none where no word can be looked for."""
        groups = question_terms(words)
        if not groups:
            return false()
        scope = await scope_of(connection, RecallQuery(guild_id=guild_id, text=words, channel_ids=readable))
        return memories.c.seq.in_(self._fulltext.holding("memories", scope, groups))

    async def _newest(
        self, connection: AsyncConnection, wanted: ColumnElement[bool], offset: int, limit: int
    ) -> list[Memory]:
        newest = select(memories.c.id).where(wanted).order_by(memories.c.said_id.desc(), memories.c.seq.desc())
        ids = list(await connection.scalars(newest.offset(offset).limit(limit)))
        by_id = await self._store.load(connection, ids)
        return [by_id[memory_id] for memory_id in ids if memory_id in by_id]
