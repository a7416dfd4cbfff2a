from datetime import date

import pytest

from bot.text.dates import with_dates

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
        # longer phrases first
        ("it is the day after tomorrow", "it is the day after tomorrow (2025-01-04)"),
        ("broke the day before yesterday", "broke the day before yesterday (2024-12-31)"),
        ("pasado mañana cerramos", "pasado mañana (2025-01-04) cerramos"),
        ("depois de amanhã fechamos", "depois de amanhã (2025-01-04) fechamos"),
        ("après demain on ferme", "après demain (2025-01-04) on ferme"),
        ("a week from tomorrow", "a week from tomorrow (2025-01-10)"),
        # a time of day is no date
        ("raid tomorrow 8pm", "raid tomorrow (2025-01-03) 8pm"),
        ("die Probe ist morgen 19:30", "die Probe ist morgen (2025-01-03) 19:30"),
        ("明日15時に", "明日 (2025-01-03)15時に"),
        ("Morgen um 19:30 ist die Probe im Saal", "Morgen (2025-01-03) um 19:30 ist die Probe im Saal"),
        # more words before and after a weekday
        ("due by Friday", "due by Friday (2025-01-03)"),
        ("the raid is Friday at 20:00", "the raid is Friday (2025-01-03) at 20:00"),
        ("der Raid ist Freitag um 20:00", "der Raid ist Freitag (2025-01-03) um 20:00"),
        ("la réunion est vendredi à 19h", "la réunion est vendredi (2025-01-03) à 19h"),
        ("la partida es el viernes a las 20:00", "la partida es el viernes (2025-01-03) a las 20:00"),
        ("vendredi prochain à 19h", "vendredi prochain (2025-01-03) à 19h"),
        ("el próximo viernes a las 19:00", "el próximo viernes (2025-01-03) a las 19:00"),
        ("hier soir on a déplacé le serveur", "hier (2025-01-01) soir on a déplacé le serveur"),
        # what was
        ("we met on Monday and decided it", "we met on Monday (2024-12-30) and decided it"),
        ("the server was moved on Monday by Ana", "the server was moved on Monday (2024-12-30) by Ana"),
        ("am Montag haben wir ihn umgestellt", "am Montag (2024-12-30) haben wir ihn umgestellt"),
        ("am Montag haben wir Training", "am Montag (2025-01-06) haben wir Training"),
        ("we decided that it is on Monday", "we decided that it is on Monday (2025-01-06)"),
        ("as I said, the raid is on Friday", "as I said, the raid is on Friday (2025-01-03)"),
        # a weekday and its week
        ("on Friday next week at 8", "on Friday next week (2025-01-10) at 8"),
        ("the raid is Friday next week", "the raid is Friday next week (2025-01-10)"),
        ("next week Friday at 8", "next week Friday (2025-01-10) at 8"),
        ("next week on Friday", "next week on Friday (2025-01-10)"),
        ("we meet next week, Friday at 8", "we meet next week, Friday (2025-01-10) at 8"),
        ("next week's Friday", "next week's Friday (2025-01-10)"),
        ("the Friday of next week", "the Friday of next week (2025-01-10)"),
        ("Freitag nächster Woche", "Freitag nächster Woche (2025-01-10)"),
        ("am Freitag nächster Woche um 20 Uhr", "am Freitag nächster Woche (2025-01-10) um 20 Uhr"),
        ("nächste Woche am Freitag", "nächste Woche am Freitag (2025-01-10)"),
        ("it broke on Friday last week", "it broke on Friday last week (2024-12-27)"),
        ("this week Friday", "this week Friday (2025-01-03)"),
        ("the open day on Friday", "the open day on Friday (2025-01-03)"),
    ],
)
def test_relative_times_get_their_date(text: str, dated: str) -> None:
    assert with_dates(text, THURSDAY) == dated


@pytest.mark.parametrize(
    "text",
    [
        "on Friday, June 3",
        "tomorrow (2025-01-03) at 5",
        "the Friday release",
        "tomorrow 2025-01-03",
        "on Friday 3 January",
    ],
)
def test_what_has_a_date_or_needs_none_stays(text: str) -> None:
    assert with_dates(text, THURSDAY) == text


@pytest.mark.parametrize(
    "text",
    [
        # mornings, places, titles
        "abre por la mañana a las 10:00",
        "cada mañana a las 6:00",
        "jeden morgen um 6:00",
        "Morgen zusammen, der Schlüssel ist im Saal",
        "der Schlüssel liegt hier im Schrank neben der Orgel",
        "de sleutel ligt hier in de kast",
        "we watch Edge of Tomorrow in the hall",
        "der Film heißt Gestern und läuft im Kino",
        # one time told in two parts, or many times
        "on Friday in two weeks",
        "Friday in two weeks",
        "Freitag in zwei Wochen",
        "we meet on Friday, next week",
        "a week from Friday",
        "a week from next Friday",
        "a week on Friday",
        "a fortnight on Friday",
        "a week tomorrow",
        "tomorrow week",
        "next Friday week",
        "on Friday a week later",
        "the Friday after next",
        "on Friday after next",
        "Friday the week after next",
        "the week after next on Friday",
        "next month on Friday",
        "heute in einer Woche",
        "morgen in einer Woche",
        "übernächste Woche am Freitag",
        "Anna said the server moves to Graz on Friday",
        "Ben told us the hall closed on Friday",
        "every week on Friday",
        "the meeting on Friday was a success",
    ],
)
def test_where_the_day_is_not_sure_there_is_no_date(text: str) -> None:
    assert with_dates(text, THURSDAY) == text
