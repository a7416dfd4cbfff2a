"""Which rows recall fetches and looks at, over an index and a directory that a test fills; and what fits an answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.domain import Citation, HitKind, Memory, MemoryKind, snowflake
from bot.recall import Recall, RecallQuery, service
from bot.recall import memories as memories_module
from bot.recall import messages as messages_module
from bot.recall.excerpts import Excerpt
from bot.recall.memories import MemorySearch, Near
from bot.recall.messages import MessageSearch
from bot.recall.question import Question, Span, Word
from bot.recall.ranking import RankedMessage, Spoken
from bot.text import SearchScope
from bot.text.statistics import Corpus

GUILD, CHANNEL, ADA, BEN = 1, 2, 10, 20
SCOPE = SearchScope(guild_id=GUILD)
QUERY = RecallQuery(guild_id=GUILD, text="", channel_ids=None)
RARE, COMMON, PLAIN = Word(("rare",)), Word(("common",)), Word(("plain", "plane"))
QUESTION = Question((RARE, COMMON, PLAIN))
ANY: Any = None
"""In place of a connection: what is asked here needs none."""


class Shelf:
    """A full-text index of so many documents, by row, and what was asked of it."""

    def __init__(self, documents: Mapping[int, str]) -> None:
        self.rows = {row: text.split() for row, text in documents.items()}
        self.asked: list[tuple[SearchScope, list[list[list[str]]], int]] = []
        self.opened: list[list[int]] = []

    async def newest(
        self,
        connection: object,
        where: str,
        scope: SearchScope,
        wanted: Sequence[Sequence[Collection[str]]],
        limit: int,
    ) -> list[list[int]]:
        self.asked.append((scope, [[list(group) for group in groups] for groups in wanted], limit))
        return [
            sorted(
                (row for row, tokens in self.rows.items() if all(set(group) & set(tokens) for group in groups)),
                reverse=True,
            )[:limit]
            for groups in wanted
        ]

    async def documents(self, connection: object, where: str, rowids: Collection[int]) -> dict[int, list[str]]:
        self.opened.append(list(rowids))
        return {row: self.rows[row] for row in rowids if row in self.rows}

    async def corpus(
        self, connection: object, where: str, scope: SearchScope, words: Sequence[tuple[str, ...]]
    ) -> Corpus:
        """As `Statistics` has it."""
        held = [sum(bool(set(word) & set(tokens)) for tokens in self.rows.values()) for word in words]
        return Corpus(len(self.rows), tuple(map(float, held)))


def memory_search(shelf: Shelf) -> MemorySearch:
    return MemorySearch(shelf, shelf, ANY, ANY)  # type: ignore[arg-type]


# --- memories by words ------------------------------------------------------------------------------------------------


async def test_memories_that_hold_the_telling_words_come_first_and_of_equals_the_newest() -> None:
    shelf = Shelf({1: "rare common", 2: "common", 3: "common", 4: "rare", 5: "nothing", 6: "common " + "long " * 9})
    assert await memory_search(shelf).by_words(ANY, QUESTION, SCOPE) == [1, 4, 3, 2, 6]


async def test_a_memory_is_found_under_any_form_of_a_word() -> None:
    assert await memory_search(Shelf({1: "plane", 2: "plain", 3: "else"})).by_words(ANY, QUESTION, SCOPE) == [2, 1]


async def test_without_words_or_memories_nothing_is_fetched() -> None:
    shelf = Shelf({})
    assert await memory_search(shelf).by_words(ANY, Question(()), SCOPE) == []
    assert await memory_search(shelf).by_words(ANY, QUESTION, SCOPE) == []
    assert (shelf.asked, shelf.opened) == ([], [])


async def test_the_hundred_likeliest_memories_are_opened_and_fifty_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf({row: "common" if row > 5 else "common rare" for row in range(1, 301)})
    rows = await memory_search(shelf).by_words(ANY, QUESTION, SCOPE)
    assert shelf.opened == [[5, 4, 3, 2, 1, *range(300, 205, -1)]]
    assert rows == [5, 4, 3, 2, 1, *range(300, 255, -1)]
    assert [limit for _, _, limit in shelf.asked] == [memories_module.NEWEST] == [500]


# --- messages by words ------------------------------------------------------------------------------------------------


async def candidates(
    shelf: Shelf, question: Question = QUESTION, weights: Sequence[float] = (3.0, 2.0, 1.0), scope: SearchScope = SCOPE
) -> list[int]:
    search = MessageSearch(shelf, shelf)  # type: ignore[arg-type]
    return await search._candidates(ANY, question, weights, scope)


async def test_messages_that_hold_the_telling_words_together_come_first() -> None:
    shelf = Shelf({1: "rare", 2: "common plain", 3: "rare plain", 4: "plain", 5: "common", 6: "else"})
    assert await candidates(shelf) == [3, 2, 1, 5, 4]
    assert shelf.asked[0][1:] == ([[["rare"]], [["common"]], [["plain", "plane"]]], 800)
    assert shelf.asked[1][1] == [], "no word is so common that old messages with it would be missed"


async def test_words_of_which_only_the_newest_are_fetched_are_looked_for_together_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(messages_module, "NEWEST", 3)
    shelf = Shelf(
        {1: "rare common plain", **dict.fromkeys(range(2, 9), "common"), **dict.fromkeys(range(9, 13), "plain")}
    )
    rows = await candidates(shelf)
    assert shelf.asked[1][1] == [[["common"], ["plain", "plane"]]]
    assert rows[0] == 1
    everything = Shelf(dict.fromkeys(range(1, 9), "rare common plain other"))
    four = Question((*QUESTION.words, Word(("other",))))
    await candidates(everything, four, (1.0, 4.0, 3.0, 2.0))
    common, plain, other = [["common"], ["plain", "plane"], ["other"]]
    assert everything.asked[1][1] == [[common, plain], [common, other], [plain, other], [common, plain, other]]


DAY = Span(
    start=100,
    end=200,
    around_start=90,
    around_end=220,
    first=100,
    last=219,
    words="that day",
    days=(),
    restricts=False,
)


@pytest.mark.parametrize(
    ("since", "until", "looked_from", "looked_to"),
    [(None, None, 90, 219), (95, 210, 95, 210), (50, 300, 90, 219)],
)
async def test_what_was_said_on_the_day_of_the_question_is_looked_at_whatever_its_words(
    since: int | None, until: int | None, looked_from: int, looked_to: int
) -> None:
    shelf = Shelf({1: "rare", 150: "g_1 else", 151: "g_1 a_10", 152: "g_1 a_20"})
    scope = replace(SCOPE, since=since, until=until)
    rows = await candidates(shelf, replace(QUESTION, spans=(DAY,)), scope=scope)
    assert rows == [1, 152, 151, 150]
    asked_scope, wanted, limit = shelf.asked[-1]
    assert (asked_scope.since, asked_scope.until, wanted, limit) == (looked_from, looked_to, [[["g_1"]]], 200)
    by_people = await candidates(shelf, replace(QUESTION, spans=(DAY,), people=frozenset({BEN, ADA})), scope=scope)
    assert by_people == [1, 152, 151]
    assert shelf.asked[-1][1] == [[["a_10", "a_20"]]]


async def test_without_words_and_without_anything_near_in_meaning_nothing_is_fetched() -> None:
    shelf = Shelf({1: "rare"})
    assert await MessageSearch(shelf, shelf).search(ANY, Question(()), QUERY, SCOPE) == []  # type: ignore[arg-type]
    assert (shelf.asked, shelf.opened) == ([], [])


async def test_without_a_day_only_words_are_looked_for() -> None:
    shelf = Shelf({1: "rare", 150: "g_1 else"})
    assert await candidates(shelf) == [1]


# --- what fits an answer ----------------------------------------------------------------------------------------------


class People:
    """A directory that knows Ada and Ben."""

    names_: Mapping[int, str] = {ADA: "Ada", BEN: "Ben"}

    def __init__(self) -> None:
        self.asked: list[set[int]] = []

    async def find(self, guild_id: int, text: str) -> dict[int, str]:
        return {user_id: name for user_id, name in self.names_.items() if name in text}

    async def names(self, guild_id: int, ids: Collection[int]) -> dict[int, str]:
        self.asked.append(set(ids))
        return {user_id: self.names_[user_id] for user_id in ids if user_id in self.names_}


class Answering:
    """Recall over parts that say what the test wants them to."""

    def __init__(self) -> None:
        self.people = People()
        self.recall = Recall(ANY, ANY, ANY, self.people, ANY, lambda: snowflake.EPOCH_MS + 1000)  # type: ignore[arg-type]

    async def hits(
        self,
        ranked: list[RankedMessage],
        memories: list[tuple[Memory, float]],
        **changes: Any,  # noqa: ANN401 - any field
    ) -> list[str]:
        hits = await self.recall._hits([ranked], memories, QUESTION, replace(QUERY, **changes))
        return [hit.text for hit in hits]


def said(number: int, content: str, score: float, author: int = ADA) -> RankedMessage:
    return RankedMessage(Spoken(number, CHANNEL, author, content, (1, 0, 0), 1), (score, 0.0, 0.0), score, (number, 0))


def remembered(number: int, text: str) -> Memory:
    return Memory(
        id=f"m{number}",
        guild_id=GUILD,
        kind=MemoryKind.DECISION,
        text=text,
        citations=(Citation(number, CHANNEL, ADA),),
    )


async def test_hits_come_by_their_score_and_no_more_than_asked_for() -> None:
    ranked = [said(number, f"line {number}", 9.0 - number) for number in range(5)]
    memories = [(remembered(50 + number, f"memory {number}"), 0.02 - number / 100) for number in range(3)]
    answering = Answering()
    assert await answering.hits(ranked, memories, limit=3) == [f"<@{ADA}>: line 0", f"<@{ADA}>: line 1", "memory 0"]
    assert await answering.hits(ranked, [(memories[0][0], 1.0)], limit=2) == ["memory 0", f"<@{ADA}>: line 0"]
    assert len(await answering.hits(ranked, memories, limit=10)) == 8


async def test_excerpts_get_the_room_that_memories_leave_counted_with_names_in_it() -> None:
    line = "<@10>: 1234567"  # with the name in it "Ada: 1234567", twelve characters
    ranked = [said(number, "1234567", 9.0 - number) for number in range(5)]
    answering = Answering()
    assert await answering.hits(ranked, [], max_chars=24) == [line] * 2
    assert await answering.hits(ranked, [], max_chars=23) == [line]
    memories = [(remembered(50, "123456"), 1.0)]
    assert await answering.hits(ranked, memories, max_chars=30) == ["123456", line, line]
    assert await answering.hits(ranked, memories, max_chars=29) == ["123456", line]


async def test_names_are_looked_up_of_whoever_speaks_or_is_spoken_of() -> None:
    answering = Answering()
    ranked = [said(1, "<@77> and others", 9.0, author=BEN)]
    await answering.hits(ranked, [(remembered(5, "<@88> said so"), 1.0)])
    assert answering.people.asked == [{BEN, 77, 88}]


async def test_people_of_a_question_are_those_it_names_or_mentions() -> None:
    answering = Answering()
    question, text = await answering.recall._understand(replace(QUERY, text=f"What did Ada tell <@{BEN}> and <@99>?"))
    assert answering.people.asked == [{BEN, 99}]
    assert question.people == {ADA, BEN, 99}
    assert text == "What did Ada tell Ben and somebody?"


@pytest.mark.parametrize(
    ("rows", "by_word", "above", "shown"),
    [
        ([1], 0.0, 3.0, True),  # a memory has a word of the question
        ([], 1.0, 3.0, True),  # or a message has
        ([], 0.0, 3.0, False),  # nothing has, and nothing is clearly near
        ([], 0.0, 6.0, True),
    ],
)
async def test_without_a_word_in_common_only_messages_clearly_near_in_meaning_are_shown(
    rows: list[int], by_word: float, above: float, shown: bool
) -> None:
    answering = Answering()
    line = replace(said(7, "x", 1.0), by_word=(by_word, 0.0, 0.0))
    near = [Near("m", 7, above)]
    asked: list[tuple[bool, list[int]]] = []

    class Meaning:
        async def by_meaning(
            self, text: str, query: RecallQuery, *, messages: bool = False
        ) -> tuple[list[Near], str | None]:
            return near, None

    async def by_words(
        question: Question, query: RecallQuery, nearby: Sequence[int]
    ) -> tuple[list[RankedMessage], list[int]]:
        asked.append((True, list(nearby)))
        return [line], rows

    answering.recall._memories = Meaning()  # type: ignore[assignment]
    answering.recall._by_words = by_words  # type: ignore[method-assign,assignment]
    found, note, ranked, found_rows = await answering.recall._with_messages_by_meaning(QUESTION, "x", QUERY)
    assert (found, note, found_rows, asked) == (near, None, rows, [(True, [7])])
    assert ranked == ([line] if shown else [])


async def test_the_seconds_of_each_stage_are_told() -> None:
    told: list[tuple[str, float]] = []
    recall = Recall(ANY, ANY, ANY, ANY, ANY, timed=lambda stage, seconds: told.append((stage, seconds)))

    async def work() -> str:
        return "done"

    assert await recall._stage("words", work()) == "done"
    ((stage, seconds),) = told
    assert stage == "words"
    assert 0 <= seconds < 60


def test_an_excerpt_leads_to_its_best_message_and_names_its_speakers_once() -> None:
    lines = [said(1, "first", 2.0), said(2, "best", 9.0, BEN), said(3, "last", 1.0)]
    (hit,) = messages_hits(lines)
    assert (hit.kind, hit.anchor, hit.anchor_channel_id, hit.author_ids) == (HitKind.MESSAGE, 2, CHANNEL, (ADA, BEN))
    assert hit.message_ids == (1, 2, 3)
    assert [line.content for line in hit.lines] == ["first", "best", "last"]


def messages_hits(lines: list[RankedMessage]) -> list[Any]:
    in_one_run = tuple(replace(line, place=(0, number)) for number, line in enumerate(lines))
    return service._merged([], [Excerpt(in_one_run, in_one_run[1])], QUESTION, QUERY)
