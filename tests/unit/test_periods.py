"""Times that are named in questions and in options, in four languages; it is 14:00 on Monday, 30 November 2026."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.text.periods import periods_of, whole_period
from tests.fixtures.hostile import TEXTS

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 30, 14, tzinfo=BERLIN)


def day(moment: datetime) -> str:
    """A time as the tables have it: without the year that is meant most, and without midnight."""
    clock = f" {moment:%H:%M}" if (moment.hour, moment.minute) != (0, 0) else ""
    return f"{moment:%Y-%m-%d}".removeprefix("2026-") + clock


def read(text: str, now: datetime = MONDAY) -> str:
    """The times in a text: from when until when, "?" where one that comes may be meant, "-" for no time of its own."""
    return "; ".join(
        f"{'- ' if period.is_topic else ''}{day(period.first)}–{day(period.end)}{' ?' if period.ahead else ''}"
        for period in periods_of(text, now)
    )


QUESTIONS = {
    "english": """
What did we decide last week? -> 11-23–11-30
What did we talk about in the last two weeks? -> 11-16–11-30 14:00
What did Ann say last Tuesday? -> 11-24–11-25
What happened in June? -> 06-01–07-01
What happened in june 2025? -> 2025-06-01–2025-07-01
What did we buy yesterday? -> 11-29–11-30
What did we say since Friday? -> 11-27–11-30 14:00
What was decided between 3 and 5 May? -> 05-03–05-06
What did she write this morning? -> 11-30–11-30 12:00
What did we do last year? -> 2025-01-01–01-01
Who wrote on Monday? -> 11-23–11-24 ?
What did we say Friday? -> 11-27–11-28 ?
What happened 3 days ago? -> 11-27–11-28
What happened two weeks ago? -> 11-16–11-23
What happened six months ago? -> 05-01–06-01
What happened on 2026-05-03? -> 05-03–05-04
What happened on May 3rd, 2025? -> 2025-05-03–2025-05-04
What happened last night? -> 11-29 17:00–11-30 06:00
What happened in 2025? -> 2025-01-01–01-01
What did we say in the past 24 hours? -> 11-29 14:00–11-30 14:00
What did we say in the last few days? -> 11-23–11-30 14:00
What was said from Monday to Wednesday? -> 11-23–11-26 ?
What did we buy in early Sept? -> 09-01–10-01
What happened after 3 May? -> 05-04–11-30 14:00
What was planned before June? -> 2015-01-01–06-01
What did he say on May 3-5? -> 05-03–05-06
As of 3 May 2026, who leads? -> 2015-01-01–05-04
What did we say this week? -> 11-30–12-07
What happens in December? -> 2025-12-01–01-01 ?
What do we do next week? -> 12-07–12-14
What must be done by Friday? -> - 2015-01-01–11-28 ?
What about the notes for 3 May? -> - 05-03–05-04
What is the plan for Friday? ->
May I come in March or not? -> 03-01–04-01
May I come? ->
Is 3 enough? ->
Does version 3.5 work after a decade? ->
What happened on 31 February 2024? ->
How did it go after the race? ->
Who marched on, and what may be second? ->
""",
    "german": """
