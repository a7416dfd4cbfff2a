"""A text as numbers, words and signs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.text.folding import fold

_TOKEN = re.compile(r"(?P<number>\d+)|(?P<word>[^\W\d_]+)|(?P<sign>[^\w\s]|_)")


@dataclass(frozen=True, slots=True)
class Token:
    """A number, word or sign.

    Attributes:
        text: folded.
        start: where it begins in the text.
        end: where it ends.
        kind: "number", "word" or "sign"; "" for what is before and after the text.
        glued: whether nothing stands between it and the one before.
        capital: whether it begins with a capital letter.
    """

    text: str
    start: int
    end: int
    kind: str
    glued: bool = False
    capital: bool = False


_NOTHING = Token("", 0, 0, "")


_NOTHING = Token("", 0, 0, "")


class Tokens:
    """The numbers, words and signs of a text."""

    def __init__(self, text: str) -> None:
        self._all: list[Token] = []
        last = -1
        for match in _TOKEN.finditer(text):
            own, start = match.group(), match.start()
            self._all.append(
                Token(fold(own), start, match.end(), match.lastgroup or "", start == last, own[0].isupper())
            )
            last = match.end()

    def __len__(self) -> int:
        return len(self._all)

    def at(self, place: int) -> Token:
        """The token at a place, which may lie outside the text."""
        return self._all[place] if 0 <= place < len(self._all) else _NOTHING

    def text(self, place: int) -> str:
        """The folded text of the token at a place."""
        return self.at(place).text

    def is_number(self, place: int) -> bool:
        """Whether there is a number at a place."""
        return self.at(place).kind == "number"

    def is_glued(self, place: int, texts: frozenset[str]) -> bool:
        """Whether one of these stands at a place, with nothing before it."""
        return self.at(place).glued and self.at(place).text in texts

    def is_glued_number(self, place: int) -> bool:
        """Whether a number stands at a place, with nothing before it."""
        return self.at(place).glued and self.is_number(place)

    def phrase(self, start: int, end: int) -> str:
        """The folded tokens from one place to before another, with blanks between them."""
        return " ".join(self.text(place) for place in range(start, end))
