"""Finding the memories that a new statement has to be compared with."""

from __future__ import annotations

import logging

from bot.domain import Memory, ServiceError
from bot.index import VectorIndex
from bot.memories import MemoryStore
from bot.storage import Database
from bot.text import FullText, channel_token, terms

log = logging.getLogger(__name__)

NEAREST = 8
"""How many memories each way of searching brings."""

MOST_TERMS = 32
"""Terms of a statement that are searched for."""


class Neighbours:
    """Looks for memories of the same channel near a statement, by meaning and by words.

    Only the same channel: a memory that cites two channels is shown only to those who can read both, so a merge
    across channels would take it away from others.
    """

    def __init__(self, db: Database, store: MemoryStore, fulltext: FullText, index: VectorIndex) -> None:
        self._db = db
        self._store = store
        self._fulltext = fulltext
        self._index = index

    async def near(self, *, guild_id: int, channel_id: int, text: str, rendered: str | None) -> list[Memory]:
        """Memories near `text`, those that were superseded included, nearest in meaning first, then nearest in words.

        Args:
            guild_id: the statement's guild.
            channel_id: the statement's channel.
            text: the statement, people as `<@user_id>`.
            rendered: the statement as it was embedded ahead; None where that failed, then only words count.
        """
        by_meaning = await self._by_meaning(guild_id, channel_id, rendered) if rendered is not None else []
        by_words = await self._by_words(channel_id, text)
        found = await self._store.get(by_meaning) if by_meaning else {}
        nearest = [found[i] for i in by_meaning if i in found]
        nearest += [memory for memory in by_words if memory.id not in found]
        return [memory for memory in nearest if memory.channel_ids == {channel_id}]

    async def holds(self, memory: Memory) -> bool:
        """Whether a memory is there still, as it was."""
        there = (await self._store.get([memory.id])).get(memory.id)
        return there is not None and there.text == memory.text

    async def _by_meaning(self, guild_id: int, channel_id: int, rendered: str) -> list[str]:
        try:
            scored = await self._index.search(
                guild_id=guild_id, text=rendered, channel_ids=frozenset({channel_id}), limit=NEAREST
            )
        except ServiceError as error:
            log.warning("Reconciling by words only, the index can't be asked: %s", error)
            return []
        return [hit.memory_id for hit in scored]

    async def _by_words(self, channel_id: int, text: str) -> list[Memory]:
        words = list(dict.fromkeys(terms(text)))[:MOST_TERMS]
        if not words:
            return []
        async with self._db.read() as connection:
            groups = [[channel_token(channel_id)], words]
            documents = await self._fulltext.search(connection, "memories", groups, NEAREST)
        found = await self._store.by_seq([document.rowid for document in documents])
        return [found[document.rowid] for document in documents if document.rowid in found]
