"""The figures, times of day and days of a text, by value: what is read where, and what is left alone."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text import Clock, Day, Meaning, Number
from bot.text.figures import values_of
from bot.text.meanings import clock_of, date_of, day_of, figure_of

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def written(meaning: Meaning) -> str:
    """A meaning as the tables below have it: "8 €", "07:30|19:30", "Fri ?-9-25"."""
    if isinstance(meaning, Number):
        return f"{'|'.join(sorted(map(str, meaning.amounts)))} {meaning.unit}".strip()
    if isinstance(meaning, Clock):
        return "|".join(f"{minute // 60:02}:{minute % 60:02}" for minute in sorted(meaning.minutes))
    weekday = "" if meaning.weekday is None else f"{WEEKDAYS[meaning.weekday]} "
    return f"{weekday}{meaning.year or '?'}-{meaning.month or '?'}-{meaning.day or '?'}"


def values(text: str, language: str, *, heard: bool) -> str:
    return "; ".join(
        f"{text[value.start : value.end]} = {', '.join(map(written, value.meanings))}"
        for value in values_of(text, (language,), heard=heard)
    )


ALWAYS = {
    "english": r"""
8 pm -> 8 pm = 20:00
8pm -> 8pm = 20:00
630pm -> 630pm = 18:30
at 12:30 am -> 12:30 am = 00:30
7:30 -> 7:30 = 07:30|19:30
19.30 o'clock -> 19.30 o'clock = 19:30
7.30 p.m. -> 7.30 p.m. = 19:30
7.30 p.m -> 7.30 p.m = 19:30
13 pm -> 13 = 13
24:00 -> 24:00 = 00:00
25:00 -> 25 = 25; 00 = 0
7:61 -> 7 = 7; 61 = 61
07:30 -> 07:30 = 07:30
0:15 -> 0:15 = 00:15
12:00 -> 12:00 = 00:00|12:00
8 a.m. sharp -> 8 a.m. = 08:00
9h58 -> 9h58 = 09:58|21:58
9h5 -> 9h = 9 hour; 5 = 5
10 hours -> 10 hours = 10:00|22:00, 10 hour
2-3 pm -> 2 = 14:00; 3 pm = 15:00
2 hrs -> 2 hrs = 02:00|14:00, 2 hour
half past seven -> half past seven = 07:30|19:30
go past 7 -> 7 = 7
on October 8pm -> October = ?-10-?; 8pm = 20:00
1,2,3,4 -> 1 = 1; 2 = 2; 3 = 3; 4 = 4
31 of of of of June -> 31 = 31; June = ?-6-?
half past 7 -> half past 7 = 07:30|19:30
half past 100 -> 100 = 100
2026-09-25 -> 2026-09-25 = 2026-9-25
26-09-25 -> 26 = 26; 09 = 9; 25 = 25
2026-13-25 -> 2026 = 2026; 13 = 13; 25 = 25
2026-09 -> 2026 = 2026; 09 = 9
3/9/2026 -> 3/9/2026 = 2026-9-3, 2026-3-9
13/9/26 -> 13/9/26 = 2026-9-13
9/13/26 -> 9/13/26 = 2026-9-13
3/9 -> 3 = 3, ?-9-3, ?-3-9; 9 = 9, ?-9-3, ?-3-9
31/31 -> 31 = 31; 31 = 31
3.9. -> 3.9 = 3.9, ?-9-3
on Friday, 3.9. we -> Friday, 3.9. = Fri ?-9-3, 3.9
the 3.9. is -> 3.9. = ?-9-3, 3.9
3.9.2026 -> 3.9.2026 = 2026-9-3
3.9.26 -> 3.9.26 = 3.9.26, 2026-9-3
3.9.1850 -> 3.9.1850 = 3.9.1850
1.21.8 -> 1.21.8 = 1.21.8
01.02.03 -> 01.02.03 = 1.2.3, 2003-2-1
10.0.0.5:80 -> 10.0.0.5 = 10.0.0.5; 80 = 80
1.200.000 -> 1.200.000 = 1200000
3,14,15 -> 3 = 3; 14 = 14; 15 = 15
1:2:3 -> 1 = 1; 2 = 2; 3 = 3
1/2/3/4 -> 1 = 1; 2 = 2; 3 = 3; 4 = 4
1'000 -> 1'000 = 1000
20k -> 20k = 20000
5 km -> 5 km = 5 km
€ 5 -> 5 = 5
€5 -> 5 = 5 €
5 € -> 5 € = 5 €
5€ -> 5€ = 5 €
12 % -> 12 % = 12 %
12% of 3 -> 12% = 12 %; 3 = 3
2-3 days -> 2 = 2 day; 3 days = 3 day
2.-3. May -> 2 = ?-5-2; 3. May = ?-5-3
25 September 2026 -> 25 September 2026 = 2026-9-25
25th of September -> 25th of September = ?-9-25
the 25th -> 25th = ?-?-25, 25
the 25 -> 25 = 25
the 25th of 30 -> 25th = ?-?-25, 25; 30 = 30
the 25th is -> 25th = ?-?-25, 25
the 25th Reader -> 25th = 25
the 25th at 8 -> 25th = ?-?-25, 25; 8 = 8
the 3rd strike -> 3rd = 3
the 32nd -> 32nd = 32
12th of Sept, 2026 -> 12th of Sept, 2026 = 2026-9-12
14-16 Oct -> 14 = ?-10-14; 16 Oct = ?-10-16
14 and 16 October -> 14 = ?-10-14; 16 October = ?-10-16
14 to 16 October 2026 -> 14 = 2026-10-14; 16 October 2026 = 2026-10-16
30 February -> 30 February = ?-2-30
31 of of June -> 31 of of June = ?-6-31
31 of of of June -> 31 of of of June = ?-6-31
oct 14 -> oct 14 = ?-10-14
Oct 14 2026 -> Oct 14 2026 = 2026-10-14
October 14th, 2026 -> October 14th, 2026 = 2026-10-14
October 14, 1066 -> October 14 = ?-10-14; 1066 = 1066
October 2026 -> October 2026 = 2026-10-?
October of 2026 -> October of 2026 = 2026-10-?
October 14 pm -> October 14 = ?-10-14
October 14:30 -> October = ?-10-?; 14:30 = 14:30
may 5 -> may 5 = ?-5-5
in May -> May = ?-5-?
we march 5 -> march 5 = ?-3-5
Sunday 18 -> Sunday = Sun ?-?-?; 18 = Sun ?-?-18, 18
Sunday, the 18th -> Sunday = Sun ?-?-?; 18th = Sun ?-?-18, 18
Sunday 18th -> Sunday = Sun ?-?-?; 18th = Sun ?-?-18
Sundays -> Sundays = Sun ?-?-?
Sunday 18 May -> Sunday 18 May = Sun ?-5-18
Sunday 18 people -> Sunday = Sun ?-?-?; 18 = Sun ?-?-18, 18
Sunday 18:00 -> Sunday = Sun ?-?-?; 18:00 = 18:00
Saturday 22nd, 8pm -> Saturday = Sat ?-?-?; 22nd = Sat ?-?-22; 8pm = 20:00
sat 22 -> sat = Sat ?-?-?; 22 = Sat ?-?-22, 22
so 3 -> 3 = 3
mo 4 -> 4 = 4
twenty-two people -> twenty-two = 22
twenty two -> twenty two = 22
two hundred -> two hundred = 200
three thousand years -> three thousand years = 3000 year
ninety nine -> ninety nine = 99
ninety-ten -> ninety = 90; ten = 10
two weeks -> two weeks = 2 week
eleven pm -> eleven pm = 11, 23:00
seven o'clock -> seven o'clock = 7, 07:00|19:00
3rds -> 3 = 3
10 of us -> 10 = 10
5th -> 5th = 5
22 sept -> 22 sept = ?-9-22
0 -> 0 = 0
00 -> 00 = 0
1e5 -> 1e = 1; 5 = 5
2nd -> 2nd = 2
number 7. -> 7 = 7
""",
    "german": r"""
