"""How frequent words are in a guild: what BM25 weighs them by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Clock
from bot.text.fulltext import COUNTED, FullText, Indexed, Scope

KEPT_MS = 10 * 60 * 1000
"""Figures of a guild with more than COUNTED documents hardly change in ten minutes; others are always taken anew."""

_EVERYTHING: tuple[str, ...] = ()
"""Stands for no word: every document."""

KEPT_WORDS = 20_000
"""Words whose figures are kept, over all guilds."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What BM25 has to know of a guild's documents.

    Attributes:
        documents: how many there are.
        frequencies: how many of them hold each word that was asked for.
    """

    documents: float
    frequencies: tuple[float, ...]


class Statistics:
    """Takes the figures from the full-text index, and keeps those that are expensive for a while."""

    def __init__(self, fulltext: FullText, clock: Clock) -> None:
        self._fulltext = fulltext
        self._clock = clock
        self._kept: dict[tuple[Indexed, int, tuple[str, ...]], tuple[float, int]] = {}

    async def corpus(
        self, connection: AsyncConnection, where: Indexed, scope: Scope, words: Sequence[tuple[str, ...]]
    ) -> Corpus:
        """The figures of a guild, with the frequencies of `words` (each the terms that it may stand under)."""
        guild = Scope(guild_id=scope.guild_id, sole=scope.sole)
        now = self._clock()
        known = {word: self._get((where, guild.guild_id, word), now) for word in (_EVERYTHING, *words)}
        missing = [word for word in words if known[word] is None]
        if missing or known[_EVERYTHING] is None:
            counted = await self._fulltext.frequencies(connection, where, guild, missing)
            fresh = dict(zip((_EVERYTHING, *missing), counted, strict=True))
            if fresh[_EVERYTHING] >= COUNTED:
                self._keep({(where, guild.guild_id, word): (count, now + KEPT_MS) for word, count in fresh.items()})
            known |= fresh
        return Corpus(known[_EVERYTHING] or 0.0, tuple(known[word] or 0.0 for word in words))

    def _get(self, key: tuple[Indexed, int, tuple[str, ...]], now: int) -> float | None:
        count, until_ms = self._kept.get(key, (0.0, 0))
        return count if until_ms > now else None

    def _keep(self, fresh: dict[tuple[Indexed, int, tuple[str, ...]], tuple[float, int]]) -> None:
        if len(self._kept) > KEPT_WORDS:
            self._kept.clear()
        self._kept |= fresh
