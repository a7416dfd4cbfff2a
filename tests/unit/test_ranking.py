"""Which messages answer best, and which of them an answer shows."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
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
