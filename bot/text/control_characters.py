"""Characters that are not shown themselves: they could command a terminal or turn lines around."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """The text without control and format characters; line breaks stay."""
    return "".join(
        character for character in text if character == "\n" or unicodedata.category(character) not in ("Cc", "Cf")
    )
