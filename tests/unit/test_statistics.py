"""How frequent words are: counted anew where little is there, and for ten minutes kept where that is expensive."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from bot.text import Indexed, SearchScope, document_length
from bot.text import statistics as module
from bot.text.fulltext import CHANNELS_IN_MATCH, COUNTED, Holders
from bot.text.statistics import KEPT_MS, STEADY, Corpus, Statistics

WORDS = [("apple",), ("bread", "loaf")]
ROOM, CELLAR = 100, 200
MANY = frozenset(range(ROOM, ROOM + 1 + CHANNELS_IN_MATCH))
OLDEST = 1


class CountingIndex:
    """A full-text index of so many documents, which notes for which words it was asked."""

    def __init__(self, documents: int) -> None:
        self.everything = [Holders((ROOM,), documents, OLDEST, 1000)]
        self.words: dict[tuple[str, ...], list[Holders]] = {}
        self.asked: list[tuple[SearchScope, list[Collection[str]]]] = []

    async def holders(
        self, connection: object, where: Indexed, scope: SearchScope, words: Sequence[Collection[str]]
    ) -> tuple[list[list[Holders]], int]:
        self.asked.append((scope, [word for word in words if word]))
        of_words = [self.words.get(tuple(word), [Holders((ROOM,), len(word), 1, 9)]) for word in words if word]
        return [*([self.everything] if () in words else []), *of_words], OLDEST


class Shop:
    """Statistics over an index, and a clock to turn."""

    def __init__(self, documents: int) -> None:
        self.now = 1_000_000
        self.index = CountingIndex(documents)
        self.statistics = Statistics(self.index, lambda: self.now)  # type: ignore[arg-type]

    async def corpus(self, *words: tuple[str, ...], where: Indexed = "messages", **scope: Any) -> Corpus:  # noqa: ANN401
        return await self.statistics.corpus(None, where, SearchScope(guild_id=1, **scope), words)  # type: ignore[arg-type]


async def test_figures_are_those_of_all_times_and_authors_of_the_channels() -> None:
    shop = Shop(5)
    few = frozenset({ROOM})
    assert await shop.corpus(*WORDS, author_id=3, since=1, until=9, channel_ids=few) == Corpus(5, (1, 2))
    assert shop.index.asked == [(SearchScope(guild_id=1, channel_ids=few), WORDS)]


async def test_only_what_lies_in_the_channels_alone_counts() -> None:
    shop = Shop(5)
    shop.index.words = {
        WORDS[0]: [Holders((ROOM,), 3, 1, 9), Holders((CELLAR,), 7, 1, 9), Holders((ROOM, CELLAR), 2, 1, 9)]
    }
    assert (await shop.corpus(*WORDS, channel_ids=MANY)).frequencies == (3, 2)
    assert (await shop.corpus(*WORDS, channel_ids=MANY | {CELLAR})).frequencies == (12, 2)
    assert (await shop.corpus(*WORDS)).frequencies == (12, 2)


@pytest.mark.parametrize(("documents", "times"), [(STEADY - 1, 2), (STEADY, 1)])
async def test_what_takes_long_to_count_is_counted_once(documents: int, times: int) -> None:
    shop = Shop(documents)
    for _ in range(2):
        assert await shop.corpus(*WORDS) == Corpus(documents, (1, 2))
    assert len(shop.index.asked) == times


async def test_figures_of_many_channels_serve_everybody_who_may_read_many() -> None:
    shop = Shop(STEADY)
    await shop.corpus(*WORDS, channel_ids=MANY)
    await shop.corpus(*WORDS, channel_ids=MANY | {CELLAR})
    await shop.corpus(*WORDS)
    assert shop.index.asked == [(SearchScope(guild_id=1), WORDS)]


async def test_only_words_that_are_not_known_are_counted() -> None:
    shop = Shop(STEADY)
    await shop.corpus(WORDS[0])
    assert await shop.corpus(*WORDS) == Corpus(STEADY, (1, 2))
    assert [words for _, words in shop.index.asked] == [WORDS[:1], WORDS[1:]]


async def test_after_ten_minutes_everything_is_counted_again() -> None:
    shop = Shop(STEADY)
    await shop.corpus(*WORDS)
    shop.now += 10 * 60 * 1000 - 1
    await shop.corpus(*WORDS)
    assert len(shop.index.asked) == 1
    shop.now += 1
    await shop.corpus(*WORDS)
    assert len(shop.index.asked) == 2
    assert KEPT_MS == 600_000


async def test_few_channels_guilds_and_kinds_are_kept_apart() -> None:
    shop = Shop(STEADY)
    for channels in (None, frozenset({1}), frozenset({1, 2})):
        for where in ("messages", "memories"):
            await shop.corpus(*WORDS, where=where, channel_ids=channels)
    assert len(shop.index.asked) == 6
    await shop.corpus(*WORDS, channel_ids=frozenset({2, 1}))
    assert len(shop.index.asked) == 6


async def test_no_more_figures_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 7)
    shop = Shop(STEADY)
    for word in "abc":
        await shop.corpus((word,))  # two figures each, and those of all documents
    await shop.corpus(("a",))
    assert len(shop.index.asked) == 3
    await shop.corpus(("d",))  # it is one too many: the others go
    await shop.corpus(("a",))
    assert [words for _, words in shop.index.asked][3:] == [[("d",)], [("a",)]]


def test_a_document_is_as_long_as_its_terms_are_many() -> None:
    assert document_length(["g_1", "c_2", "a_3", "m_4", "apple", "b_read"]) == 2
    assert document_length(["g_1"]) == document_length([]) == 0
    assert document_length(["apple"]) == 1


@pytest.mark.parametrize(
    ("documents", "low", "high", "newest", "estimate"),
    [
        (COUNTED - 1, 100, 200, 1001, COUNTED - 1),
        (COUNTED, 100, 200, 1001, 10 * COUNTED),
        (COUNTED, 100, 200, 51, COUNTED),
        (COUNTED, 100, 100, 8, 7 * COUNTED),
    ],
)
async def test_what_is_counted_in_part_is_estimated_by_how_much_of_the_time_that_took(
    documents: int, low: int, high: int, newest: int, estimate: int
) -> None:
    shop = Shop(5)
    shop.index.everything = [Holders((ROOM,), 5, OLDEST, newest)]
    shop.index.words = {WORDS[0]: [Holders((ROOM,), documents, low, high)]}
    assert (await shop.corpus(WORDS[0])).frequencies == (estimate,)
