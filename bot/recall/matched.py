"""Which words of a hit are the question's own, whatever their form: what is shown in bold."""

from __future__ import annotations

from bot.text import terms

LONGEST = 24
"""Characters: a longer run is an address, or a sentence in a script without spaces."""


class Matched:
    """Tells of a word whether the question has it too, in any form."""

    def __init__(self, question: str) -> None:
        self._terms = frozenset(terms(question))

    def __call__(self, word: str) -> bool:
        """Whether `word` stands under a term of the question; function words never do."""
        return len(word) <= LONGEST and not self._terms.isdisjoint(terms(word))