20 Uhr -> 20 Uhr = 20:00
um 8 am Montag -> 8 = 8; Montag = Mon ?-?-?
8am -> 8am = 08:00
19.30 Uhr -> 19.30 Uhr = 19:30
halb acht -> halb acht = 07:30|19:30
halb 8 -> halb 8 = 07:30|19:30
halb 1 -> halb 1 = 00:30
halb 13 -> halb 13 = 00:30|12:30
halb ->
3.9. -> 3.9 = 3.9, ?-9-3
am 3.9. um 8 -> 3.9. = ?-9-3, 3.9; 8 = 8
am 25. -> 25. = ?-?-25, 25
am 25. verschoben -> 25. = ?-?-25, 25
am 25. Haus -> 25 = 25
den 3. Versuch -> 3 = 3
dem 26. September 2026 -> 26. September 2026 = 2026-9-26
zum 3.10. bei -> 3.10. = ?-10-3, 3.10
vom 3. bis 5. Oktober -> 3 = ?-10-3; 5. Oktober = ?-10-5
zweiundzwanzig -> zweiundzwanzig = 22
einundzwanzig Tage -> einundzwanzig Tage = 21 day
neunzehnundzwanzig ->
undzwanzig ->
zehn -> zehn = 10
zwei von drei -> zwei = 2; drei = 3
hundert -> hundert = 100
zweihundert ->
zwei hundert -> zwei hundert = 200
so 3. Mai -> so 3. Mai = Sun ?-5-3
ab Mai 14 Euro -> Mai = ?-5-?; 14 Euro = 14 €
Freitag, 18.9., 12 Uhr -> Freitag, 18.9. = Fri ?-9-18, 18.9; 12 Uhr = 00:00|12:00
mi 3. -> mi = Wed ?-?-?; 3 = Wed ?-?-3, 3
2.–3. Mai -> 2 = ?-5-2; 3. Mai = ?-5-3
1.000 -> 1.000 = 1.000|1000
1.000,5 -> 1.000 = 1.000|1000; 5 = 5
5 Std -> 5 Std = 05:00|17:00, 5 hour
mittags ->
""",
    "french": r"""
