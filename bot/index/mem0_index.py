"""The vector index through mem0: it embeds, stores and searches; it does not extract, and it keeps nothing of its own.

Import this module only after `bot.index.opening.prepare_mem0`: mem0 reads its settings when it is imported.
"""

from __future__ import annotations

import asyncio
import hashlib
from array import array
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from io import UnsupportedOperation
from types import SimpleNamespace
from typing import Any, Final, TypeVar

from mem0.configs.base import MemoryConfig
from mem0.embeddings.base import EmbeddingBase
from mem0.memory.main import AsyncMemory
from mem0.memory.storage import SQLiteManager
from mem0.vector_stores.base import VectorStoreBase

from bot.domain import Message, ServiceError
from bot.index.base import LONGEST_TEXT, IndexEntry, Noise, ScoredPoint
from bot.index.points import (
    CALL,
    COLLECTION,
    Filters,
    PointStore,
    StoreCall,
    VectorQuery,
    filters_of,
    gather,
    metadata,
    own,
    point_id,
    tenant,
)
from bot.index.unrelated import UNRELATED, noise_of
from bot.llm import FIXED_TEXT, MAX_TEXTS, Embedder, Guard, Sifted, Sifter, searching

CACHED_VECTORS: Final = 2 * MAX_TEXTS
"""Vectors kept for use again, without their texts: 25 MB of 1,536 numbers each."""

NOBODYS: Final = point_id(0)
"""The id of no point."""

T = TypeVar("T")


class Mem0Index:
    """See VectorIndex.

    Args:
        config: the hybrid configuration (`bot.index.opening.hybrid_config`).
        embedder: makes the vectors; mem0 is handed them.
        store: keeps the points; closed with the index.
        guard: stands before every use of the store; None where there is no service behind it.
    """

    def __init__(self, config: MemoryConfig, embedder: Embedder, store: PointStore, guard: Guard | None = None) -> None:
        self._guard = guard
        self._vectors = _Vectors(embedder)
        self._store = store
        self._noise: Noise | None = None
        self._mem0 = _HybridMemory(config, store)

    async def upsert(self, entries: Sequence[IndexEntry]) -> dict[str, ServiceError]:
        """See VectorIndex."""
        if not entries:
            return {}
        sifted = await self._vectors.of([_plain(entry.text) for entry in entries])
        call = StoreCall(sifted.vectors)
        token = CALL.set(call)
        try:
            for entry in entries:
                if _plain(entry.text) in sifted.refused:
                    continue
                await self._mem0.add(
                    [{"role": "user", "content": _plain(entry.text)}],
                    agent_id=tenant(entry.source.guild_id, messages=isinstance(entry.source, Message)),
                    metadata=metadata(entry.source),
                    infer=False,
                )
        finally:
            CALL.reset(token)
        refused = {
            entry.id: sifted.refused[text] for entry in entries if (text := _plain(entry.text)) in sifted.refused
        }
        await self.delete(refused)  # what it held under their ids is older
        if call.points:
            await self._ask(lambda: asyncio.to_thread(self._store.write, call.points))
        return refused

    async def prove(self, *, embeds: bool) -> None:
        """See VectorIndex."""
        if embeds:
            await self._vectors.prove()
        await self.delete([NOBODYS])

    async def delete(self, memory_ids: Collection[str]) -> None:
        """See VectorIndex. Not by mem0's own delete, which would write the text down as history."""
        if memory_ids:
            await self._ask(lambda: asyncio.to_thread(self._store.remove, list(memory_ids)))

    async def search(self, query: VectorQuery) -> list[ScoredPoint]:
        """See VectorIndex."""
        text = _plain(query.text)
        if not text or query.channel_ids == frozenset():
            return []
        with searching():
            sifted = await self._vectors.of([text])
        if text in sifted.refused:
            raise sifted.refused[text]
        token = CALL.set(StoreCall(sifted.vectors))
        try:
            answer = await self._ask(
                lambda: self._mem0.search(text, top_k=query.limit, filters=filters_of(query), threshold=0.0)
            )
        finally:
            CALL.reset(token)
        newest = query.up_to if query.up_to is not None else float("inf")
        oldest = query.since if query.since is not None else 0
        return [
            ScoredPoint(hit["id"], hit["score"], hit["metadata"]["said_id"])
            for hit in answer["results"]
            if oldest <= hit["metadata"]["said_id"] <= newest  # the filter compares milliseconds
        ]

    async def noise(self) -> Noise:
        """See VectorIndex."""
        if self._noise is None:
            sifted = await self._vectors.of(UNRELATED)
            if len(sifted.vectors) < 2:
                raise next(iter(sifted.refused.values()))
            self._noise = noise_of(list(sifted.vectors.values()))
        return self._noise

    async def prefetch(self, texts: Sequence[str]) -> None:
        """See VectorIndex."""
        await self._vectors.of([_plain(text) for text in texts])

    async def count(self) -> int:
        """See VectorIndex."""
        return await self._count(own())

    async def count_citing(self, user_id: int, guild_id: int | None) -> int:
        """See VectorIndex."""
        theirs = {**own(), "author_ids": user_id}
        if guild_id is None:
            return await self._count(theirs)
        return await self._count_of(guild_id, theirs)

    async def count_said(self, guild_id: int, channel_ids: frozenset[int] | None) -> int:
        """See VectorIndex."""
        places = {} if channel_ids is None else {"channel_ids": {"in": sorted(channel_ids)}}
        return await self._count_of(guild_id, {**own(), **places})

    async def strangers(self) -> int:
        """How many points of others there are beside ours."""
        return await self._ask(lambda: asyncio.to_thread(self._store.others))

    async def memory_ids(self) -> AsyncIterator[str]:
        """See VectorIndex."""
        after: str | None = None
        while True:
            ids, after = await self._page(after)
            for memory_id in ids:
                yield memory_id
            if after is None:
                return

    async def aclose(self) -> None:
        """See VectorIndex."""
        self._mem0.db.close()
        await asyncio.to_thread(self._store.close)

    async def _count_of(self, guild_id: int, filters: Filters) -> int:
        scopes = [tenant(guild_id, messages=messages) for messages in (False, True)]
        return sum([await self._count({**filters, "agent_id": scope}) for scope in scopes])

    async def _count(self, filters: Filters) -> int:
        return await self._ask(lambda: asyncio.to_thread(self._store.count, filters))

    async def _page(self, after: str | None) -> tuple[list[str], str | None]:
        return await self._ask(lambda: asyncio.to_thread(self._store.page, own(), after))

    async def _ask(self, use: Callable[[], Awaitable[T]]) -> T:
        return await (use() if self._guard is None else self._guard.call(use))


