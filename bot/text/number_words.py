"""Numbers that are told in words."""

from __future__ import annotations

from collections.abc import Sequence

from bot.text.calendar_words import NUMBERS, SCALES, TENS, value_of
from bot.text.tokens import Tokens


def counted(tokens: Tokens, languages: Sequence[str], place: int) -> tuple[int | None, int]:
    """The number that words are ("twenty-two", "zweiundzwanzig", "two hundred"), and the place after them."""
    word = tokens.text(place)
    amount = value_of(NUMBERS, word, languages)
    if amount is None:
        return _joined(word, languages), place + 1
    if scale := SCALES.get(tokens.text(place + 1)):
        return amount * scale, place + 2
    after = place + 1 + (tokens.text(place + 1) in ("-", "y", "et"))
    ones = value_of(NUMBERS, tokens.text(after), languages)
    has_ones = value_of(TENS, word, languages) is not None or word == "dix"
    if has_ones and ones and ones < 10:
        return amount + ones, after + 1
    return amount, place + 1


def _joined(word: str, languages: Sequence[str]) -> int | None:
    """A German number of two parts in one word."""
    ones, _, tens = word.partition("und")
    if "german" not in languages:
        return None
    unit, ten = value_of(NUMBERS, ones, ("german",)), value_of(TENS, tens, ("german",))
    return unit + ten if unit and ten and unit < 10 else None
