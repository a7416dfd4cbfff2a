"""The estimate of tokens errs on the safe side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.base import estimate_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        # as Qwen2.5's vocabulary counts them
        ("", 0),
        ("we moved the meeting to Friday", 6),
        ("Let's use PostgreSQL 16 instead of MySQL.", 11),
        ("https://example.org/a1b2c3d4e5f6?x=1&y=2", 24),
        ("def f(x):\n    return x ** 2", 10),
        ("1763900000000123456", 19),
        ("Давайте встретимся в пятницу", 11),
        ("明日の会議は金曜日に変更されました", 11),
        ("नमस्ते, कल मिलते हैं", 18),
        ("👍🏽🎉", 3),
    ],
)
def test_not_below_what_a_model_counts(text: str, tokens: int) -> None:
    assert tokens <= estimate_tokens(text) <= 3.5 * tokens


@given(st.text(), st.text())
def test_joining_texts_needs_no_more_room_than_both(one: str, other: str) -> None:
    assert estimate_tokens(f"{one}\n{other}") <= estimate_tokens(one) + estimate_tokens(other) + 1


def test_room_grows_with_the_text() -> None:
    assert estimate_tokens("word " * 1000) == 1000
