"""Memories that answer a question: by words, and by meaning where the vector index can be asked."""

from __future__ import annotations

import asyncio
import logging
import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Memory, MemoryKind, MemoryState, Phrase, ServiceAbsent, ServiceError
from bot.index import VectorQuery
from bot.recall.query import RecallQuery
from bot.recall.question import Question
from bot.recall.ranking import Spoken, count, own_scores, own_weights, rarity
from bot.text import FullText, SearchScope, Statistics, document_length

if TYPE_CHECKING:
    from bot.index import VectorIndex
    from bot.memories import MemoryStore

log = logging.getLogger(__name__)

OF_A_TIME = 250
"""The same where a question asks about a time: those of other times are left out of them."""

NEWEST = 500
"""Rows fetched for one word."""

CONSIDERED = 50
"""Memories that are looked at from each side, before those are left out that the asker may not read."""

FUSION = 60
"""Reciprocal rank fusion's constant: Cormack, Clarke and Büttcher, SIGIR 2009."""

WEIGHTS = MappingProxyType({MemoryKind.TOPIC: 0.9, MemoryKind.QUESTION: 0.9})
"""What these count for against statements: they tell where something was talked about, and that it was asked."""

MEANING_SECONDS = 4.0
"""How long an answer waits for embedding and index; words alone are better than a member who waits."""

CONVINCING = 5.5
"""Deviations above unrelated texts (`Noise`) that the nearest memory needs where no word was found.

With all-MiniLM-L6-v2 this is a similarity of 0.44. The nearest message of their own chat is nearer for 99 of 100 of 736
questions (0.46 and 0.55 at the first percentile in two sets); for 8 nonsense questions it is 0.17 to 0.43 there, and
0.29 to 0.48 in a support channel of 5,000 messages."""

RELATED = 2.0
"""Deviations below which no memory is related (0.20); the best evidence of 99 in 100 questions is nearer than that."""

UNREACHABLE = Phrase("Searched by words only: the memory index can't be asked right now, so try again later for more.")


class Near(NamedTuple):
    """A memory or message found by meaning.

    Attributes:
        said_id: the message, or of a memory the newest that it cites.
        above: how far its similarity lies above that of unrelated texts, in deviations.
    """

    memory_id: str
    said_id: int
    above: float


def convincing(near: Sequence[Near], *, words_found: bool) -> list[Near]:
    """What to show of it; where no word of the question was found, only if one of them is clearly near.

    Something is always nearest, so a question about what nobody spoke of would else show what happens to be it.
    """
    if not words_found and all(match.above < CONVINCING for match in near):
        return []
    return list(near)


