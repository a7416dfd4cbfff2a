"""How frequent words are in what somebody may read: what BM25 weighs them by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Clock
from bot.text.fulltext import CHANNELS_IN_MATCH, COUNTED, FullText, Holders, SearchScope
from bot.text.row_statements import Indexed

KEPT_MS = 10 * 60 * 1000
"""Figures of STEADY documents or more hardly change in ten minutes; others are always taken anew."""

STEADY = 500

KEPT = 100_000
"""Figures that are kept, over all guilds and words: one for each channel in which a word is said."""

_EVERYTHING: tuple[str, ...] = ()
"""Stands for no word: every document."""

_Key = tuple[Indexed, int, frozenset[int] | None, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """What BM25 has to know of the documents that somebody may read.

    Attributes:
        documents: how many there are.
        frequencies: how many of them hold each word that was asked for.
    """

    documents: float
    frequencies: tuple[float, ...]


class _Figures(NamedTuple):
    """Who holds a word, and the oldest document of all.

    Attributes:
        until_ms: when they are taken anew.
    """

    holders: list[Holders]
    oldest: int
    until_ms: int


class Statistics:
    """Takes the figures from the full-text index, and keeps for a while those that change little."""

    def __init__(self, fulltext: FullText, clock: Clock) -> None:
        self._fulltext = fulltext
        self._clock = clock
        self._kept: dict[_Key, _Figures] = {}
        self._size = 0

    async def corpus(
        self, connection: AsyncConnection, where: Indexed, scope: SearchScope, words: Sequence[tuple[str, ...]]
    ) -> Corpus:
        """The figures of a scope's channels, with the frequencies of `words` (each the terms it may stand under).

        Only what lies in the scope's channels counts: who can't read a channel must not learn from the order of other
        hits which words are common there.
        """
        readable = scope.channel_ids
        few = readable if readable is not None and len(readable) <= CHANNELS_IN_MATCH else None
        counted_in = SearchScope(guild_id=scope.guild_id, sole=scope.sole, channel_ids=few)
        now = self._clock()
        figures = {word: self._get((where, scope.guild_id, few, word), now) for word in (_EVERYTHING, *words)}
        missing = [word for word, known in figures.items() if known is None]
        if missing:
            holders, oldest = await self._fulltext.holders(connection, where, counted_in, missing)
            figures |= {
                word: _Figures(held, oldest, now + KEPT_MS) for word, held in zip(missing, holders, strict=True)
            }
        everything = figures[_EVERYTHING]
        if missing and everything and sum(held.documents for held in everything.holders) >= STEADY:
            fresh = {(where, scope.guild_id, few, word): figures[word] for word in missing}
            self._keep({key: of_word for key, of_word in fresh.items() if of_word})
        newest = max((held.newest for held in _readable(everything, readable)), default=0)
        span = 0 if everything is None else newest - everything.oldest
        frequencies = [_estimate(figures[word], readable, span) for word in (_EVERYTHING, *words)]
        return Corpus(frequencies[0], tuple(frequencies[1:]))

    def _get(self, key: _Key, now: int) -> _Figures | None:
        figures = self._kept.get(key)
        return figures if figures is not None and figures.until_ms > now else None

    def _keep(self, fresh: dict[_Key, _Figures]) -> None:
        if self._size > KEPT:
            self._kept.clear()
            self._size = 0
        self._kept |= fresh
        self._size += sum(1 + len(figures.holders) for figures in fresh.values())


def _readable(figures: _Figures | None, channel_ids: Collection[int] | None) -> list[Holders]:
    holders = figures.holders if figures is not None else []
    if channel_ids is None:
        return holders
    return [held for held in holders if all(channel_id in channel_ids for channel_id in held.channel_ids)]


def _estimate(figures: _Figures | None, channel_ids: Collection[int] | None, span: int) -> float:
    """All readable documents with a word: those counted, or more if they are as frequent in all of `span`.

    What can't be read decides how far back is counted, but not how frequent the word is from the oldest of the readable
    documents to their newest.
    """
    readable = _readable(figures, channel_ids)
    count = sum(held.documents for held in readable)
    if figures is None or not count or sum(held.documents for held in figures.holders) < COUNTED:
        return count
    oldest, newest = min(held.oldest for held in readable), max(held.newest for held in readable)
    return count * max(1.0, span / max(1, newest - oldest))