Was haben wir letzte Woche beschlossen? -> 11-23–11-30
Was haben wir vorige Woche beschlossen? -> 11-23–11-30
Was haben wir in den letzten zwei Wochen besprochen? -> 11-16–11-30 14:00
Was hat Ben letzten Dienstag gesagt? -> 11-24–11-25
Was hat Ben am Freitag gesagt? -> 11-27–11-28 ?
Was war im Juni? -> 06-01–07-01
Was war im Juni 2025? -> 2025-06-01–2025-07-01
Was haben wir gestern gekauft? -> 11-29–11-30
Was haben wir vorgestern gekauft? -> 11-28–11-29
Was war gestern Abend? -> 11-29 17:00–11-30
Was hat sie heute Morgen geschrieben? -> 11-30–11-30 12:00
Was hat sie heute früh geschrieben? -> 11-30–11-30 12:00
Was gab es seit Freitag? -> 11-27–11-30 14:00
Was wurde zwischen dem 3. und 5. Mai beschlossen? -> 05-03–05-06
Was wurde vom 3. bis 5. Mai gemacht? -> 05-03–05-06
Was wurde zwischen Montag und Mittwoch gesagt? -> 11-23–11-26 ?
Was gab es vor drei Tagen? -> 11-27–11-28
Was gab es vor zwei Wochen? -> 11-16–11-23
Was gab es vor einem Monat? -> 10-01–11-01
Was war letztes Jahr? -> 2025-01-01–01-01
Was war vorigen Monat? -> 10-01–11-01
Was war am 3.5.2024? -> 2024-05-03–2024-05-04
Was war am 3. Mai? -> 05-03–05-04
Was war Anfang Mai? -> 05-01–06-01
Was war letztes Wochenende? -> 11-28–11-30
Was kam in den letzten 24 Stunden? -> 11-29 14:00–11-30 14:00
Was ist vor Freitag zu tun? -> - 2015-01-01–11-27 ?
Was ist bis Freitag zu tun? -> - 2015-01-01–11-28 ?
Was ist hier los? ->
Guten Morgen, was gibt es? ->
""",
    "french": """
Qu'est-ce qu'on a décidé la semaine dernière ? -> 11-23–11-30
Qu'est-ce qu'on a décidé la semaine passée ? -> 11-23–11-30
Qu'a dit Ben mardi dernier ? -> 11-24–11-25
Qu'a-t-on dit vendredi ? -> 11-27–11-28 ?
Que s'est-il passé en juin ? -> 06-01–07-01
Que s'est-il passé en juin 2025 ? -> 2025-06-01–2025-07-01
Qu'a-t-on dit depuis vendredi ? -> 11-27–11-30 14:00
Qu'a-t-on fait entre le 3 et le 5 mai ? -> 05-03–05-06
Qu'a-t-on fait du 3 au 5 mai ? -> 05-03–05-06
Qu'a-t-elle écrit ce matin ? -> 11-30–11-30 12:00
Qu'a-t-elle écrit cet après-midi ? -> 11-30 12:00–11-30 18:00
Qu'a-t-on fait l'année dernière ? -> 2025-01-01–01-01
Qu'a-t-on fait l'an dernier ? -> 2025-01-01–01-01
Qu'a-t-on fait le mois dernier ? -> 10-01–11-01
Qu'a-t-on dit hier ? -> 11-29–11-30
Qu'a-t-on dit hier soir ? -> 11-29 17:00–11-30
Qu'a-t-on dit avant-hier ? -> 11-28–11-29
Qu'a-t-on dit ces deux dernières semaines ? -> 11-16–11-30 14:00
Qu'a-t-on dit les 3 derniers jours ? -> 11-27–11-30 14:00
Qu'a-t-on dit ces derniers jours ? -> 11-23–11-30 14:00
Qu'a-t-on dit il y a trois jours ? -> 11-27–11-28
Qu'a-t-on dit il y a deux semaines ? -> 11-16–11-23
Qu'a-t-on dit il y a un an ? -> 2025-01-01–01-01
Que s'est-il passé le 3 mai 2024 ? -> 2024-05-03–2024-05-04
Que s'est-il passé début mai ? -> 05-01–06-01
Que s'est-il passé en 2025 ? -> 2025-01-01–01-01
Qu'a-t-on dit avant juin ? -> 2015-01-01–06-01
Qui vient au parc et pourquoi ? ->
""",
    "spanish": """
