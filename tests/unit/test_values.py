from __future__ import annotations

from datetime import date

import pytest

from bot.text.values import DENIAL, all_said, denies_alike, values

FRIDAY = date(2025, 1, 3)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("two testers by June 3, 2025", ("2", "6/3", "2025")),
        ("am 3. Juni um 20 Uhr", ("6/3", "20:00")),
        ("March 14th at 7 PM", ("3/14", "19:00")),
        ("on 3 May 20:00", ("5/3", "20:00")),
        ("18h30 ou 12 am", ("18:30", "0:00")),
        ("金曜日の15時", ("weekday4", "15:00")),
        ("星期天 9点", ("weekday6", "9:00")),
        ("domingo, Sunday, Sonntag", ("weekday6",) * 3),
        ("v2.1 costs 262,000", ("2.1", "262000")),
        ("you may go once", ()),
    ],
)
def test_values_have_one_form_in_every_language_and_spelling(text: str, found: tuple[str, ...]) -> None:
    assert values(text) == found


@pytest.mark.parametrize(
    ("text", "said", "days"),
    [
        ("on 3 January 2025", "tomorrow", [FRIDAY]),
        ("on 2025-01-03, a Friday", "tomorrow", [FRIDAY]),
        ("at 20:00", "at 8 pm", []),
        ("at 8", "at 20:00", []),
        ("on 2025-06-03", "on June 3, 2025", []),
        ("in June", "on 03.06.2025", []),
        ("1 key", "one key", []),
        ("2 testers", "zwei Tester", []),
        ("between 2 and 3", "2-3 people", []),
    ],
)
def test_what_follows_from_what_was_said_is_said(text: str, said: str, days: list[date]) -> None:
    assert all_said(text, said, days)


@pytest.mark.parametrize(
    ("text", "said", "days"),
    [
        ("tomorrow at 3", "tomorrow", [FRIDAY]),
        ("release 1.2", "release 2.1", []),
        ("release 2", "release 2.1", []),
        ("three testers", "two testers", []),
        ("3 testers", "by June 3", []),
        ("on monday", "on friday", []),
        ("in July", "in June", []),
        ("at 21:00", "at 20:00", []),
        ("in March", "tomorrow", [date(2025, 1, 3)]),  # the third of January
    ],
)
def test_what_does_not_follow_is_not(text: str, said: str, days: list[date]) -> None:
    assert not all_said(text, said, days)


@pytest.mark.parametrize(
    ("text", "source", "alike"),
    [
        ("on Monday", "on Monday, not on Friday", True),
        ("on Friday", "on Monday, not on Friday", False),
        ("not on Monday", "on Monday, not on Friday", False),
        ("not on Friday", "on Monday, not on Friday", True),
        ("on Friday", "not Friday. But then: Friday!", True),
        ("not on Friday", "not Friday. But then: Friday!", True),
        ("on Tuesday", "on Monday, not on Friday", True),
        ("am 3. Juni um 20 Uhr", "nicht am 3. Juni", False),
        ("at 8 pm", "instead of 20:00 at nine", False),
    ],
)
def test_what_was_denied_is_not_stated_and_what_was_stated_is_not_denied(text: str, source: str, alike: bool) -> None:
    assert denies_alike(text, source) == alike


def test_a_denial_belongs_to_the_value_right_behind_it() -> None:
    assert denies_alike("on Friday", f"not {'so' * DENIAL} Friday")
    assert denies_alike("on Friday", "not Monday but Friday")


def test_month_and_day_of_a_date_do_not_stand_for_figures() -> None:
    assert all_said("in June", "by June 3", [])
    assert not all_said("6 people", "by June 3", [])
    assert not all_said("in March", "by June 3", [])
