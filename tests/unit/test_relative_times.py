"""Days that are told by half, counted from the day on which they were said; 17 September 2026 is a Thursday."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.calendar_dates import RelativeTime, ToldDays, occurrences, relative_times_of, tells
from bot.text.meanings import Day

THURSDAY = date(2026, 9, 17)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def written(text: str, time: RelativeTime) -> str:
    """A time as the tables below have it: first and last day, other days, "?" for one that may be part of another."""
    first, last = (str(day).removeprefix("2026-") for day in (time.first, time.last))
    others = ", ".join(str(day).removeprefix("2026-") for day in time.others)
    days = (first if first == last else f"{first}–{last}") + (f" or {others}" if others else "")
    return f"{text[time.start : time.end]} = {days}{'' if time.sure else ' ?'}"


def times(text: str, language: str, on: date = THURSDAY) -> str:
    return "; ".join(written(text, time) for time in relative_times_of(text, on, (language,)))


SAID_ON_THURSDAY = {
    "english": r"""
today -> today = 09-17
tonight -> tonight = 09-17
tomorrow morning -> tomorrow morning = 09-18
the day after tomorrow -> the day after tomorrow = 09-19
day before yesterday evening -> day before yesterday evening = 09-15
yesterday -> yesterday = 09-16
last night -> last night = 09-16
next Friday -> next Friday = 09-25 or 09-18
next Thursday -> next Thursday = 09-24 or 09-24
next Monday -> next Monday = 09-21 or 09-21
this Thursday -> this Thursday = 09-17
this Wednesday -> this Wednesday = 09-23
coming Thursday -> coming Thursday = 09-24
coming Friday -> coming Friday = 09-18
last Thursday -> last Thursday = 09-10
last Friday -> last Friday = 09-11
last Wednesday -> last Wednesday = 09-16
next fri -> next fri = 09-25 or 09-18
Friday next week -> Friday next week = 09-25
Friday of next week -> Friday of next week = 09-25
next week on Friday -> next week on Friday = 09-25
next week, Friday -> next week, Friday = 09-25
last week Monday -> last week Monday = 09-07
Monday this week -> Monday this week = 09-14
next month Friday -> next month = 10-01–10-31 ?
next week -> next week = 09-21–09-27
this week -> this week = 09-14–09-20
last week -> last week = 09-07–09-13
this weekend -> this weekend = 09-19–09-20
next weekend -> next weekend = 09-26–09-27
last month -> last month = 08-01–08-31
this month -> this month = 09-01–09-30
next month -> next month = 10-01–10-31
next year -> next year = 2027-01-01–2027-12-31
last year -> last year = 2025-01-01–2025-12-31
this year -> this year = 01-01–12-31
in two weeks -> in two weeks = 10-01
in 3 days -> in 3 days = 09-20
in 1000 days ->
in a day -> in a day = 09-18
in 100 days -> in 100 days = 12-26
Friday maybe in two weeks -> in two weeks = 10-01 ?
Friday maybe again in two weeks -> in two weeks = 10-01 ?
Friday maybe again later in two weeks -> in two weeks = 10-01
in two weeks maybe again Friday -> in two weeks = 10-01 ?
in two weeks maybe again later Friday -> in two weeks = 10-01
tomorrow the whole day -> tomorrow = 09-18 ?
in two months -> in two months = 11-01–11-30 ?
three months ago -> three months ago = 06-01–06-30
a year ago -> a year ago = 2025-01-01–2025-12-31
twice in a year -> in a year = 2027-01-01–2027-12-31 ?
previous month -> previous month = 08-01–08-31
in 12000 years ->
two weeks ago -> two weeks ago = 09-03
3 days ago -> 3 days ago = 09-14
3 days ->
in week ->
on Friday in two weeks -> in two weeks = 10-01 ?
in two weeks on Friday -> in two weeks = 10-01 ?
Friday, in two weeks -> in two weeks = 10-01
Friday or in two weeks -> in two weeks = 10-01
tomorrow in 3 days -> tomorrow = 09-18 ?; in 3 days = 09-20 ?
in 3 days at the end of the month -> in 3 days = 09-20
tomorrow, 3 -> tomorrow = 09-18
next 5 ->
the morning ->
In three weeks -> In three weeks = 10-08
""",
    "german": r"""