class _HybridMemory(AsyncMemory):
    """mem0 with its parts given to it.

    The constructor of AsyncMemory opens clients of its own for model, embeddings and vectors, which nothing here uses.
    """

    def __init__(self, config: MemoryConfig, store: PointStore) -> None:
        self.config = config
        self.embedding_model = _GivenVectors()
        self.vector_store = _Mem0Store(store)
        self.llm = None  # extraction is ours
        self.db = _NoHistory(config.history_db_path)
        self.collection_name = COLLECTION
        self.api_version = config.version
        self.custom_instructions = config.custom_instructions
        self.reranker = None
        self._entity_store = None


class _GivenVectors(EmbeddingBase):
    """Hands mem0 the vectors that the call at hand brought along."""

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        return CALL.get().vectors[text]


class _NoHistory(SQLiteManager):
    """mem0's history, kept empty: it would hold the text of what was deleted."""

    def add_history(self, *_: object, **__: object) -> None:
        pass


class _Mem0Store(VectorStoreBase):
    """What mem0 takes for its vector store. It adds and searches; everything else is done beside it."""

    def __init__(self, store: PointStore) -> None:
        self._store = store

    def insert(
        self,
        vectors: list[list[float]],
        payloads: list[dict[str, Any]] | None = None,
        ids: list[str] | None = None,
    ) -> None:
        gather(vectors, payloads or [])

    def search(
        self, query: str, vectors: list[float], top_k: int = 5, filters: Filters | None = None
    ) -> list[SimpleNamespace]:
        hits = self._store.search(vectors, filters or {}, top_k)
        return [
            SimpleNamespace(
                id=hit.id, score=hit.score, payload={**hit.payload, "data": hit.id}
            )  # mem0 skips textless ones
            for hit in hits
        ]

    def _unused(self, *_: object, **__: object) -> None:
        raise UnsupportedOperation("memories are changed in the database, and the index follows it")

    create_col = delete = update = get = list_cols = delete_col = col_info = list = reset = _unused


class _Vectors:
    """Texts to vectors, with those of the latest texts kept under a hash of the text."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._sifter = Sifter(embedder)
        self._kept: OrderedDict[bytes, array[float]] = OrderedDict()

    async def of(self, texts: Sequence[str]) -> Sifted:
        """The vectors of `texts`; those that are not kept are embedded, in one request up to 2,048 texts."""
        keys = {text: hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts}
        cached = {text: self._kept[key].tolist() for text, key in keys.items() if key in self._kept}
        sifted = await self._sifter.embed([text for text in keys if text not in cached])
        vectors = cached | sifted.vectors
        for text in vectors:
            self._keep(keys[text], vectors[text])
        return Sifted(vectors, sifted.shortened, sifted.refused)

    async def prove(self) -> None:
        """Embed a short text of our own."""
        await self._embedder.embed([FIXED_TEXT])

    def _keep(self, key: bytes, vector: Sequence[float]) -> None:
        if key not in self._kept:
            self._kept[key] = array("f", vector)
        self._kept.move_to_end(key)
        while len(self._kept) > CACHED_VECTORS:
            self._kept.popitem(last=False)


def _plain(text: str) -> str:
    """A text as it is embedded; mem0 trims queries."""
    return text.strip()[:LONGEST_TEXT].rstrip()
