"""How frequent words are in what somebody may read: what BM25 weighs them by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Clock
from bot.text.fulltext import COUNTED, FullText, Indexed, SearchScope

KEPT_MS = 10 * 60 * 1000
"""Figures of more than COUNTED documents hardly change in ten minutes; others are always taken anew."""

_EVERYTHING: tuple[str, ...] = ()
"""Stands for no word: every document."""

KEPT_WORDS = 20_000
"""Words whose figures are kept, over all guilds."""


_Key = tuple[Indexed, bytes, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """What BM25 has to know of the documents that somebody may read.

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
        self._kept: dict[_Key, tuple[float, int]] = {}

    async def corpus(
        self, connection: AsyncConnection, where: Indexed, scope: SearchScope, words: Sequence[tuple[str, ...]]
    ) -> Corpus:
        """The figures of a scope's channels, with the frequencies of `words` (each the terms it may stand under)."""
        all_time = replace(scope, author_id=None, since=None, until=None)
        place, now = _digest(scope), self._clock()
        known = {word: self._get((where, place, word), now) for word in (_EVERYTHING, *words)}
        missing = [word for word in words if known[word] is None]
        if missing or known[_EVERYTHING] is None:
            counted = await self._fulltext.frequencies(connection, where, all_time, missing)
            fresh = dict(zip((_EVERYTHING, *missing), counted, strict=True))
            if fresh[_EVERYTHING] >= COUNTED:
                self._keep({(where, place, word): (count, now + KEPT_MS) for word, count in fresh.items()})
            known |= fresh
        return Corpus(known[_EVERYTHING] or 0.0, tuple(known[word] or 0.0 for word in words))

    def _get(self, key: _Key, now: int) -> float | None:
        count, until_ms = self._kept.get(key, (0.0, 0))
        return count if until_ms > now else None

    def _keep(self, fresh: dict[_Key, tuple[float, int]]) -> None:
        if len(self._kept) > KEPT_WORDS:
            self._kept.clear()
        self._kept |= fresh


def _digest(scope: SearchScope) -> bytes:
    """What tells the channels of one scope from those of another, in little room."""
    channels = "all" if scope.channel_ids is None else ",".join(map(str, sorted(scope.channel_ids)))
    return hashlib.blake2b(f"{scope.guild_id}:{channels}".encode(), digest_size=16).digest()