9 h 58 -> 9 h 58 = 09:58|21:58
9 h 75 -> 9 h = 09:00|21:00, 9 hour; 75 = 75
9 h 5 -> 9 h = 09:00|21:00, 9 hour; 5 = 5
9h58 -> 9h58 = 09:58|21:58
18h30 -> 18h30 = 18:30
18 h -> 18 h = 18:00, 18 hour
le 1er octobre -> 1er octobre = ?-10-1
le 25 à 18h30 -> 25 = ?-?-25, 25; 18h30 = 18:30
le 25 à -> 25 = 25
le 25. -> 25 = ?-?-25, 25
le 25 pommes -> 25 = 25
vingt et un -> vingt et un = 21
soixante-dix -> soixante = 60; dix = 10
dix-sept -> dix-sept = 17
dix - onze -> dix = 10; onze = 11
mars 5 -> mars = ?-3-?; 5 = 5
samedi -> samedi = Sat ?-?-?
3 octobre de 2026 -> 3 octobre de 2026 = 2026-10-3
d'octobre 5 -> octobre = ?-10-?; 5 = 5
12 d'octobre -> 12 d'octobre = ?-10-12
quatre-vingt -> quatre = 4; vingt = 20
""",
    "spanish": r"""
el 25 de septiembre de 2026 -> 25 de septiembre de 2026 = 2026-9-25
el viernes 25 de septiembre -> viernes 25 de septiembre = Fri ?-9-25
el 25 a las 8 -> 25 = ?-?-25, 25; 8 = 8
el 25 a las nueve de 10 -> 25 = 25; nueve = 9; 10 = 10
del 3 al 5 de mayo -> 3 = ?-5-3; 5 de mayo = ?-5-5
3/10 -> 3 = 3, ?-10-3, ?-3-10; 10 = 10, ?-10-3, ?-3-10
veinte y dos -> veinte y dos = 22
treinta y dos -> treinta y dos = 32
treinta y doce -> treinta = 30; doce = 12
mil ->
dos mil -> dos mil = 2000
dos mil días -> dos mil días = 2000 day
las 18 h -> 18 h = 18:00, 18 hour
doce años -> doce años = 12 year
mayo de 2026 -> mayo de 2026 = 2026-5-?
lunes -> lunes = Mon ?-?-?
vie 25 -> vie = Fri ?-?-?; 25 = Fri ?-?-25, 25
""",
}
"""Language to lines: a text, and its values, whether it was said in a chat or has to be proved."""

HEARD = {
    "english": r"""
