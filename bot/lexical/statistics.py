"""How frequent words are in a guild: what BM25 weighs them by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock
from bot.lexical.fulltext import COUNTED, Extent, FullText, Indexed, guild_token

KEPT_MS = 10 * 60 * 1000
"""Figures of a guild with more than COUNTED documents hardly change in ten minutes; others are always taken anew."""

KEPT_WORDS = 20_000
"""Words whose figures are kept, over all guilds."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What BM25 has to know of a guild's documents.

    Attributes:
        documents: how many there are.
        mean_length: terms of one, on average.
        newest: the highest row.
        frequencies: how many documents hold each word that was asked for.
    """

    documents: float
    mean_length: float
    newest: int
    frequencies: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    extent: Extent
    documents: float
    until_ms: int


class Statistics:
    """Takes the figures from the full-text index, and keeps those that are expensive for a while."""

    def __init__(self, fulltext: FullText, clock: Clock) -> None:
        self._fulltext = fulltext
        self._clock = clock
        self._guilds: dict[tuple[Indexed, int], _Known] = {}
        self._words: dict[tuple[Indexed, int, tuple[str, ...]], tuple[float, int]] = {}

    async def corpus(
        self, connection: AsyncConnection, where: Indexed, guild_id: int, words: Sequence[tuple[str, ...]]
    ) -> Corpus:
        """The figures of a guild, with the frequencies of `words` (each the terms that it may stand under)."""
        known = await self._guild(connection, where, guild_id)
        frequencies = await self._frequencies(connection, where, guild_id, known, words)
        return Corpus(known.documents, known.extent.mean_length, known.extent.newest, tuple(frequencies))

    async def _guild(self, connection: AsyncConnection, where: Indexed, guild_id: int) -> _Known:
        known = self._guilds.get((where, guild_id))
        if known is not None and known.until_ms > self._clock():
            return known
        extent = await self._fulltext.extent(connection, where, guild_id)
        everything = [(guild_token(guild_id),)]
        span = extent.newest - extent.oldest
        (documents,) = await self._fulltext.frequencies(connection, where, guild_id, everything, span)
        known = _Known(extent, documents, self._clock() + KEPT_MS)
        if documents >= COUNTED:
            self._guilds[where, guild_id] = known
        return known

    async def _frequencies(
        self,
        connection: AsyncConnection,
        where: Indexed,
        guild_id: int,
        known: _Known,
        words: Sequence[tuple[str, ...]],
    ) -> list[float]:
        now = self._clock()
        kept = [self._words.get((where, guild_id, word), (0.0, 0)) for word in words]
        asked = [word for word, (_, until_ms) in zip(words, kept, strict=True) if until_ms <= now]
        span = known.extent.newest - known.extent.oldest
        counted = iter(await self._fulltext.frequencies(connection, where, guild_id, asked, span))
        if len(self._words) > KEPT_WORDS:
            self._words.clear()
        frequencies = []
        for word, (frequency, until_ms) in zip(words, kept, strict=True):
            if until_ms <= now:
                frequency = next(counted)
                if known.documents >= COUNTED:
                    self._words[where, guild_id, word] = (frequency, now + KEPT_MS)
            frequencies.append(frequency)
        return frequencies
