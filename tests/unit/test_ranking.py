"""Which messages answer best, and which of them an answer shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import mul

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import snowflake
from bot.recall.excerpts import BREAK, SKIPPED, Excerpt, choose
from bot.recall.question import Question, understand
from bot.recall.quote import CUT, MOST, quote
from bot.recall.ranking import RankedMessage, Spoken, count, rank, rarity
from bot.text.analysis import terms
from tests.fixtures.recall import ADA, BEN, CLEO, NAMES
from tests.fixtures.storage import CHANNEL

MEAN_LENGTH = 4.0
Line = tuple[int, str]


def read(text: str, *people: int) -> Question:
    now = snowflake.from_datetime(datetime(2025, 6, 15, tzinfo=UTC))
    return understand(text, names={user_id: NAMES[user_id] for user_id in people}, asker_id=None, newest=now)


def ranked(question: Question, *runs: list[Line]) -> list[RankedMessage]:
    """Rank lines of several conversations; every word is as rare as the others."""
    numbers = iter(range(1, 1_000_000))
    spoken = [[_spoken(question, next(numbers), *line) for line in run] for run in runs]
    return rank(question, rarity(1000, [10] * len(question.words)), MEAN_LENGTH, spoken)


def best(question: Question, *runs: list[Line]) -> str:
    return ranked(question, *runs)[0].spoken.content


def _spoken(question: Question, number: int, author: int, content: str) -> Spoken:
    tokens = terms(content)
    id_ = snowflake.from_ms(snowflake.EPOCH_MS + 60_000 * number)
    return Spoken(id_, CHANNEL, author, content, count(question, tokens), len(tokens))


def test_an_answer_without_the_questions_words_is_found_behind_the_question() -> None:
    talk = [(ADA, "the weather is fine"), (BEN, "How old is the bridge?"), (CLEO, "From 1902."), (ADA, "rain soon")]
    order = [one.spoken.content for one in ranked(read("How old is the bridge?"), talk)]
    assert set(order[:2]) == {"How old is the bridge?", "From 1902."}


def test_words_said_together_beat_words_said_apart() -> None:
    together = [(ADA, "the red bicycle is in the shed")]
    apart = [(ADA, "the red tomato soup")]
    assert best(read("Where is the red bicycle?"), apart, together) == together[0][1]


def test_the_person_asked_about_is_believed_first() -> None:
    by_ada, by_ben = [(ADA, "I adopted a turtle")], [(BEN, "I adopted a turtle, great")]
    assert best(read("Who adopted a turtle, Ben?", BEN), by_ada, by_ben) == by_ben[0][1]


def test_what_holds_now_is_what_was_said_last() -> None:
    old, new = [(ADA, "the budget is 200 now")], [(ADA, "the budget is 300 now")]
    assert best(read("What is the current budget?"), old, new) == new[0][1]


def test_without_a_wish_for_now_age_decides_nothing_but_ties() -> None:
    scores = [one.score for one in ranked(read("What is the budget?"), [(ADA, "budget 200")], [(ADA, "budget 300")])]
    assert scores[0] == scores[1]


def test_a_statement_beats_the_same_words_as_a_question() -> None:
    asked, told = [(ADA, "is the budget 300?")], [(ADA, "the budget is 300")]
    assert best(read("What is the budget?"), asked, told) == told[0][1]


def test_a_rare_word_tells_more_than_a_frequent_one() -> None:
    rare, frequent = rarity(1000, [2, 500])
    assert rare > frequent > 0
    assert min(rarity(5, [9])) > 0  # figures may lag behind


def test_what_the_question_asks_itself_tells_more_than_what_the_one_before_asked() -> None:
    following = read("what about the harbour?").after(read("who paints the bridge?"))
    lines = [[(ADA, "the bridge is closed")], [(BEN, "the harbour is closed")]]
    assert best(following, *lines) == "the harbour is closed"
    assert best(following, [(ADA, "the bridge is closed"), (BEN, "tea?")]) == "the bridge is closed"
    assert best(read("what about the bridge?").after(read("who sees the harbour?")), *lines) == "the bridge is closed"


def test_what_was_said_on_the_date_of_the_question_wins() -> None:
    question = read("What did we eat on 1 January 2015?")
    that_day = [(ADA, "we eat soup")]
    later: list[Line] = [(BEN, "nothing to see")] * 5000
    order = ranked(question, that_day, later, [(CLEO, "we eat bread")])
    assert [one.spoken.content for one in order[:2]] == ["we eat soup", "we eat bread"]


# --- excerpts ---------------------------------------------------------------------------------------------------------


def size(one: RankedMessage) -> int:
    return len(one.spoken.content)


def shown(excerpt: Excerpt) -> str:
    breaks = [f"{BREAK}\n" if excerpt.breaks_before(number) else "" for number in range(len(excerpt.lines))]
    return "\n".join(mark + one.spoken.content for mark, one in zip(breaks, excerpt.lines, strict=True))


def scored(run: int, position: int, score: float, length: int = 10) -> RankedMessage:
    number = 1000 * run + position
    return RankedMessage(Spoken(number, CHANNEL, ADA, "x" * length, (1,), 1), (score,), score, (run, position))


def test_neighbours_become_one_excerpt_and_a_gap_is_marked() -> None:
    lines = [scored(0, 0, 9), scored(0, 1, 8), scored(0, 2 + SKIPPED, 7), scored(0, 9, 6), scored(1, 0, 5)]
    excerpts = choose(lines, limit=10, room=1000, size=size, several=False)
    assert [len(excerpt.lines) for excerpt in excerpts] == [3, 1, 1]
    assert shown(excerpts[0]).count(BREAK) == 1


def test_a_message_that_fills_the_gap_takes_its_mark_away() -> None:
    lines = [scored(0, 0, 9), scored(0, 2, 8), scored(0, 1, 7)]
    (excerpt,) = choose(lines, limit=1, room=1000, size=size, several=False)
    assert shown(excerpt) == "\n".join(["x" * 10] * 3)


def test_the_best_excerpt_comes_first() -> None:
    excerpts = choose(
        [scored(1, 0, 9), scored(0, 0, 8), scored(0, 1, 7)], limit=10, room=1000, size=size, several=False
    )
    assert [excerpt.best.score for excerpt in excerpts] == [9, 8]


def test_what_has_nothing_to_do_with_the_question_is_not_shown() -> None:
    assert choose([scored(0, 0, 0.0)], limit=10, room=1000, size=size, several=False) == []


def test_a_question_with_several_parts_gets_something_on_each() -> None:
    question = read("What are the budget and the vendor?")
    budget = [[(ADA, f"budget budget budget {number}")] for number in range(9)]
    lines = ranked(question, *budget, [(BEN, "vendor is a longer and weaker sentence about other things")])
    room = 6 * len("budget budget budget 0")
    texts = [shown(e) for e in choose(lines, limit=10, room=room, size=size, several=question.several)]
    assert any("vendor" in text for text in texts)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 12), st.floats(0.1, 99), st.integers(1, 60)),
        unique_by=lambda one: one[:2],
        max_size=40,
    ),
    st.integers(1, 6),
    st.integers(0, 400),
    st.booleans(),
)
def test_excerpts_never_exceed_their_number_or_their_room(
    places: list[tuple[int, int, float, int]], limit: int, room: int, several: bool
) -> None:
    lines = sorted((scored(*place) for place in places), key=lambda one: -one.score)
    excerpts = choose(lines, limit=limit, room=room, size=size, several=several)
    assert len(excerpts) <= limit
    assert sum(len(shown(excerpt)) for excerpt in excerpts) <= room
    shown_places = [one.place for excerpt in excerpts for one in excerpt.lines]
    assert len(shown_places) == len(set(shown_places))


def grouped(chosen: Sequence[RankedMessage]) -> list[Excerpt]:
    """The excerpts that these messages form."""
    stretches: list[list[RankedMessage]] = []
    for line in sorted(chosen, key=lambda line: line.place):
        run, position = line.place
        if stretches and stretches[-1][-1].place in {(run, position - 1 - skipped) for skipped in range(SKIPPED + 1)}:
            stretches[-1].append(line)
        else:
            stretches.append([line])
    return [Excerpt(tuple(lines), max(lines, key=lambda line: line.score)) for lines in stretches]


def fitting(lines: Sequence[RankedMessage], limit: int, room: int, hungry: bool) -> list[RankedMessage]:
    """What is chosen, by its definition: the best that still fits, until nothing does."""
    left = sorted(lines, key=lambda line: -brief(line, line.score))
    chosen, hunger = list[RankedMessage](), [1.0, 1.0]
    while True:
        for line in left:
            excerpts = grouped([*chosen, line])
            if len(excerpts) <= limit and sum(len(shown(excerpt)) for excerpt in excerpts) <= room:
                break
        else:
            return chosen
        left.remove(line)
        chosen.append(line)
        if hungry:
            hunger = [h * 0.6 if n else h for h, n in zip(hunger, line.spoken.counts, strict=True)]
            left.sort(
                key=lambda line: -brief(line, line.score * sum(map(mul, line.by_word, hunger)) / sum(line.by_word))
            )


def brief(line: RankedMessage, score: float) -> float:
    """Its score, held back a little by the room that it takes."""
    return float(score / (60 + size(line)) ** 0.2)


LINES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 12),
        st.integers(1, 20),
        st.sampled_from([(1, 0), (0, 2), (1, 1)]),
        st.integers(1, 99),
    ),
    unique_by=(lambda line: line[:2], lambda line: line[4]),
    max_size=25,
)


@settings(max_examples=60)
@given(LINES, st.integers(1, 6), st.integers(0, 200), st.booleans())
def test_the_best_messages_that_fit_are_chosen_and_a_word_counts_less_each_time_it_is_there(
    places: list[tuple[int, int, int, tuple[int, int], int]], limit: int, room: int, several: bool
) -> None:
    lines = [
        RankedMessage(
            Spoken(number, CHANNEL, ADA, "x" * length, counts, 1),
            (2.0 * counts[0], 3.0 * counts[1]),
            score,
            (run, position),
        )
        for number, (run, position, length, counts, score) in enumerate(places)
    ]
    lines.sort(key=lambda line: -line.score)
    excerpts = choose(lines, limit=limit, room=room, size=size, several=several)
    assert {line.place for excerpt in excerpts for line in excerpt.lines} == {
        line.place for line in fitting(lines, limit, room, several)
    }
    assert sorted(excerpts, key=lambda excerpt: -excerpt.best.score) == excerpts
    assert sorted(excerpts, key=lambda excerpt: excerpt.lines[0].place) == grouped(
        [line for excerpt in excerpts for line in excerpt.lines]
    )


@pytest.mark.parametrize(
    "order",
    [(0,), (0, 1), (1, 0), (0, 2), (2, 0), (0, 2, 1), (0, 3), (0, 2, 4, 3), (4, 2, 0), (4, 0, 2), (0, 1, 3, 4, 2)],
)
def test_messages_take_their_room_with_breaks_and_marks_and_not_a_character_more(order: tuple[int, ...]) -> None:
    lines = [scored(0, position, 9.0 - number) for number, position in enumerate(order)]

    def chosen(room: int) -> int:
        excerpts = choose(lines, limit=5, room=room, size=size, several=False)
        return sum(len(excerpt.lines) for excerpt in excerpts)

    steps = [grouped(lines[: number + 1]) for number in range(len(lines))]
    room = max(sum(len(shown(excerpt)) for excerpt in excerpts) for excerpts in steps)
    assert chosen(room) == len(lines)
    assert chosen(room - 1) < len(lines)


def test_a_message_without_words_of_the_question_is_worth_its_score_whatever_was_chosen() -> None:
    near_in_meaning = replace(scored(1, 0, 5), by_word=(0.0,))
    lines = [scored(0, 0, 9), near_in_meaning, scored(2, 0, 4.9)]
    excerpts = choose(lines, limit=2, room=1000, size=size, several=True)
    assert [excerpt.best.score for excerpt in excerpts] == [9, 5]


def test_the_best_150_are_chosen_from() -> None:
    lines = [scored(run, 0, 1000 - run) for run in range(160)]
    assert len(choose(lines, limit=200, room=10_000, size=size, several=False)) == 150


# --- quotes -----------------------------------------------------------------------------------------------------------


def test_a_short_message_is_quoted_whole() -> None:
    assert quote("the key is under the mat", read("Where is the key?")) == "the key is under the mat"


def test_of_a_long_message_the_part_that_matters_is_quoted_between_words() -> None:
    words = [f"filler{number}" for number in range(400)]
    words[250] = "lighthouse"
    part = quote(" ".join(words), read("Which lighthouse?"))
    assert "lighthouse" in part
    assert len(part) <= MOST + 2 * len(CUT)
    assert set(part.strip(CUT).split()) <= set(words)


def test_a_long_message_without_spaces_is_cut_too() -> None:
    assert len(quote("x" * 5000, read("Where is x?"))) <= MOST + len(CUT)


def test_a_message_of_700_characters_is_quoted_whole_and_a_longer_one_in_part() -> None:
    question = read("Where is the key?")
    assert quote("x " * 350, question) == "x " * 350
    assert quote("x " * 300, question) == "x " * 300
    assert len(quote("x " * 350 + "x", question)) < 700


def test_a_part_that_ends_with_the_message_is_whole() -> None:
    text = " ".join(["x" * 299, *["y" * 99] * 6, "key " + "y" * 96])
    assert len(text) == 300 + MOST
    assert quote(text, read("Where is the key?")) == CUT + text[300:]


WORDS = [f"{number:04}" for number in range(400)]
"""Each takes five characters with the space after it."""


def quoted(boat: int) -> str:
    """The quote of a text of 400 words of which one is asked for."""
    return quote(" ".join([*WORDS[:boat], "boat", *WORDS[boat + 1 :]]), read("Which boat?")).replace(
        "boat", WORDS[boat]
    )


@pytest.mark.parametrize(
    ("boat", "first", "last"),
    [
        (0, 0, 138),
        (138, 0, 138),  # the earliest of the parts that hold it: parts begin a third of their length apart,
        (150, 47, 185),  # at the next word
        (200, 94, 232),
        (399, 282, 399),
    ],
)
def test_the_part_begins_and_ends_between_words_and_shows_where_something_is_left_out(
    boat: int, first: int, last: int
) -> None:
    part = " ".join(WORDS[first : last + 1])
    assert quoted(boat) == (CUT if first else "") + part + (CUT if last < 399 else "")