heute -> heute = 09-17
morgen -> morgen = 09-18
Morgen -> Morgen = 09-18
jeden morgen ->
den Morgen ->
wir Morgen ->
am morgen ->
heute Abend -> heute Abend = 09-17
übermorgen -> übermorgen = 09-19
vorgestern -> vorgestern = 09-15
nächsten Freitag -> nächsten Freitag = 09-25 or 09-18
kommenden Montag -> kommenden Montag = 09-21
diesen Donnerstag -> diesen Donnerstag = 09-17
letzten Mittwoch -> letzten Mittwoch = 09-16
Freitag nächster Woche -> Freitag nächster Woche = 09-25
nächste Woche am Freitag -> nächste Woche am Freitag = 09-25
nächsten fr -> nächsten fr = 09-25 or 09-18
letzte Woche -> letzte Woche = 09-07–09-13
nächsten Monat -> nächsten Monat = 10-01–10-31
letztes Jahr -> letztes Jahr = 2025-01-01–2025-12-31
in zwei Wochen -> in zwei Wochen = 10-01
vor 3 Tagen -> vor 3 Tagen = 09-14
vor zwei Wochen -> vor zwei Wochen = 09-03
vor zwei Monaten -> vor zwei Monaten = 07-01–07-31
vor einem Jahr -> vor einem Jahr = 2025-01-01–2025-12-31
in drei Monaten -> in drei Monaten = 12-01–12-31 ?
vorige Woche -> vorige Woche = 09-07–09-13
vorigen Monat -> vorigen Monat = 08-01–08-31
vergangenes Jahr -> vergangenes Jahr = 2025-01-01–2025-12-31
kommendes Jahr -> kommendes Jahr = 2027-01-01–2027-12-31
in diesem Monat -> diesem Monat = 09-01–09-30
im nächsten Monat -> nächsten Monat = 10-01–10-31
vor Montag ->
""",
    "french": r"""
aujourd'hui -> aujourd'hui = 09-17
aujourd’hui -> aujourd’hui = 09-17
demain matin -> demain matin = 09-18
après-demain -> après-demain = 09-19
après demain -> après demain = 09-19
avant-hier -> avant-hier = 09-15
avant hier -> avant hier = 09-15
hier soir -> hier soir = 09-16
ce soir -> ce soir = 09-17
lundi prochain -> lundi prochain = 09-21
la semaine prochaine -> semaine prochaine = 09-21–09-27
le mois dernier -> mois dernier = 08-01–08-31
vendredi dernier -> vendredi dernier = 09-11
dans 3 jours -> dans 3 jours = 09-20
il y a 2 jours -> il y a 2 jours = 09-15
il y a deux semaines -> il y a deux semaines = 09-03
samedi ce ->
l'an dernier -> an dernier = 2025-01-01–2025-12-31
l'année dernière -> année dernière = 2025-01-01–2025-12-31
le mois prochain -> mois prochain = 10-01–10-31
le mois passé -> mois passé = 08-01–08-31
la semaine passée -> semaine passée = 09-07–09-13
cette année -> cette année = 01-01–12-31
il y a deux mois -> il y a deux mois = 07-01–07-31
il y a un an -> il y a un an = 2025-01-01–2025-12-31
dans deux mois -> dans deux mois = 11-01–11-30
""",
    "spanish": r"""
