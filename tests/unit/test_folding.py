"""Letters that patterns without regard to case take for others: what is read of a word is the same with them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from string import ascii_lowercase

import pytest

from bot.domain import snowflake
from bot.recall.question import understand
from bot.text import SecretFinder
from bot.text.folding import as_matched

NOW = snowflake.from_datetime(datetime(2025, 6, 15, tzinfo=UTC))
TWINS = [
    (letter, sign)
    for sign in re.findall("[a-z]", "".join(map(chr, range(sys.maxunicode + 1))), re.IGNORECASE)
    for letter in ascii_lowercase
    if not sign.isascii() and re.match(letter, sign, re.IGNORECASE)
]
"""A letter of English and another sign that stands for it, for every such sign there is."""


def asked(text: str) -> object:
    return understand(text, names={}, asker_id=None, newest=NOW).span


def disguised(text: str) -> Iterator[str]:
    """The text with one letter, wherever it stands, written as each of its twins."""
    for letter, twin in TWINS:
        if letter in text:
            yield text.replace(letter, twin)


@pytest.mark.parametrize(("letter", "twin"), TWINS)
def test_a_sign_is_the_letter_that_it_matched(letter: str, twin: str) -> None:
    assert as_matched(twin) == letter


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((asked, text) for text in ("what was said six weeks ago", "what was said this month", "on 3 sept 2024")),
    ],
)
def test_words_are_read_as_they_match(read: Callable[[str], object], text: str) -> None:
    assert read(text)
    for other in disguised(text):
        assert read(other) == read(text)


@pytest.mark.parametrize("text", ["Kſ12 1234 5678 9012 3456 7890 12", "de\u0661\u0662 1234 5678 9012 3456 7890 12"])
def test_what_only_looks_like_an_account_number_is_left_as_it_is(text: str) -> None:
    assert text in SecretFinder().redact(f"about {text} then")
