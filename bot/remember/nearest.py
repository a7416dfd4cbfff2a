"""Which memories, and which earlier statements of its stretch, are shown with a statement to be judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import log, sqrt

from bot.domain import Memory
from bot.text import language_of, terms, values_of

MOST_TERMS = 32
"""Words of a statement that are looked for."""
NEWS = 1.5
"""An earlier statement that is so much liker to one before it than to the statement itself shows nothing new."""
OWN = 2
"""Places for earlier statements of the same stretch, where older memories want the others."""
LOOKED_AT = 8
"""Of the earlier statements, the likest."""


class Earlier:
    """The statements of a stretch until now, by their words."""

    def __init__(self) -> None:
        self._memories: list[Memory] = []
        self._words: list[frozenset[str]] = []

    def add(self, memory: Memory) -> None:
        """Take in what a statement is going to be."""
        self._memories.append(memory)
        self._words.append(frozenset(subject_terms(memory.text)))

    def nearest(self, text: str, memories: Sequence[Memory], count: int) -> list[Memory]:
        """What is shown with a statement: the nearest memories, and the nearest statements before it.

        Args:
            text: the statement.
            memories: near it, the nearest first.
            count: how many are shown.
        """
        terms_of_text = frozenset(subject_terms(text))
        alike = self._alike(terms_of_text)
        known = {
            later
            for earlier, later in combinations(alike, 2)
            if _overlap(self._words[earlier], self._words[later]) > NEWS * _overlap(self._words[later], terms_of_text)
        }
        own = [self._memories[place] for place in alike if place not in known]
        rest = [self._memories[place] for place in alike if place in known]
        return [*own[:OWN], *memories[: count - len(own[:OWN])], *own[OWN:], *rest][:count]

    def _alike(self, terms_of_text: frozenset[str]) -> list[int]:
        """The places of those that share words with a statement, by the rarity of these words, the likest first."""
        spread = Counter(word for words in self._words for word in words)
        weights = {word: log(1 + (len(self._words) + 1) / times) for word, times in spread.items()}

        def likeness(place: int) -> float:
            words = self._words[place]
            return sum(weights[word] for word in words & terms_of_text) / sqrt(
                sum(weights[word] for word in words) or 1
            )

        sharing = [place for place, words in enumerate(self._words) if words & terms_of_text]
        return sorted(sharing, key=likeness, reverse=True)[:LOOKED_AT]


def subject_terms(text: str) -> list[str]:
    """The words that tell what a statement is about: all but its figures and dates, which are what changes."""
    pieces: list[str] = []
    end = 0
    for value in values_of(text, (language_of(text),)):
        pieces.append(text[end : value.start])
        end = value.end
    pieces.append(text[end:])
    return list(dict.fromkeys(terms(" ".join(pieces)) or terms(text)))[:MOST_TERMS]


def _overlap(terms_of_text: frozenset[str], other: frozenset[str]) -> float:
    """The share of words that two texts have in common."""
    return 2 * len(terms_of_text & other) / max(1, len(terms_of_text) + len(other))
