from datetime import date

import pytest

from bot.extraction.dates import with_dates

THURSDAY = date(2025, 1, 2)


@pytest.mark.parametrize(
    ("text", "dated"),
    [
        ("we meet tomorrow at 5", "we meet tomorrow (2025-01-03) at 5"),
        ("moved from last Friday to next Tuesday", "moved from last Friday (2024-12-27) to next Tuesday (2025-01-07)"),
        ("tomorrow's demo", "tomorrow's (2025-01-03) demo"),
        ("due on Thursday", "due on Thursday (2025-01-02)"),
        ("this friday works", "this friday (2025-01-03) works"),
        ("in two weeks", "in two weeks (2025-01-16)"),
        ("broke 3 days ago", "broke 3 days ago (2024-12-30)"),
        ("ships next week", "ships next week (2025-01-06 – 2025-01-12)"),
        ("übermorgen grillen", "übermorgen (2025-01-04) grillen"),
        ("明日会おう", "明日 (2025-01-03)会おう"),
    ],
)
def test_relative_times_get_their_date(text: str, dated: str) -> None:
    assert with_dates(text, THURSDAY) == dated


@pytest.mark.parametrize(
    "text",
    ["on Friday, June 3", "tomorrow (2025-01-03) at 5", "the Friday release", "tomorrow 2025-01-03"],
)
def test_what_has_a_date_or_needs_none_stays(text: str) -> None:
    assert with_dates(text, THURSDAY) == text
