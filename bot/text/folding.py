"""Text folded for comparing: compatibility forms, case and accents."""

from __future__ import annotations

import unicodedata

_MATCHED = str.maketrans({"ı": "i", "\N{COMBINING DOT ABOVE}": None})


def fold(text: str) -> str:
    """`text` without case and accents: "Ä" is "a", "ﬁ" is "fi"."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def as_matched(word: str) -> str:
    """A word that a pattern matched without regard to case, as the pattern spells it.

    `re.IGNORECASE` takes more letters for one than folding their case does: "İ" and "ı" match an "i".
    """
    return word.casefold().translate(_MATCHED)
