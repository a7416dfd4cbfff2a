"""Text that speaks to a model instead of to people, also where it is disguised."""

from __future__ import annotations

from bot.remember.lexicon import ORDER
from bot.text import folded

_LEET = str.maketrans("013457", "oieast")
"""Digits that stand for letters in words that are to be read by models alone."""


def is_order(text: str) -> bool:
    """Whether a text, read without accents, styles of letters and digits for letters, gives a model orders."""
    plain = folded(text)
    return bool(ORDER.search(plain) or ORDER.search(plain.translate(_LEET)))
