"""The vector index that the program sees, while another one is filled to take over from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence

from bot.domain import ServiceError
from bot.index.base import IndexEntry, NoIndex, Noise, ScoredPoint, VectorIndex
from bot.index.points import VectorQuery


class IndexSwitch:
    """See VectorIndex: searches the index in use, and writes to the one to come as well.

    A write is over when both have taken it, the one in use first: what the one to come declines stays in the outbox,
    and recall has it all the same.
    """

    def __init__(self) -> None:
        self._in_use: VectorIndex = NoIndex("no index is opened yet", holds_nothing=False)
        self._to_come: VectorIndex | None = None

    @property
    def to_come(self) -> VectorIndex | None:
        """The one that is filled to take over."""
        return self._to_come

    @property
    def both(self) -> list[VectorIndex]:
        """What is written, the one in use first."""
        return [self._in_use] if self._to_come is None else [self._in_use, self._to_come]

    def turn_to(self, in_use: VectorIndex, to_come: VectorIndex | None) -> None:
        """Search `in_use` from now on, and write to both."""
        self._in_use, self._to_come = in_use, to_come

    async def upsert(self, entries: Sequence[IndexEntry]) -> dict[str, ServiceError]:
        """See VectorIndex: what either of them could not embed."""
        refused: dict[str, ServiceError] = {}
        for index in self.both:
            refused |= await index.upsert(entries)
        return refused

    async def prove(self, *, embeds: bool) -> None:
        """See VectorIndex: both of them."""
        for index in self.both:
            await index.prove(embeds=embeds)

    async def delete(self, memory_ids: Collection[str]) -> None:
        """See VectorIndex."""
        for index in self.both:
            await index.delete(memory_ids)

    async def search(self, query: VectorQuery) -> list[ScoredPoint]:
        """See VectorIndex."""
        return await self._in_use.search(query)

    async def noise(self) -> Noise:
        """See VectorIndex: of the one that is searched."""
        return await self._in_use.noise()

    async def prefetch(self, texts: Sequence[str]) -> None:
        """See VectorIndex; the one to come embeds what it is given by itself."""
        await self._in_use.prefetch(texts)

    async def count(self) -> int:
        """See VectorIndex."""
        return await self._in_use.count()

    async def count_citing(self, user_id: int, guild_id: int | None) -> int:
        """See VectorIndex: in both."""
        return sum([await index.count_citing(user_id, guild_id) for index in self.both])

    async def count_said(self, guild_id: int, channel_ids: frozenset[int] | None) -> int:
        """See VectorIndex: in both."""
        return sum([await index.count_said(guild_id, channel_ids) for index in self.both])

    async def memory_ids(self) -> AsyncIterator[str]:
        """See VectorIndex."""
        async for memory_id in self._in_use.memory_ids():
            yield memory_id

    async def aclose(self) -> None:
        """Whoever opened them closes them."""
