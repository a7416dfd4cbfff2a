"""Words of what was found first, to find more by."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.domain import snowflake
from bot.recall.expansion import BEST, WORDS, relevance, widened
from bot.recall.question import understand
from bot.recall.ranking import RankedMessage, Spoken
from bot.text import Corpus
from tests.fixtures.recall import ADA
from tests.fixtures.storage import CHANNEL

NOW = snowflake.from_datetime(datetime(2025, 6, 15, tzinfo=UTC))
QUESTION = understand("Is there money left in the budget?", names={}, asker_id=None, newest=NOW)


def found(*contents: str, score: float = 1.0) -> list[RankedMessage]:
    """Messages that a search found, best first."""
    return [
        RankedMessage(Spoken(number, CHANNEL, ADA, content, (), 0), (), score, (0, number))
        for number, content in enumerate(contents, start=1)
    ]


def test_words_of_the_best_messages_are_taken_that_the_question_lacks() -> None:
    assert set(relevance(QUESTION, found("the budget is 400 euro"))) == {("400",), ("euro",)}


def test_a_word_of_several_good_messages_weighs_more() -> None:
    weights = relevance(QUESTION, found("the budget is 400 euro", "no euro left in the budget of Walter"))
    assert next(iter(weights)) == ("euro",)


def test_no_message_behind_the_best_gives_words() -> None:
    weights = relevance(QUESTION, found(*["the budget"] * BEST, "the budget for glitter"))
    assert weights == {}


def test_a_long_message_gives_no_more_words_than_are_looked_at() -> None:
    long = " ".join(f"word{number}" for number in range(2_000))
    assert len(relevance(QUESTION, found(long))) == 40


def test_rare_words_are_looked_for_and_those_of_one_message_alone_are_not() -> None:
    weights: dict[tuple[str, ...], float] = {("euro",): 1.0, ("keep",): 1.0, ("400",): 1.0}
    wider = widened(QUESTION, weights, Corpus(1_000, (20, 500, 1)))
    added = wider.words[len(QUESTION.words) :]
    assert [word.terms for word in added] == [("euro",), ("keep",)]
    assert all(word.before for word in added)


def test_so_many_words_are_looked_for_and_no_more() -> None:
    weights: dict[tuple[str, ...], float] = {(f"word{number}",): 1.0 for number in range(30)}
    wider = widened(QUESTION, weights, Corpus(1_000, (5,) * 30))
    assert len(wider.words) == len(QUESTION.words) + WORDS
