"""Finding the memories that a new statement has to be compared with."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from bot.domain import Memory, MemoryKind, ServiceError
from bot.guilds import Threads
from bot.index import VectorIndex, VectorQuery
from bot.memories import MemoryStore
from bot.remember.nearest import MOST_TERMS, subject_terms
from bot.storage import Database
from bot.text import FullText, channel_token, terms

log = logging.getLogger(__name__)

NEAREST = 5
"""Memories that a statement is compared with."""

LOOKED_AT = 12
"""How many memories each way of searching brings."""

FUSION = 60
"""Reciprocal rank fusion's constant: Cormack, Clarke and Büttcher, SIGIR 2009."""


class Neighbours:
    """Looks for memories of the same channel and its public threads near a statement, by meaning and by words.

    Only there: a memory that cites two channels is shown only to those who can read both, so a merge across channels
    would take it away from others. What is said in a private thread stays there.
    """

    def __init__(
        self, db: Database, store: MemoryStore, fulltext: FullText, index: VectorIndex, threads: Threads
    ) -> None:
        self._db = db
        self._store = store
        self._fulltext = fulltext
        self._index = index
        self._threads = threads

    async def near(
        self,
        *,
        guild_id: int,
        channel_id: int,
        text: str,
        rendered: str | None,
        message_ids: Collection[int] = (),
        topics: bool = False,
    ) -> list[Memory]:
        """The memories nearest to `text`, in whatever state, nearest first; before them those of the same messages.

        Args:
            guild_id: the statement's guild.
            channel_id: the statement's channel.
            text: the statement, people as `<@user_id>`.
            rendered: the statement as it was embedded ahead; None where that failed, then only words count.
            message_ids: the messages that state it.
            topics: look among the topics of conversations alone, which are left out otherwise.
        """
        places = await self._threads.family(channel_id)
        by_meaning = await self._by_meaning(guild_id, places, rendered) if rendered is not None else []
        by_words = await self._by_words(places, list(dict.fromkeys(terms(text)))[:MOST_TERMS])
        by_subject = await self._by_words(places, subject_terms(text))
        memories = await self._store.get(by_meaning) | {memory.id: memory for memory in (*by_words, *by_subject)}
        scores: dict[str, float] = {}
        for ids in (by_meaning, [memory.id for memory in by_words], [memory.id for memory in by_subject]):
            for rank, memory_id in enumerate(ids):
                scores[memory_id] = scores.get(memory_id, 0.0) + 1 / (FUSION + rank)
        made_before = {memory.id: memory for memory in await self._store.by_message(message_ids)}
        memories |= made_before
        best = [
            memories[i]
            for i in dict.fromkeys([*made_before, *sorted(scores, key=lambda i: -scores[i])])
            if i in memories
        ]
        here = [memory for memory in best if memory.guild_id == guild_id and memory.channel_ids <= places]
        return [memory for memory in here if (memory.kind is MemoryKind.TOPIC) == topics][:NEAREST]

    async def hold(self, memories: Sequence[Memory]) -> bool:
        """Whether these memories are all there still, as they were."""
        stored = await self._store.get([memory.id for memory in memories]) if memories else {}
        return all(memory.id in stored and stored[memory.id].text == memory.text for memory in memories)

    async def _by_meaning(self, guild_id: int, places: frozenset[int], rendered: str) -> Sequence[str]:
        try:
            scored = await self._index.search(
                VectorQuery(guild_id=guild_id, text=rendered, channel_ids=places, limit=LOOKED_AT)
            )
        except ServiceError as error:
            log.warning("Comparing by words only, the index can't be asked: %s", error)
            return []
        return [hit.memory_id for hit in scored]

    async def _by_words(self, places: frozenset[int], words: Sequence[str]) -> list[Memory]:
        if not words:
            return []
        async with self._db.read() as connection:
            groups = [[channel_token(place) for place in sorted(places)], words]
            documents = await self._fulltext.search(connection, "memories", groups, LOOKED_AT)
        by_row = await self._store.by_seq([document.rowid for document in documents])
        return [by_row[document.rowid] for document in documents if document.rowid in by_row]
