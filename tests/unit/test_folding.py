"""Letters that patterns without regard to case take for others: what is read of a word is the same with them."""

from __future__ import annotations

import pytest

from bot.text import SecretFinder


@pytest.mark.parametrize("text", ["Kſ12 1234 5678 9012 3456 7890 12", "de\u0661\u0662 1234 5678 9012 3456 7890 12"])
def test_what_only_looks_like_an_account_number_is_left_as_it_is(text: str) -> None:
    assert text in SecretFinder().redact(f"about {text} then")