¿Qué decidimos la semana pasada? -> 11-23–11-30
¿Qué dijo Ben el martes pasado? -> 11-24–11-25
¿Qué dijo Ben el viernes? -> 11-27–11-28 ?
¿Qué pasó en junio? -> 06-01–07-01
¿Qué pasó en junio de 2025? -> 2025-06-01–2025-07-01
¿Qué se dijo desde el viernes? -> 11-27–11-30 14:00
¿Qué hicimos entre el 3 y el 5 de mayo? -> 05-03–05-06
¿Qué hicimos del 3 al 5 de mayo? -> 05-03–05-06
¿Qué escribió esta mañana? -> 11-30–11-30 12:00
¿Qué escribió esta tarde? -> 11-30 12:00–11-30 18:00
¿Qué pasó el año pasado? -> 2025-01-01–01-01
¿Qué pasó el mes pasado? -> 10-01–11-01
¿Qué pasó ayer? -> 11-29–11-30
¿Qué pasó anteayer? -> 11-28–11-29
¿Qué pasó ayer por la tarde? -> 11-29 12:00–11-29 18:00
¿Qué pasó anoche? -> 11-29 17:00–11-30 06:00
¿Qué se dijo en las últimas dos semanas? -> 11-16–11-30 14:00
¿Qué se dijo en los últimos 3 días? -> 11-27–11-30 14:00
¿Qué se dijo en la última semana? -> 11-23–11-30 14:00
¿Qué pasó hace tres días? -> 11-27–11-28
¿Qué pasó hace dos semanas? -> 11-16–11-23
¿Qué pasó hace un mes? -> 10-01–11-01
¿Qué pasó el 3 de mayo de 2024? -> 2024-05-03–2024-05-04
¿Qué pasó a principios de mayo? -> 05-01–06-01
¿Qué pasó en 2025? -> 2025-01-01–01-01
¿Qué se dijo antes de junio? -> 2015-01-01–06-01
¿Quién viene y por qué? ->
""",
}
"""Language to lines: a question, and the times in it."""

OPTIONS = {
    "english": """
last week -> 11-23–11-30
this week -> 11-30–12-07
January -> 01-01–02-01
in June -> 06-01–07-01
may -> 05-01–06-01
5 May -> 05-05–05-06
May 3rd -> 05-03–05-04
Jan 5, 2026 -> 01-05–01-06
3/5/2026 -> 05-03–05-04
31/01/2026 -> 01-31–02-01
the 25th -> 11-25–11-26
2025 -> 2025-01-01–01-01
yesterday -> 11-29–11-30
yesterday 18:00 -> 11-29 18:00–11-29 18:00
today at 9am -> 11-30 09:00–11-30 09:00
10:30 -> 11-30 10:30–11-30 10:30
23:15 -> 11-29 23:15–11-29 23:15
since Monday -> 11-23–11-24
last weekend -> 11-28–11-30
3d -> 11-27 14:00–11-27 14:00
3 days ago -> 11-27 14:00–11-27 14:00
2 hours ago -> 11-30 12:00–11-30 12:00
last 3 days -> 11-27 14:00–11-30 14:00
past week -> 11-23 14:00–11-30 14:00
between 3 and 5 May -> 05-03–05-06
this morning -> 11-30–11-30 12:00
a year ago -> 2025-11-30 14:00–2025-11-30 14:00
soonish ->
the venue ->
5 ->
yesterday or so ->
""",
    "german": """
gestern -> 11-29–11-30
vorgestern -> 11-28–11-29
heute -> 11-30–12-01
heute früh -> 11-30–11-30 12:00
gestern Abend -> 11-29 17:00–11-30
gestern um 9 Uhr -> 11-29 09:00–11-29 09:00
vorige Woche -> 11-23–11-30
letzte Woche -> 11-23–11-30
letzten Monat -> 10-01–11-01
letztes Jahr -> 2025-01-01–01-01
diese Woche -> 11-30–12-07
Januar -> 01-01–02-01
im Juni -> 06-01–07-01
Montag -> 11-23–11-24
am Montag -> 11-23–11-24
seit Freitag -> 11-27–11-28
letzten Dienstag -> 11-24–11-25
31.01.2026 -> 01-31–02-01
31.1. -> 01-31–02-01
5. Januar -> 01-05–01-06
3 Tage -> 11-27 14:00–11-27 14:00
vor 3 Tagen -> 11-27 14:00–11-27 14:00
vor zwei Wochen -> 11-16 14:00–11-16 14:00
seit einer Woche -> 11-23 14:00–11-23 14:00
letzten 3 Tage -> 11-27 14:00–11-30 14:00
vom 3. bis 5. Mai -> 05-03–05-06
letztes Wochenende -> 11-28–11-30
irgendwann ->
""",
    "french": """