class MemorySearch:
    """Finds memories by words and by meaning, fused by rank."""

    def __init__(self, fulltext: FullText, statistics: Statistics, index: VectorIndex, store: MemoryStore) -> None:
        self._fulltext = fulltext
        self._statistics = statistics
        self._index = index
        self._store = store

    async def by_words(self, connection: AsyncConnection, question: Question, scope: SearchScope) -> list[int]:
        """Full-text rows of memories, best first; not yet what the asker may read."""
        if not question.words:
            return []
        words = [word.terms for word in question.words]
        corpus = await self._statistics.corpus(connection, "memories", scope, words)
        if not corpus.documents:
            return []
        weights = rarity(corpus.documents, corpus.frequencies)
        wanted: list[list[Collection[str]]] = [[word] for word in words]
        if question.restricts and question.dates:
            wanted.append([question.dates])
            weights = (*weights, 0.0)
        rowids = await self._fulltext.newest(connection, "memories", scope, wanted, NEWEST)
        held: dict[int, float] = {}
        for weight, rows in zip(weights, rowids, strict=True):
            for row in rows:
                held[row] = held.get(row, 0.0) + weight
        considered = OF_A_TIME if question.restricts else CONSIDERED
        likely = sorted(held, key=lambda row: (-held[row], -row))[: 2 * considered]
        documents = await self._fulltext.documents(connection, "memories", likely)
        mean_length = statistics.fmean(map(document_length, documents.values())) if documents else 1.0
        worth = own_weights(question, weights[: len(words)])
        scores = {}
        for row, tokens in documents.items():
            spoken = Spoken(row, 0, 0, "", count(question, tokens), document_length(tokens))
            scores[row] = sum(own_scores(worth, mean_length, spoken))
        return sorted(scores, key=lambda row: (-scores[row], -row))[:considered]

    async def by_meaning(
        self, text: str, query: RecallQuery, *, messages: bool = False
    ) -> tuple[list[Near], str | None]:
        """Memories (or messages) related in meaning, best first, and a note if the index can't be asked."""
        if not query.by_meaning:
            return [], None
        try:
            async with asyncio.timeout(MEANING_SECONDS):
                matches = await self._index.search(
                    VectorQuery(
                        guild_id=query.guild_id,
                        text=text,
                        channel_ids=query.channel_ids,
                        author_id=query.author_id,
                        up_to=query.until,
                        since=query.since,
                        messages=messages,
                        limit=CONSIDERED,
                    )
                )
                noise = await self._index.noise() if matches else None
        except TimeoutError:
            log.warning("Recall goes without the index: no answer within %.0f s", MEANING_SECONDS)
            return [], UNREACHABLE
        except ServiceAbsent:
            return [], None
        except ServiceError as error:
            log.warning("Recall goes without the index: %s", error)
            return [], UNREACHABLE
        if noise is None:
            return [], None
        near = [Near(match.memory_id, match.said_id, noise.above(match.score)) for match in matches]
        return [match for match in near if match.above >= RELATED], None

    async def fuse(
        self, rows: Sequence[int], ids: Sequence[str], question: Question, query: RecallQuery
    ) -> list[tuple[Memory, float]]:
        """The memories found by either way that the asker may read, that hold, and that are of the time asked about.

        They come best first, with their scores.
        """
        by_row = await self._store.by_seq(rows) if rows else {}
        by_id = await self._store.get(ids) if ids else {}
        worded = [by_row[row] for row in rows if row in by_row]
        near = [by_id[memory_id] for memory_id in ids if memory_id in by_id]
        by_id = {memory.id: memory for memory in (*worded, *near)}
        holding = await self._holding(by_id.values(), query)
        scores: dict[str, float] = {}
        for side in (worded, near):
            allowed = [memory.id for memory in side if memory.id in holding and _may_show(memory, query, question)]
            for rank, memory_id in enumerate(allowed, start=1):
                weight = WEIGHTS.get(by_id[memory_id].kind, 1.0)
                scores[memory_id] = scores.get(memory_id, 0.0) + weight / (FUSION + rank)
        best = sorted(scores, key=lambda memory_id: (-scores[memory_id], -by_id[memory_id].newest.message_id))
        return [(_as_asked(by_id[memory_id], query), scores[memory_id]) for memory_id in best]

    async def _holding(self, memories: Iterable[Memory], query: RecallQuery) -> set[str]:
        """Ids of the memories that hold, or did at the time that the question is about."""
        memories = list(memories)
        holding = {memory.id for memory in memories if memory.state is MemoryState.CURRENT}
        if query.until is None:
            return holding
        replaced = {m.id: m.superseded_by for m in memories if m.id not in holding and m.superseded_by is not None}
        later = await self._store.get(set(replaced.values())) if replaced else {}
        return holding | {
            memory_id for memory_id, by in replaced.items() if by in later and later[by].newest.message_id > query.until
        }


def _as_asked(memory: Memory, query: RecallQuery) -> Memory:
    """The memory with what speaks against it, as far as the asker may read that and the question reaches so far."""
    shown = memory.seen_by(query.channel_ids)
    if shown.doubt is None or query.until is None or shown.doubt.message_id <= query.until:
        return shown
    return replace(shown, doubt=None)


def _may_show(memory: Memory, query: RecallQuery, question: Question) -> bool:
    said_id = memory.newest.message_id
    return (
        memory.guild_id == query.guild_id
        and query.may_read(memory.channel_ids)
        and (query.until is None or said_id <= query.until)
        and (query.since is None or said_id >= query.since)
        and (query.author_id is None or query.author_id in memory.author_ids)
        and (not question.restricts or _is_of_time(memory, question))
    )


def _is_of_time(memory: Memory, question: Question) -> bool:
    """Whether a memory was said in the time that is asked about, or tells a day of it."""
    said_then = any(question.admits(citation.message_id) for citation in memory.citations)
    return said_then or question.is_dated(memory.text, memory.newest.message_id)
