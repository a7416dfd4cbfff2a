"""Which days a statement tells, counted from the day on which it was said."""

from __future__ import annotations

from datetime import date

import pytest

from bot.text.appointments import Appointment, appointments

SAID = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("The open day moves to Sunday 21 June 2026 at 14:00.", ["2026-06-21 840"]),
        ("The fair is from 21 to 23 June 2026, 10 am to 4 pm.", ["2026-06-21 600", "2026-06-23 600"]),
        ("<@12> writes the changelog of release 2.1 tomorrow.", ["2026-12-02 -1"]),
        ("Release 2.1 goes out on Friday 4 December.", ["2026-12-04 -1"]),
        ("It is on 21 June 2026, because the fair is on 14 June 2026.", ["2026-06-21 -1", "2026-06-14 -1"]),
        ("Meet at 7:30 on 4 December 2026.", ["2026-12-04 -1"]),  # in the morning or in the evening
        ("La fête est le samedi 12 décembre 2026 à 18h30.", ["2026-12-12 1110"]),
        ("Anna bringt die Tische am 5. Januar.", ["2027-01-05 -1"]),
        ("They paint next week.", ["2026-12-07 to 2026-12-13 -1"]),
        ("The key is under the mat of room 4.", []),
        ("They meet next Friday.", []),  # the very next, or the one of the coming week
        ("They paint in May 2027.", []),
        ("Version 1.2.3 comes on 31.02.2027.", []),
        ("Photos: https://example.org/2026-12-24/list", []),
    ],
)
def test_days_are_those_that_are_surely_meant(text: str, days: list[str]) -> None:
    assert [_written(each) for each in appointments(text, SAID)] == days


def _written(each: Appointment) -> str:
    last = f" to {each.last}" if each.last != each.first else ""
    return f"{each.first}{last} {each.minutes}"