hier -> 11-29–11-30
avant-hier -> 11-28–11-29
aujourd'hui -> 11-30–12-01
ce matin -> 11-30–11-30 12:00
hier soir -> 11-29 17:00–11-30
hier à 18h -> 11-29 18:00–11-29 18:00
lundi -> 11-23–11-24
depuis lundi -> 11-23–11-24
mardi dernier -> 11-24–11-25
la semaine dernière -> 11-23–11-30
semaine passée -> 11-23–11-30
cette semaine -> 11-30–12-07
le mois dernier -> 10-01–11-01
l'année dernière -> 2025-01-01–01-01
janvier -> 01-01–02-01
en juin -> 06-01–07-01
février 2026 -> 02-01–03-01
le 5 janvier -> 01-05–01-06
1er mai 2025 -> 2025-05-01–2025-05-02
3 jours -> 11-27 14:00–11-27 14:00
depuis 3 jours -> 11-27 14:00–11-27 14:00
il y a 2 semaines -> 11-16 14:00–11-16 14:00
une semaine -> 11-23 14:00–11-23 14:00
les 3 derniers jours -> 11-27 14:00–11-30 14:00
dernières 24 heures -> 11-29 14:00–11-30 14:00
du 3 au 5 mai -> 05-03–05-06
bientôt ->
""",
    "spanish": """
ayer -> 11-29–11-30
anteayer -> 11-28–11-29
hoy -> 11-30–12-01
esta mañana -> 11-30–11-30 12:00
anoche -> 11-29 17:00–11-30 06:00
ayer a las 10:00 -> 11-29 10:00–11-29 10:00
el lunes -> 11-23–11-24
desde el lunes -> 11-23–11-24
lunes pasado -> 11-23–11-24
la semana pasada -> 11-23–11-30
esta semana -> 11-30–12-07
el mes pasado -> 10-01–11-01
el año pasado -> 2025-01-01–01-01
enero -> 01-01–02-01
en junio -> 06-01–07-01
setiembre de 2025 -> 2025-09-01–2025-10-01
el 5 de enero -> 01-05–01-06
5 de enero de 2026 -> 01-05–01-06
3 días -> 11-27 14:00–11-27 14:00
desde hace 3 días -> 11-27 14:00–11-27 14:00
hace 2 semanas -> 11-16 14:00–11-16 14:00
una semana -> 11-23 14:00–11-23 14:00
los últimos 3 días -> 11-27 14:00–11-30 14:00
últimas 24 horas -> 11-29 14:00–11-30 14:00
última semana -> 11-23 14:00–11-30 14:00
del 3 al 5 de mayo -> 05-03–05-06
pronto ->
""",
}
"""Language to lines: all of an option's text, and the time that it is."""


def rows(table: dict[str, str]) -> list[str]:
    return [line for lines in table.values() for line in lines.strip().splitlines()]


@pytest.mark.parametrize("line", rows(QUESTIONS))
def test_the_times_of_a_question_are_read(line: str) -> None:
    question, expected = (column.strip() for column in line.split("->"))
    assert read(question) == expected


@pytest.mark.parametrize("line", rows(OPTIONS))
def test_a_text_that_is_a_time_is_read_whole(line: str) -> None:
    text, expected = (column.strip() for column in line.split("->"))
    period = whole_period(text, MONDAY)
    assert (period and f"{day(period[0])}–{day(period[1])}") == (expected or None)
    assert whole_period(text.upper(), MONDAY) == period


