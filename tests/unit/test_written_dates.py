"""Days that are told by half beside other dates: the month that is meant, or none at all."""

from __future__ import annotations

from datetime import date

import pytest

from bot.text.calendar_dates import ToldDays
from bot.text.written_dates import with_written_dates

OCTOBER_14 = date(2026, 10, 14)


def written(text: str, language: str, said: date = OCTOBER_14) -> str:
    return with_written_dates(text, [ToldDays(text, said, (language,))], language)


@pytest.mark.parametrize(
    ("language", "text", "dated"),
    [
        ("english", "The November meeting is on the 20th.", "the 20th (20 November 2026)."),
        ("english", "It moves to 22 November, the church is taken on the 21st.", "the 21st (21 November 2026)."),
        ("english", "It is between the 20th and the 22nd of November.", "the 20th (20 November 2026) and"),
        ("german", "Das Konzert ist am 22. statt am 21. November.", "am 22. November 2026 statt am 21. November 2026."),
        ("german", "Konzert am 22. November, Aufbau am 21.", "Aufbau am 21. November 2026"),
        ("french", "La réunion de novembre est le 20.", "le 20 novembre 2026."),
        ("spanish", "La reunión de noviembre es el 20.", "el 20 de noviembre de 2026."),
    ],
)
def test_a_bare_day_is_of_the_one_month_that_is_told_with_it(language: str, text: str, dated: str) -> None:
    assert dated in written(text, language)


@pytest.mark.parametrize(
    ("language", "text", "bare"),
    [
        ("english", "In December the meeting is on the 3rd.", "on the 3rd."),
        ("german", "Aufbau am 23. für die Feier im Dezember.", "am 23. für"),
        ("english", "After 3 October and before 5 November we meet on the 28th.", "on the 28th."),
        ("english", "In March we met on the 20th.", "on the 20th."),
    ],
)
def test_a_bare_day_beside_a_far_month_or_several_is_left_as_it_is(language: str, text: str, bare: str) -> None:
    assert bare in written(text, language)


def test_a_bare_day_with_no_month_beside_it_is_the_nearest_one() -> None:
    assert written("The meeting is on the 20th.", "english") == "The meeting is on the 20th (20 October 2026)."


@pytest.mark.parametrize(
    ("language", "text", "dated"),
    [
        ("french", "La réunion est le 25.", "La réunion est le 25 octobre 2026."),
        ("spanish", "La reunión es el 22.", "La reunión es el 22 de octubre de 2026."),
        ("german", "Die Probe ist am 25. im Saal.", "Die Probe ist am 25. Oktober 2026 im Saal."),
        ("english", "It begins on 26 August.", "It begins on 26 August 2026."),
        ("english", "It begins on October 20th.", "It begins on October 20th, 2026."),
    ],
)
def test_a_date_ends_as_its_language_writes_it(language: str, text: str, dated: str) -> None:
    assert written(text, language) == dated


@pytest.mark.parametrize(
    ("language", "text", "dated"),
    [
        ("english", "It is next week.", "(19–25 October 2026)."),
        ("german", "Es ist nächste Woche.", "(19.–25. Oktober 2026)."),
    ],
)
def test_a_week_is_written_with_its_month_once(language: str, text: str, dated: str) -> None:
    assert dated in written(text, language)


def test_a_week_of_two_months_is_written_with_both() -> None:
    assert "(26 October 2026 – 1 November 2026)" in written("It is next week.", "english", date(2026, 10, 20))