hoy -> hoy = 09-17
mañana -> mañana = 09-18
la mañana ->
cada mañana ->
pasado mañana -> pasado mañana = 09-19
ayer -> ayer = 09-16
anteayer -> anteayer = 09-15
esta noche -> esta noche = 09-17
el próximo lunes -> próximo lunes = 09-21
lunes próximo -> lunes próximo = 09-21
el lunes que viene -> lunes que viene = 09-21
la semana que viene -> semana que viene = 09-21–09-27
el mes pasado -> mes pasado = 08-01–08-31
dentro de dos semanas -> dentro de dos semanas = 10-01
en 3 días -> en 3 días = 09-20
hace 2 días -> hace 2 días = 09-15
hace dos semanas -> hace dos semanas = 09-03
el mes que viene -> mes que viene = 10-01–10-31
el año que viene -> año que viene = 2027-01-01–2027-12-31
el próximo mes -> próximo mes = 10-01–10-31
el año pasado -> año pasado = 2025-01-01–2025-12-31
la semana pasada -> semana pasada = 09-07–09-13
este mes -> este mes = 09-01–09-30
el mes anterior -> mes anterior = 08-01–08-31
hace dos meses -> hace dos meses = 07-01–07-31
hace un año -> hace un año = 2025-01-01–2025-12-31
dentro de dos meses -> dentro de dos meses = 11-01–11-30
""",
}
"""Language to lines: a text, and the times in it."""

SAID_ON_OTHER_DAYS = """
2026-09-20 -> next Friday -> next Friday = 09-25 or 09-25
2026-09-20 -> next Monday -> next Monday = 09-21 or 09-21
2026-09-20 -> last Sunday -> last Sunday = 09-13
2026-09-20 -> this Monday -> this Monday = 09-21
2026-09-20 -> coming Sunday -> coming Sunday = 09-27
2026-09-20 -> next week -> next week = 09-21–09-27
2026-09-20 -> last week -> last week = 09-07–09-13
2026-09-20 -> this weekend -> this weekend = 09-19–09-20
2026-09-20 -> next month -> next month = 10-01–10-31
2026-09-20 -> last month -> last month = 08-01–08-31
2026-09-20 -> next year -> next year = 2027-01-01–2027-12-31
2026-09-20 -> last year -> last year = 2025-01-01–2025-12-31
2026-09-20 -> in two weeks -> in two weeks = 10-04
2026-09-20 -> two weeks ago -> two weeks ago = 09-06
2026-09-20 -> Friday next week -> Friday next week = 09-25
2026-09-14 -> next Friday -> next Friday = 09-25 or 09-18
2026-09-14 -> next Monday -> next Monday = 09-21 or 09-21
2026-09-14 -> last Sunday -> last Sunday = 09-13
2026-09-14 -> this Monday -> this Monday = 09-14
2026-09-14 -> coming Sunday -> coming Sunday = 09-20
2026-09-14 -> next week -> next week = 09-21–09-27
2026-09-14 -> last week -> last week = 09-07–09-13
2026-09-14 -> this weekend -> this weekend = 09-19–09-20
2026-09-14 -> next month -> next month = 10-01–10-31
2026-09-14 -> last month -> last month = 08-01–08-31
2026-09-14 -> next year -> next year = 2027-01-01–2027-12-31
2026-09-14 -> last year -> last year = 2025-01-01–2025-12-31
2026-09-14 -> in two weeks -> in two weeks = 09-28
2026-09-14 -> two weeks ago -> two weeks ago = 08-31
2026-09-14 -> Friday next week -> Friday next week = 09-25
2026-01-31 -> next Friday -> next Friday = 02-06 or 02-06
2026-01-31 -> next Monday -> next Monday = 02-02 or 02-02
2026-01-31 -> last Sunday -> last Sunday = 01-25
2026-01-31 -> this Monday -> this Monday = 02-02
2026-01-31 -> coming Sunday -> coming Sunday = 02-01
2026-01-31 -> next week -> next week = 02-02–02-08
2026-01-31 -> last week -> last week = 01-19–01-25
2026-01-31 -> this weekend -> this weekend = 01-31–02-01
2026-01-31 -> next month -> next month = 02-01–02-28
2026-01-31 -> last month -> last month = 2025-12-01–2025-12-31
2026-01-31 -> next year -> next year = 2027-01-01–2027-12-31
2026-01-31 -> last year -> last year = 2025-01-01–2025-12-31
2026-01-31 -> in two weeks -> in two weeks = 02-14
2026-01-31 -> two weeks ago -> two weeks ago = 01-17
2026-01-31 -> Friday next week -> Friday next week = 02-06
2026-12-15 -> next Friday -> next Friday = 12-25 or 12-18
2026-12-15 -> next Monday -> next Monday = 12-21 or 12-21
2026-12-15 -> last Sunday -> last Sunday = 12-13
2026-12-15 -> this Monday -> this Monday = 12-21
2026-12-15 -> coming Sunday -> coming Sunday = 12-20
2026-12-15 -> next week -> next week = 12-21–12-27
2026-12-15 -> last week -> last week = 12-07–12-13
2026-12-15 -> this weekend -> this weekend = 12-19–12-20
2026-12-15 -> next month -> next month = 2027-01-01–2027-01-31
2026-12-15 -> last month -> last month = 11-01–11-30
2026-12-15 -> next year -> next year = 2027-01-01–2027-12-31
2026-12-15 -> last year -> last year = 2025-01-01–2025-12-31
2026-12-15 -> in two weeks -> in two weeks = 12-29
2026-12-15 -> two weeks ago -> two weeks ago = 12-01
2026-12-15 -> Friday next week -> Friday next week = 12-25
0001-01-03 -> next Friday -> next Friday = 0001-01-12 or 0001-01-05
0001-01-03 -> next Monday -> next Monday = 0001-01-08 or 0001-01-08
0001-01-03 -> last Sunday ->
0001-01-03 -> this Monday -> this Monday = 0001-01-08
0001-01-03 -> coming Sunday -> coming Sunday = 0001-01-07
0001-01-03 -> next week -> next week = 0001-01-08–0001-01-14
0001-01-03 -> last week ->
0001-01-03 -> this weekend -> this weekend = 0001-01-06–0001-01-07
0001-01-03 -> next month -> next month = 0001-02-01–0001-02-28
0001-01-03 -> last month ->
0001-01-03 -> next year -> next year = 0002-01-01–0002-12-31
0001-01-03 -> last year ->
0001-01-03 -> in two weeks -> in two weeks = 0001-01-17
0001-01-03 -> two weeks ago ->
0001-01-03 -> Friday next week -> Friday next week = 0001-01-12
9999-12-30 -> next Friday ->
9999-12-30 -> next Monday ->
9999-12-30 -> last Sunday -> last Sunday = 9999-12-26
9999-12-30 -> this Monday ->
9999-12-30 -> coming Sunday ->
9999-12-30 -> next week ->
9999-12-30 -> last week -> last week = 9999-12-20–9999-12-26
9999-12-30 -> this weekend ->
9999-12-30 -> next month ->
9999-12-30 -> last month -> last month = 9999-11-01–9999-11-30
9999-12-30 -> next year ->
9999-12-30 -> last year -> last year = 9998-01-01–9998-12-31
9999-12-30 -> in two weeks ->
9999-12-30 -> two weeks ago -> two weeks ago = 9999-12-16
9999-12-30 -> Friday next week ->
"""


@pytest.mark.parametrize(
    ("language", "line"),
    [(language, line) for language, lines in SAID_ON_THURSDAY.items() for line in lines.strip().splitlines()],
)
def test_times_are_counted_from_when_they_were_said(language: str, line: str) -> None:
    text, expected = (column.strip() for column in line.split("->"))
    assert times(text, language) == expected
    padded = f"({text})"
    assert times(padded, language) == expected


@pytest.mark.parametrize("line", SAID_ON_OTHER_DAYS.strip().splitlines())
def test_also_around_the_turn_of_weeks_months_and_years_and_at_both_ends_of_the_calendar(line: str) -> None:
    on, text, expected = (column.strip() for column in line.split("->"))
    assert times(text, "english", date.fromisoformat(on)) == expected


DATES = """
17 -> 2026-09-17 2026-08-17
20 -> 2026-09-20 2026-08-20
3 -> 2026-10-03 2026-09-03
31 -> 2026-10-31 2026-08-31
Thu -> 2026-09-17 2026-09-10
Mon -> 2026-09-21 2026-09-14
Fri -> 2026-09-18 2026-09-11
9-17 -> 2026-09-17
10-14 -> 2026-10-14
2-28 -> 2027-02-28
3-1 -> 2027-03-01 2026-03-01
2-29 ->
7-14 -> 2026-07-14 2027-07-14
7-10 -> 2026-07-10 2027-07-10
Sun 20 -> 2026-09-20 2026-12-20 2027-06-20
Mon 20 -> 2026-07-20 2026-04-20
Thu 17 -> 2026-09-17 2026-12-17 2027-06-17
2026-2-29 ->
2025-5-1 -> 2025-05-01
2027-?-5 -> 2027-01-05
2026-?-16 -> 2026-09-16 2026-10-16
Thu 9-17 -> 2026-09-17
Wed 9-16 -> 2026-09-16
Wed 9-17 ->
9-? ->
Wed 2026-9-17 ->
11-30 -> 2026-11-30
12-1 -> 2026-12-01
7-13 -> 2026-07-13 2027-07-13
7-15 -> 2026-07-15
3-2 -> 2027-03-02 2026-03-02
2-27 -> 2027-02-27
"""


def day_of(text: str) -> Day:
    """A day as the table has it: "Sun 20", "9-17", "2027-?-5"."""
    *weekday, parts = text.split() if " " in text or text[0].isdigit() else (text, "?")
    year, month, day = ["?"] * (2 - parts.count("-")) + parts.split("-")
    known = {
        name: int(part) for name, part in zip(("year", "month", "day"), (year, month, day), strict=True) if part != "?"
    }
    return Day(**known, weekday=WEEKDAYS.index(weekday[0]) if weekday else None)


@pytest.mark.parametrize("line", DATES.strip().splitlines())
def test_a_day_told_by_half_may_be_these_dates_the_likeliest_first(line: str) -> None:
    told, _, dates = line.partition("->")
    assert [str(each) for each in occurrences(day_of(told.strip()), THURSDAY)] == dates.split()


@given(st.dates(), st.integers(0, 6))
def test_a_weekday_is_the_nearest_one_of_both_sides(on: date, weekday: int) -> None:
    dates = occurrences(Day(weekday=weekday), on)
    assert all(each.weekday() == weekday and -7 <= (each - on).days < 7 for each in dates)
    if timedelta(7) < on - date.min and timedelta(7) < date.max - on:
        assert len(dates) == 2


@pytest.mark.parametrize(
    ("phrase", "rough", "days"),
    [("next week", True, 7), ("in two weeks", True, 1), ("next month", False, 0), ("next friday", False, 2)],
)
def test_weeks_are_told_roughly_and_months_name_no_days(phrase: str, rough: bool, days: int) -> None:
    (time,) = relative_times_of(phrase, THURSDAY, ("english",))
    assert time.phrase == phrase
    assert time.is_rough == rough
    assert len(time.days) == days
    assert {time.first, time.last} <= time.days or days == 0


@pytest.mark.parametrize(
    ("line", "told", "untold"),
    [
        ("we meet on the 25th", "25; 9-25; Fri 9-25; 2026-9-25", "10-25; Thu 25; 2027-9-25; 26; 2025-9-25"),
        ("exam oct 14", "10-14; Wed 10-14; 10-?; 2026-10-14; 14", "10-15; Thu 10-14; 2027-10-14; 11-?"),
        ("raid next friday", "9-25; 9-18; Fri; 9-17; 9-?; Fri 9-18", "9-24; Thu 10-1; Sat; 10-?; Fri 10-2"),
        ("see you tomorrow", "9-18; Fri 9-18; Fri; 18; 2026-9-18; 9-17", "9-19; Thu 9-18; 2027-9-18; Sat"),
        ("it was last year", "2025-?-?", "2024-?-?; 2026-?-?; 2025-1-?; 12-?"),
        ("it was this year", "2026-?-?", "2025-?-?"),
        ("it was in october 2024", "2024-10-?; 10-?", "2023-10-?"),
        ("until the end of the month", "8-?; 9-?; 10-?", "7-?; 11-?"),
        ("14 then", "14; 9-14; 10-14", "15; 9-15"),
        ("on 30 february", "2-30; 30", "2-28; Mon 2-30"),
        ("we left in march 2024 on the 3rd", "3-3; 3; 2024-3-?", "2022-3-3; 4-3"),
        ("next month", "10-?; 2026-10-?; 9-17", "7-?; 10-18; 8-?; 9-?; 2026-9-?; 2026-11-?; 2025-10-?"),
        ("in nine months", "6-?; 2027-6-?", "2026-6-?; 7-?; 9-?"),
        ("eleven months ago", "10-?; 2025-10-?", "2024-10-?; 9-?"),
        ("next month, or by the end of the month", "10-?; 9-?; 8-?", "7-?"),
    ],
)
def test_a_day_is_told_where_its_parts_stand_or_follow(line: str, told: str, untold: str) -> None:
    lines = [ToldDays(line, THURSDAY, ("english",))]
    assert [day for day in told.split("; ") if not tells(lines, day_of(day))] == []
    assert [day for day in untold.split("; ") if tells(lines, day_of(day))] == []


def test_months_beside_the_one_of_the_line_wrap_around_the_year() -> None:
    for month, before, after in [(1, 12, 2), (12, 11, 1), (6, 5, 7)]:
        line = ToldDays("by the end of the month", date(2026, month, 5), ("english",))
        assert line.months == {before, month, after}


def test_bare_figures_are_days_only_where_they_may_be() -> None:
    with_figures, without = (ToldDays("14 or 32", THURSDAY, ("english",), figures=figures) for figures in (True, False))
    assert with_figures.numbers == {14}
    assert not without.numbers
    assert not without.dates