@pytest.mark.parametrize(
    ("now", "text", "expected"),
    [
        ("2026-01-01 00:30", "What happened last month?", "2025-12-01–01-01"),
        ("2026-01-01 00:30", "What happened yesterday?", "2025-12-31–01-01"),
        ("2026-01-01 00:30", "What happened last week?", "2025-12-22–2025-12-29"),
        ("2026-01-01 00:30", "What happened this week?", "2025-12-29–01-05"),
        ("2026-01-01 00:30", "What happened last year?", "2025-01-01–01-01"),
        ("2026-01-01 00:30", "Was war im Dezember?", "2025-12-01–01-01"),
        ("2026-01-01 00:30", "What happened in January?", "01-01–02-01"),
        ("2026-01-01 00:30", "¿Qué pasó el mes pasado?", "2025-12-01–01-01"),
        ("2026-12-31 23:30", "What happened on 31 December?", "12-31–2027-01-01"),
        ("2026-12-31 23:30", "What happened in the last two days?", "12-29–12-31 23:30"),
        ("2026-03-01 12:00", "What happened on 29 February?", "2024-02-29–2024-03-01"),
        ("2026-03-02 12:00", "What happened on the 31st?", "01-31–02-01 ?"),
        ("2026-03-30 12:00", "What happened yesterday?", "03-29–03-30"),  # 23 hours long
        ("2026-03-29 12:00", "What happened last night?", "03-28 17:00–03-29 06:00"),
        ("2026-10-25 12:00", "What happened this morning?", "10-25–10-25 12:00"),  # 13 hours long
        ("2026-10-26 12:00", "Qu'a-t-on dit hier ?", "10-25–10-26"),
    ],
)
def test_days_are_those_of_the_calendar_at_the_ends_of_years_and_of_summer_time(
    now: str, text: str, expected: str
) -> None:
    assert read(text, datetime.fromisoformat(now).replace(tzinfo=BERLIN)) == expected


@pytest.mark.parametrize(
    ("now", "text", "hours"),
    [
        ("2026-03-30 12:00", "What happened yesterday?", 23),
        ("2026-10-26 12:00", "What happened yesterday?", 25),
        ("2026-10-25 23:00", "What happened in the last 24 hours?", 24),
        ("2026-03-29 23:00", "What happened in the last 24 hours?", 24),
    ],
)
def test_a_day_of_the_clock_may_be_an_hour_longer_and_hours_are_hours(now: str, text: str, hours: int) -> None:
    (period,) = periods_of(text, datetime.fromisoformat(now).replace(tzinfo=BERLIN))
    assert period.end.astimezone(UTC) - period.first.astimezone(UTC) == timedelta(hours=hours)


def test_a_period_knows_where_it_stands() -> None:
    text = "What did we say last week, since Friday?"
    assert [text[period.start : period.stop] for period in periods_of(text, MONDAY)] == ["last week", "since Friday"]


@pytest.mark.parametrize(
    "text",
    [
        *TEXTS,
        "",
        "last",
        "the last",
        "since",
        "from to",
        "between and",
        "vor",
        "99999999999999999999 days ago",
        "9999 years ago",
        "in 9999 years",
        "last 9999 years",
        "since 0001-01-01",
        "in 1900",
        "between 5 May 2030 and 3 May 1901",
        "0 days ago",
        "last ०० days",
        "last ٣ days",
        "31.31.2026",
        "2026-02-30",
    ],
)
@pytest.mark.parametrize("now", [datetime(2015, 1, 1, tzinfo=UTC), MONDAY, datetime(2084, 9, 1, tzinfo=UTC)])
def test_hostile_texts_are_read_without_an_error(text: str, now: datetime) -> None:
    for period in periods_of(f"What was {text}?", now):
        assert period.start < period.stop <= len(f"What was {text}?")
    whole_period(text, now)
