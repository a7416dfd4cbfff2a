"""Words of what was found first, to find more by: what is asked for may be told in words that the question lacks.

"Is there money left in the budget?" finds that the budget is 400 euro; what was spent is told in euro as well. The
weights are those of a relevance model (Lavrenko and Croft, SIGIR 2001), times how much a word tells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from bot.recall.question import Question, Word
from bot.recall.ranking import RankedMessage
from bot.text import Corpus, question_terms

BEST = 5
"""Messages whose words are taken."""

CONSIDERED = 40
"""Words that are looked at,"""

WORDS = 6
"""and those of them that are looked for."""

SHORT = 8
"""Words: in shorter messages each word counts as much as in one of so many."""

COMMON = 2
"""Messages that have to hold a word for another one to be found by it."""


def relevance(question: Question, ranked: Sequence[RankedMessage]) -> dict[tuple[str, ...], float]:
    """The words of the best messages that the question lacks, each as its terms, the weightiest first.

    Args:
        question: what was asked.
        ranked: what it found, best first.
    """
    own = {term for word in question.words for term in word.terms}
    weights: dict[tuple[str, ...], float] = {}
    for line in ranked[:BEST]:
        words = question_terms(line.spoken.content)
        for word in dict.fromkeys(words):
            if own.isdisjoint(word):
                weights[word] = weights.get(word, 0.0) + max(0.0, line.score) / max(SHORT, len(words))
    return dict(sorted(weights.items(), key=lambda pair: -pair[1])[:CONSIDERED])


def widened(question: Question, weights: Mapping[tuple[str, ...], float], corpus: Corpus) -> Question:
    """The question with the words that tell most, which count for less than its own.

    Args:
        question: what was asked.
        weights: words with their relevance.
        corpus: how frequent they are, in the same order.
    """
    worth = {
        word: weight * math.log(1 + corpus.documents / frequency)
        for (word, weight), frequency in zip(weights.items(), corpus.frequencies, strict=True)
        if frequency >= COMMON
    }
    best = sorted(worth, key=lambda word: -worth[word])[:WORDS]
    return question.with_words(Word(word, before=True) for word in best)