1,200 -> 1,200 = 1.200|1200 -> 1,200 = 1.200|1200; 1 = 1; 200 = 200
19.30 -> 19.30 = 19.30 -> 19.30 = 19.30, 19:30
1,20 -> 1,20 = 1.20 -> 1,20 = 1.20; 1 = 1; 20 = 20
1.5k -> 1.5k = 1500.0 -> 1.5k = 1500.0, ?-5-1
$1,200 -> 1,200 = 1.200|1200 $ -> 1,200 = 1.200|1200 $; 1 = 1; 200 = 200
the third ->  -> third = 3
the 25th and -> 25th = 25 -> 25th = ?-?-25, 25
in may ->  -> may = ?-5-?
May be ->  -> May = ?-5-?
March on ->  -> March = ?-3-?
sept ->  -> sept = ?-9-?
sun ->  -> sun = Sun ?-?-?
one ->  -> one = 1
a week ->  -> a week = 1 week
one week ->  -> one week = 1 week
first ->  -> first = 1
second ->  -> second = 2
noon ->  -> noon = 12:00
midnight ->  -> midnight = 00:00
0xdave ->  -> 0 = 0
may ->  -> may = ?-5-?
""",
    "german": r"""
Mi ->  -> Mi = Wed ?-?-?
1,5 kg -> 1,5 kg = 1.5 kg -> 1,5 kg = 1.5 kg; 1 = 1; 5 = 5
12,50 € -> 12,50 € = 12.50 € -> 12,50 € = 12.50 €; 12 = 12; 50 = 50
eine Woche ->  -> eine Woche = 1 week
ein Tag ->  -> ein Tag = 1 day
erste ->  -> erste = 1
mitternacht ->  -> mitternacht = 00:00
""",
    "french": r"""
sept -> sept = 7 -> sept = ?-9-?, 7
sept heures -> sept heures = 7 hour, 07:00|19:00 -> sept = ?-9-?, 7
en mars ->  -> mars = ?-3-?
neuf ->  -> neuf = 9
midi ->  -> midi = 12:00
premier ->  -> premier = 1
""",
    "spanish": r"""
