"""What each weight of the ranking does to a score, computed by hand; and how the two sides of recall are fused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import (
    Citation,
    Doubt,
    HitKind,
    Memory,
    MemoryKind,
    MemoryState,
    ServiceAbsent,
    ServiceUnavailable,
)
from bot.index.base import NoIndex, Noise, ScoredPoint
from bot.index.points import VectorQuery
from bot.recall import RecallQuery, ranking, service
from bot.recall import messages as by_words
from bot.recall.excerpts import Excerpt
from bot.recall.memories import FUSION, UNREACHABLE, MemorySearch, Near, convincing
from bot.recall.question import Question, Span, Word
from bot.recall.ranking import RankedMessage, Spoken, rank, rarity

GUILD, CHANNEL, ADA, BEN = 1, 2, 10, 20
APPLE, BREAD = Word(("apple",)), Word(("bread",))
PLAIN = Question((APPLE, BREAD))
MEAN = 4.0
SPAN = Span(start=10, end=20, around_start=5, around_end=25, first=10, last=25, words="then", days=(), restricts=False)


def spoken(
    number: int, counts: tuple[int, ...] = (0, 0), *, length: int = 4, author: int = ADA, text: str = "x"
) -> Spoken:
    return Spoken(number, CHANNEL, author, text, counts, length)


def scores(
    question: Question, *runs: Sequence[Spoken], weights: Sequence[float] = (3.0, 1.0), near: Sequence[int] = ()
) -> dict[int, float]:
    return {line.spoken.id: line.score for line in rank(question, weights, MEAN, runs, near)}


# --- a message by itself ----------------------------------------------------------------------------------------------


def own(weight: float, count: int, length: int = 4) -> float:
    """BM25 of a word in the message itself."""
    return weight * count * 3.0 / (count + 2.0 * (0.5 + 0.5 * length / MEAN))


def around(weight: float, nearness: float) -> float:
    """And of a word in and around it, where it is said so often, what is further away counting less."""
    return 4.0 * weight * nearness * 2.2 / (nearness + 1.2)


HALF = math.sqrt(0.5)
"""What a message is worth that holds, in it or around it, one of the two words of `PLAIN`."""


def test_rarity_is_bm25s() -> None:
    assert rarity(1000, [9, 0]) == pytest.approx((math.log(1 + 991.5 / 9.5), math.log(1 + 1000.5 / 0.5)))
    assert rarity(5, [9]) == pytest.approx((math.log(1 + 0.5 / 9.5),))


@pytest.mark.parametrize(("count", "length"), [(1, 4), (2, 4), (3, 10), (1, 1)])
def test_a_word_counts_by_its_weight_its_number_and_the_length_of_the_message(count: int, length: int) -> None:
    message = spoken(1, (count, 0), length=length)
    nearness = count / (1 - 0.75 + 0.75 * length / MEAN)
    assert scores(PLAIN, [message])[1] == pytest.approx(HALF * (own(3.0, count, length) + around(3.0, nearness)))


def test_words_add_up_and_each_share_is_known() -> None:
    (line,) = rank(PLAIN, (3.0, 1.0), MEAN, [[spoken(1, (1, 2))]])
    assert line.by_word == pytest.approx((own(3.0, 1) + around(3.0, 1), own(1.0, 2) + around(1.0, 2)))
    assert line.score == pytest.approx(sum(line.by_word))
    assert line.place == (0, 0)


def test_a_name_is_worth_a_third_and_little_around_it() -> None:
    question = Question((replace(APPLE, name=True), BREAD))
    seen = scores(question, [spoken(1, (1, 1)), spoken(2, author=BEN)])
    assert seen[1] == pytest.approx(own(0.35 * 3.0, 1) + around(0.1 * 3.0, 1) + own(1.0, 1) + around(1.0, 1))
    assert seen[2] == pytest.approx(around(0.1 * 3.0, 0.35) + around(1.0, 0.35))


@pytest.mark.parametrize(("counts", "share"), [((1, 1, 1, 0), 1), ((1, 1, 0, 0), 2 / 3), ((0, 0, 0, 1), 1 / 6)])
def test_a_message_is_worth_the_root_of_the_share_of_words_that_it_holds_names_left_out(
    counts: tuple[int, ...], share: float
) -> None:
    words = (*(Word((word,)) for word in "abc"), Word(("ada",), name=True))
    (line,) = rank(Question(words), (1.0, 1.0, 1.0, 1.0), MEAN, [[spoken(1, counts)]])
    assert line.score == pytest.approx(math.sqrt(share) * sum(line.by_word))


def test_where_only_names_are_asked_for_nothing_is_held_back() -> None:
    (line,) = rank(Question((Word(("ada",), name=True),)), (1.0,), MEAN, [[spoken(1, (1,))]])
    assert line.score == pytest.approx(sum(line.by_word))


# --- what is said around it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [True, False])
def test_what_is_nearer_counts_more_and_further_than_three_messages_nothing(after: bool) -> None:
    run = [spoken(number, (0, 0)) for number in range(1, 12)]
    at = 5
    run[at] = replace(run[at], counts=(1, 0))
    seen = scores(PLAIN, run)
    for distance, nearness in enumerate([1.0, 1.3 * 0.35, 1.3 * 0.3, 1.3 * 0.1]):
        number = run[at + distance if after else at - distance].id
        expected = HALF * (around(3.0, nearness) + (own(3.0, 1) if distance == 0 else 0))
        assert seen[number] == pytest.approx(expected)
    assert seen[run[at + 4].id] == seen[run[at - 4].id] == 0


def test_runs_do_not_touch_each_other() -> None:
    assert scores(PLAIN, [spoken(1, (1, 0))], [spoken(2)])[2] == 0


@pytest.mark.parametrize(("asker", "times"), [(BEN, (2.0, 1.0)), (ADA, (1.3, 1.3))])
def test_somebody_elses_question_counts_double_for_the_message_after_it_and_ones_own_words_more(
    asker: int, times: tuple[float, float]
) -> None:
    asked = spoken(1, (1, 0), author=asker, text="x?")
    seen = scores(PLAIN, [asked, spoken(2), spoken(3)])
    assert seen[2] == pytest.approx(HALF * around(3.0, 0.35 * times[0]))
    assert seen[3] == pytest.approx(HALF * around(3.0, 0.3 * times[1]))
    before = scores(PLAIN, [spoken(1), replace(asked, id=2)])
    assert before[1] == pytest.approx(HALF * around(3.0, 0.35 * times[1]))


def test_long_neighbours_count_less() -> None:
    seen = scores(PLAIN, [spoken(1, (1, 0), length=12), spoken(2)])
    assert seen[2] == pytest.approx(HALF * around(3.0, 1.3 * 0.35 / (0.25 + 0.75 * 3)))


# --- what raises and lowers it ----------------------------------------------------------------------------------------

BASE = HALF * (own(3.0, 1) + around(3.0, 1))


def test_what_a_person_of_the_question_says_is_worth_more_and_what_others_say_less() -> None:
    by_them = replace(PLAIN, people=frozenset({ADA}))
    assert scores(by_them, [spoken(1, (1, 0))], [spoken(2)], [spoken(3, (1, 0), author=BEN)]) == {
        1: pytest.approx(1.6 * BASE + 3),
        2: 0,
        3: pytest.approx(0.85 * BASE),
    }


@pytest.mark.parametrize("mark", ["?", "？"])
def test_a_question_answers_less(mark: str) -> None:
    assert scores(PLAIN, [spoken(1, (1, 0), text=f"x{mark} y")])[1] == pytest.approx(0.8 * BASE)


def test_where_a_time_is_asked_for_what_tells_one_is_worth_more() -> None:
    told = spoken(1, (1, 0), text="it was last week")
    assert scores(replace(PLAIN, wants_time=True), [told])[1] == pytest.approx(1.1 * BASE)
    assert scores(replace(PLAIN, wants_time=True), [replace(told, content="it was")])[1] == pytest.approx(BASE)
    assert scores(PLAIN, [told])[1] == pytest.approx(BASE)


def test_what_was_said_on_the_day_asked_for_is_worth_three_times_as_much_and_around_it_twice() -> None:
    question = replace(PLAIN, spans=(SPAN,))
    runs = [[spoken(number, (1, 0))] for number in (4, 5, 9, 10, 19, 20, 24, 25)]
    within, near, outside = 3 * (BASE + 5) - 5, 2 * (BASE + 5) - 5, BASE
    expected = {4: outside, 5: near, 9: near, 10: within, 19: within, 20: near, 24: near, 25: outside}
    assert scores(question, *runs) == pytest.approx(expected)
    assert scores(question, [spoken(15)]) == {15: pytest.approx(10)}


def test_where_the_present_is_asked_for_scores_grow_evenly_with_age_up_to_two_and_a_half_times() -> None:
    runs = [[spoken(number, (1, 0))] for number in (30, 10, 20)]
    seen = scores(replace(PLAIN, wants_now=True), *runs)
    assert seen == pytest.approx({10: BASE, 20: BASE * 1.75, 30: BASE * 2.5})
    assert scores(replace(PLAIN, wants_now=True), [spoken(7, (1, 0))]) == pytest.approx({7: BASE})


def test_the_nearest_in_meaning_gains_a_quarter_of_the_best_score_and_the_tenth_after_it_half_of_that() -> None:
    runs = [[spoken(1, (1, 0))], *([spoken(number)] for number in range(2, 14))]
    near = [2, 1, *range(3, 14)]
    seen = scores(PLAIN, *runs, near=near)
    assert seen[2] == pytest.approx(0.25 * BASE)
    assert seen[1] == pytest.approx(BASE + 0.25 * BASE / 1.1)
    assert seen[near[10]] == pytest.approx(0.125 * BASE)
    assert scores(PLAIN, [spoken(1)], [spoken(2)], near=[2]) == pytest.approx({1: 0, 2: 0.25})
    assert rank(PLAIN, (3.0, 1.0), MEAN, [], [5]) == []


def test_the_best_comes_first_and_of_equals_the_newest() -> None:
    runs = [[spoken(1, (1, 0))], [spoken(3)], [spoken(2, (1, 0))], [spoken(4, (1, 1))]]
    assert list(scores(PLAIN, *runs)) == [4, 2, 1, 3]


# --- which messages are looked at -------------------------------------------------------------------------------------


def test_rows_that_hold_what_is_worth_most_together_are_looked_at_first_and_of_equals_the_newest() -> None:
    found = [((0,), [1, 2, 3]), ((1,), [2, 4]), ((2,), [3, 4, 9]), ((0, 1), [5])]
    # worth: 1 -> 4, 2 -> 6, 3 -> 5, 4 -> 3, 5 -> 6, 9 -> 1
    assert by_words._most_telling([4.0, 2.0, 1.0], found) == [5, 2, 3, 1, 4, 9]


def test_no_more_rows_are_looked_at_than_the_first_look_takes() -> None:
    assert by_words._most_telling([1.0], [((0,), range(1, 1000))]) == list(range(999, 799, -1))


def test_the_best_by_their_own_words_become_centres() -> None:
    documents = {number: ["g_1", "c_2", f"a_{ADA}", "apple", *["other"] * number] for number in range(1, 100)}
    assert by_words._best(PLAIN, (3.0, 1.0), MEAN, documents) == list(range(1, 61))


def test_of_equal_centres_the_newest_come_first_and_those_of_a_person_asked_about_before() -> None:
    documents = {n: ["g_1", "c_2", f"a_{BEN if n == 2 else ADA}", "apple"] for n in (1, 2, 3)}
    assert by_words._best(replace(PLAIN, people=frozenset({BEN})), (3.0, 1.0), MEAN, documents) == [2, 3, 1]


def test_stretches_that_overlap_become_one() -> None:
    assert by_words._joined([[1, 2, 3], [3, 4], [5, 6], [6, 7]]) == [[1, 2, 3, 4], [5, 6, 7]]
    assert by_words._joined([]) == []


@given(st.integers(3, 40), st.sets(st.integers(0, 39), min_size=1))
def test_stretches_around_centres_cover_each_message_once(size: int, centres: set[int]) -> None:
    run = list(range(size))
    stretches = [run[max(0, c - ranking.REACH) : c + ranking.REACH + 1] for c in sorted(centres) if c < size]
    joined = by_words._joined(stretches)
    flat = [number for stretch in joined for number in stretch]
    assert flat == sorted({number for stretch in stretches for number in stretch})


# --- fusion -----------------------------------------------------------------------------------------------------------

QUERY = RecallQuery(guild_id=GUILD, text="", channel_ids=None)


def memory(number: int, **changes: object) -> Memory:
    plain = Memory(
        id=f"m{number}",
        guild_id=GUILD,
        kind=MemoryKind.DECISION,
        text="x" * 10,
        citations=(Citation(number, CHANNEL, ADA),),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def ranked_message(number: int, score: float = 1.0, position: int = 0) -> RankedMessage:
    return RankedMessage(spoken(number, (1, 0)), (score, 0.0), score, (number, position))


def excerpt(*numbers: int) -> Excerpt:
    lines = tuple(ranked_message(number) for number in numbers)
    return Excerpt(lines, lines[0])


def merged(memories: Sequence[tuple[Memory, float]], *excerpts: Excerpt) -> tuple[list[HitKind], list[float]]:
    """Kinds and scores of the hits that they become."""
    hits = service._merged(memories, excerpts, PLAIN, QUERY)
    return [hit.kind for hit in hits], [hit.score for hit in hits]


def test_an_excerpt_counts_one_and_a_half_times_as_much_as_a_memory_at_its_place() -> None:
    kinds, scores = merged([(memory(1), 1 / (FUSION + 1))], excerpt(7), excerpt(8))
    assert kinds == [HitKind.MESSAGE, HitKind.MESSAGE, HitKind.MEMORY]
    assert scores == pytest.approx([1.5 / 61, 1.5 / 62, 1 / 61])


def test_an_excerpt_of_nothing_but_a_memorys_messages_speaks_for_the_memory() -> None:
    both = memory(1, citations=(Citation(1, CHANNEL, ADA), Citation(2, CHANNEL, BEN)))
    for quoted in (excerpt(2), excerpt(1, 2)):
        kinds, scores = merged([(both, 0.01)], quoted)
        assert kinds == [HitKind.MEMORY]
        assert scores == pytest.approx([0.01 + 1.5 / 61])
    kinds, scores = merged([(both, 0.01)], excerpt(2, 3))
    assert kinds == [HitKind.MESSAGE, HitKind.MEMORY]
    assert scores[1] == 0.01


def test_a_topic_is_spoken_for_by_nobody() -> None:
    topic = memory(1, kind=MemoryKind.TOPIC)
    assert [hit.kind for hit in service._merged([(topic, 0.01)], [excerpt(1)], PLAIN, QUERY)] == [
        HitKind.MESSAGE,
        HitKind.MEMORY,
    ]


def test_memories_take_two_fifths_of_the_hits_and_of_the_room() -> None:
    many = [(memory(number), 1.0) for number in range(20)]
    assert service._fitting(many, {}, replace(QUERY, limit=10, max_chars=4000)) == many[:4]
    assert service._fitting(many, {}, replace(QUERY, limit=1, max_chars=4000)) == many[:1]
    assert service._fitting(many, {}, replace(QUERY, limit=10, max_chars=50)) == many[:2]
    assert service._fitting(many, {}, replace(QUERY, limit=10, max_chars=49)) == many[:1]
    long = (memory(99, text="x" * 30), 1.0)
    assert service._fitting([long, *many], {}, replace(QUERY, limit=10, max_chars=50)) == many[:2]


class Shelf:
    """Memories by their full-text rows, which are the numbers of their ids, and by their ids."""

    def __init__(self, *memories: Memory) -> None:
        self.by_id = {memory.id: memory for memory in memories}

    async def by_seq(self, rows: Sequence[int]) -> dict[int, Memory]:
        return {row: self.by_id[f"m{row}"] for row in rows if f"m{row}" in self.by_id}

    async def get(self, ids: Sequence[str]) -> dict[str, Memory]:
        return {memory_id: self.by_id[memory_id] for memory_id in ids if memory_id in self.by_id}


class Points(NoIndex):
    """An index that finds these points."""

    def __init__(self, *points: tuple[str, float]) -> None:
        self.points = points
        self.queries: list[VectorQuery] = []
        self.fault: Exception | None = None

    async def search(self, query: VectorQuery) -> list[ScoredPoint]:
        self.queries.append(query)
        if self.fault:
            raise self.fault
        return [ScoredPoint(memory_id, score, said_id) for said_id, (memory_id, score) in enumerate(self.points)]

    async def noise(self) -> Noise:
        return Noise(mean=0.0, deviation=0.1)


def searching(*memories: Memory, index: NoIndex | None = None) -> MemorySearch:
    return MemorySearch(None, None, index or NoIndex(), Shelf(*memories))  # type: ignore[arg-type]


async def fused(
    search: MemorySearch, rows: Sequence[int], ids: Sequence[str], query: RecallQuery = QUERY
) -> dict[str, float]:
    return {memory.id: score for memory, score in await search.fuse(rows, ids, PLAIN, query)}


async def test_ranks_of_both_sides_add_up() -> None:
    search = searching(memory(1), memory(2), memory(3))
    assert await fused(search, [1, 2, 77], ["m3", "m1", "gone"]) == pytest.approx(
        {"m1": 1 / 61 + 1 / 62, "m3": 1 / 61, "m2": 1 / 62}
    )
    assert list(await fused(search, [1, 2], ["m3"])) == ["m3", "m1", "m2"]  # of equals the newest
    assert await fused(search, [], []) == {}


@pytest.mark.parametrize("kind", [MemoryKind.TOPIC, MemoryKind.QUESTION])
async def test_topics_and_questions_count_less(kind: MemoryKind) -> None:
    assert await fused(searching(memory(1, kind=kind)), [1], []) == pytest.approx({"m1": 0.9 / 61})


async def test_who_may_not_be_shown_takes_no_rank() -> None:
    search = searching(
        memory(1, guild_id=99),
        memory(2, citations=(Citation(2, 55, ADA),)),
        memory(3, citations=(Citation(3, CHANNEL, BEN),)),
        memory(9),
        memory(5),
        memory(4),
    )
    query = replace(QUERY, channel_ids=frozenset({CHANNEL}), author_id=ADA, since=4, until=5)
    assert await fused(search, [1, 2, 3, 9, 5, 4], [], query) == pytest.approx({"m5": 1 / 61, "m4": 1 / 62})


async def test_what_was_replaced_held_until_it_was() -> None:
    old = memory(1, state=MemoryState.SUPERSEDED, superseded_by="m7")
    lost = memory(2, state=MemoryState.SUPERSEDED, superseded_by="gone")
    search = searching(old, lost, memory(7))
    assert list(await fused(search, [1, 2, 7], [])) == ["m7"]
    assert list(await fused(search, [1, 2], [], replace(QUERY, until=6))) == ["m1"]
    assert list(await fused(search, [1, 2], [], replace(QUERY, until=7))) == []


async def test_what_speaks_against_a_memory_is_shown_up_to_the_time_of_the_question() -> None:
    doubted = memory(1, doubt=Doubt(5, CHANNEL, BEN))
    for until, shown in [(None, True), (6, True), (5, True), (4, False)]:
        ((found, _),) = await searching(doubted).fuse([1], [], PLAIN, replace(QUERY, until=until))
        assert (found.doubt is not None) == shown


async def test_an_index_that_can_not_be_asked_costs_a_note_and_one_that_is_not_there_costs_none() -> None:
    for fault, note in [(ServiceUnavailable("qdrant", "away"), UNREACHABLE), (ServiceAbsent("qdrant", "off"), None)]:
        index = Points(("m1", 0.9))
        index.fault = fault
        assert await searching(index=index).by_meaning("apples", QUERY) == ([], note)


async def test_what_is_hardly_nearer_than_unrelated_texts_is_not_related() -> None:
    index = Points(("m1", 0.6), ("m2", 0.2), ("m3", 0.19))
    near, note = await searching(index=index).by_meaning("apples", replace(QUERY, since=3, until=9, author_id=ADA))
    assert [(match.memory_id, match.said_id) for match in near] == [("m1", 0), ("m2", 1)]
    assert [match.above for match in near] == pytest.approx([6.0, 2.0])
    assert note is None
    (asked,) = index.queries
    assert (asked.text, asked.since, asked.up_to, asked.author_id, asked.limit) == ("apples", 3, 9, ADA, 50)
    assert not asked.messages


def test_without_a_word_in_common_only_what_is_clearly_near_is_shown() -> None:
    near = [Near("m1", 1, 5.5), Near("m2", 2, 2.0)]
    assert convincing(near, words_found=False) == near
    assert convincing([match._replace(above=5.4) for match in near], words_found=False) == []
    assert convincing([match._replace(above=2.1) for match in near], words_found=True)
