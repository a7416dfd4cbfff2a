"""Text folded for comparing: compatibility forms, case and accents."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """`text` without case and accents: "Ä" is "a", "ﬁ" is "fi"."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in decomposed if not unicodedata.combining(char))