7,50 € -> 7,50 € = 7.50 € -> 7,50 € = 7.50 €; 7 = 7; 50 = 50
el lun ->  -> lun = Mon ?-?-?
""",
}
"""The same with the values where the text has to be proved, and where it was said in a chat."""


def rows(table: dict[str, str]) -> list[tuple[str, ...]]:
    """Language and columns of each line."""
    return [
        (language, *(column.strip() for column in line.split("->")))
        for language, lines in table.items()
        for line in lines.strip().splitlines()
    ]


@pytest.mark.parametrize(("language", "text", "expected"), rows(ALWAYS))
def test_values_are_read_by_what_they_mean(language: str, text: str, expected: str) -> None:
    assert values(text, language, heard=False) == expected
    assert values(text, language, heard=True) == expected
    assert values(f"So: {text}", language, heard=False).endswith(expected)


@pytest.mark.parametrize(("language", "text", "proved", "heard"), rows(HEARD))
def test_in_a_chat_more_is_heard_than_a_text_that_has_to_be_proved_states(
    language: str, text: str, proved: str, heard: str
) -> None:
    assert values(text, language, heard=False) == proved
    assert values(text, language, heard=True) == heard


@given(st.integers(0, 30), st.integers(0, 70), st.sampled_from(["", "a", "p"]))
def test_times_of_day_are_read_on_a_clock_of_24_or_12_hours(hour: int, minute: int, half: str) -> None:
    clock = clock_of(str(hour), f"{minute:02}", half)
    if minute > 59 or hour > (12 if half else 24):
        assert clock is None
        return
    assert clock is not None
    assert clock_of(f"{hour:03}", f"{minute:02}", half) is clock_of(str(hour), f"{minute:03}", half) is None
    morning = hour % 12 * 60 + minute
    evening = morning + 12 * 60
    if half or not 0 < hour <= 12:
        assert clock.minutes == {evening if half == "p" or (not half and 12 < hour < 24) else morning}
    else:
        assert clock.minutes == {morning, evening}
        zero = clock_of(f"{hour:02}", f"{minute:02}", "")
        assert zero is not None
        assert zero.minutes == ({hour * 60 + minute} if hour < 10 else {morning, evening})


def test_what_the_calendar_has_not_is_no_date() -> None:
    assert [day for day in range(100) if day_of(str(day))] == list(range(1, 32))
    assert day_of("012") is None
    assert [month for month in range(20) if date_of("5", str(month))] == list(range(1, 13))
    assert date_of("5", "012") is date_of("32", "1") is date_of("5", "6", "1899") is date_of("5", "6", "2100") is None
    assert date_of("31", "12", "2099") == Day(year=2099, month=12, day=31)
    assert date_of("1", "1", "1900") == Day(year=1900, month=1, day=1)


@pytest.mark.parametrize(
    ("parts", "sign", "amounts"),
    [
        (["1", "000"], ".", {Decimal(1000), Decimal("1.000")}),
        (["1", "00"], ",", {Decimal("1.00")}),
        (["1000", "000"], ".", {Decimal("1000.000")}),
        (["1", "000", "000"], ".", {Decimal(1_000_000)}),
        (["1", "000"], "'", {Decimal(1000)}),
        (["1", "21", "08"], ".", {"1.21.8"}),
        (["0", "00", "0"], ".", {"0.0.0"}),
    ],
)
def test_a_sign_in_a_figure_divides_thousands_whole_and_part_or_a_version(
    parts: list[str], sign: str, amounts: set[Decimal | str]
) -> None:
    assert figure_of(parts, sign).amounts == amounts


def test_amounts_agree_in_units_that_are_counted_in_each_other() -> None:
    two_weeks, fourteen_days = Number(frozenset({Decimal(2)}), "week"), Number(frozenset({Decimal(14)}), "day")
    assert two_weeks.agrees(fourteen_days)
    assert two_weeks.agrees(Number(frozenset({Decimal(2), Decimal(3)})))
    assert not two_weeks.agrees(Number(frozenset({Decimal(2)}), "day"))
    assert not two_weeks.agrees(Number(frozenset({Decimal(2)}), "€"))
    assert not Number(frozenset({"1.21.8"}), "day").seconds
    assert Number(frozenset({Decimal(2), "1.2.3"})).times(1000).amounts == {Decimal(2000), "1.2.3"}
    assert Clock(frozenset({1, 2})).agrees(Clock(frozenset({2})))
    assert not Clock(frozenset({1})).agrees(Clock(frozenset({2})))
