"""In which language a text is to be read."""

from __future__ import annotations

import pytest

from bot.text.chat_text import is_english, may_be


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("we meet at the bridge", True),
        ("deploy now", True),  # no function word at all
        ("", True),
        ("ok das", True),  # one may be an abbreviation
        ("ich habe das nicht", False),
        ("привет", False),
        ("the café is open", True),
        ("schöne Grüße", False),
        ("wir sind über die Brücke", False),
    ],
)
def test_a_text_is_english_unless_it_shows_that_it_is_not(text: str, english: bool) -> None:
    assert is_english(text) == english


@pytest.mark.parametrize(
    ("text", "language", "fits"),
    [
        ("ich habe das nicht", "german", True),
        ("ich habe das nicht", "french", False),
        ("the bridge and I", "german", False),
        ("", "german", False),
    ],
)
def test_a_text_may_be_of_the_language_that_it_has_most_function_words_of(text: str, language: str, fits: bool) -> None:
    assert may_be(text, language) == fits
