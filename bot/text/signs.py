"""Plus and minus before figures: "-5" is not 5, and "UTC+5" is not "UTC-5"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.text.meanings import HYPHEN, MINUS, NO_SIGN, PLUS, Number, Value
from bot.text.tokens import Tokens

_DASHES = frozenset("-−–")
_WORDS = frozenset({"minus", "moins", "menos"})
"""Read for what may be a minus: "minus 20 %" is 20 % less, "au moins 5" and "al menos 5" are at least five."""


def sign_before(tokens: Tokens, place: int) -> str:
    """The sign of what stands at a place: none between two numbers ("3-5"), nor where there is a space ("- 5")."""
    token, before = tokens.at(place), tokens.at(place - 1)
    if not token.glued:
        return HYPHEN if before.text in _WORDS else NO_SIGN
    if tokens.is_number(place - 2):
        return NO_SIGN
    if before.text == "+":
        return PLUS
    if before.text not in _DASHES:
        return NO_SIGN
    return HYPHEN if before.glued and tokens.at(place - 2).kind == "word" else MINUS


def signed(values: Sequence[Value], sign: str) -> list[Value]:
    """Values of which the first has a sign, if it is a figure."""
    if sign == NO_SIGN or not values:
        return list(values)
    meanings = (replace(m, sign=sign) if isinstance(m, Number) else m for m in values[0].meanings)
    return [replace(values[0], meanings=tuple(meanings)), *values[1:]]
