"""What passes the exact checks, in what wording, and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.remember.evidence import Hearing
from bot.remember.exact import LONGEST, Exact, Refusal, check, contradicts
from bot.remember.transcript import ShownLine
from bot.text import SecretFinder
from tests.fixtures.hostile import NO_SNOWFLAKES


class _NoSecrets(SecretFinder):
    """A finder that finds nothing."""

    def find(self, text: str) -> list[str]:
        return []


NO_SECRETS = _NoSecrets()

ANA, BEN, CEM, BOT = 1001, 1002, 1003, 1009
THURSDAY = date(2026, 9, 17)


def stretch(*texts: str, day: date = THURSDAY, replies: dict[int, int] | None = None) -> list[ShownLine]:
    """Lines of one day in turn from three people; their message ids are their numbers."""
    answered = replies or {}
    return [
        ShownLine(number, number, (ANA, BEN, CEM)[number % 3], text, day, answered.get(number))
        for number, text in enumerate(texts, 1)
    ]


def judged(text: str, *lines: str, cited: Sequence[int] | None = None, personal: bool = False) -> Exact | Refusal:
    """What the checks say of a text that cites all lines, or the ones named."""
    shown = stretch(*lines)
    numbers = cited or [line.number for line in shown]
    return check(text, numbers, Hearing(shown, ZoneInfo("Europe/Berlin")), {ANA, BEN, CEM}, personal=personal)


ENGLISH = [
    # the statement, what is kept, the lines
    ("The raid is on Saturday at 20:00.", "", ["raid sat 8pm then"]),
    ("The raid is on Saturday 26 September at 8 pm.", "The raid is on Saturday 26 September 2026 at 8 pm.",
     ["raid on sat 26th, 8pm"]),
    ("The server moves on the 25th.", "The server moves on the 25th (25 September 2026).",
     ["we move the server on the 25th"]),
    ("The server moves on 25 September 2026.", "", ["we move the server on the 25th"]),
    ("Signups close on 22 September.", "Signups close on 22 September 2026.", ["signups close 22 sept"]),
    ("The exam is on October 14 in hall 3.", "The exam is on October 14, 2026 in hall 3.", ["exam oct 14 hall 3"]),
    ("The talk starts at 7:30 pm.", "", ["talk starts 7:30"]),
    ("The farm gives 20 times as much.", "", ["the farm gives 20x as much"]),
    ("<@1002> is away for two weeks.", "", ["im away 2 weeks"]),
    ("<@1002> is away for 14 days.", "", ["im away for two weeks"]),
    ("The party is tomorrow at noon.", "The party is tomorrow (18 September 2026) at noon.",
     ["party tomorrow noon"]),
    ("The party is on Friday, 18 September 2026.", "", ["party tomorrow noon"]),
    ("Office hours are on Tuesdays from 2 to 3 pm in E 1.08.", "", ["office hours tuesdays 2-3 in E 1.08"]),
    ("The rent is $1,200 from January on.", "", ["rent will be 1200 bucks from january on"]),
    ("The next meeting is in two weeks.", "The next meeting is in two weeks (1 October 2026).",
     ["next meeting in 2 weeks"]),
    ("Release 2.1.10 is out since yesterday.", "Release 2.1.10 is out since yesterday (16 September 2026).",
     ["2.1.10 came out yesterday"]),
    ("Half of the 34 eggs were found.", "", ["found half of the 34 eggs"]),
    ("The third strike is permanent, the first two are warnings for 7 days.", "",
     ["first 2 strikes = 7 day warning, third is permanent"]),
    ("The pool opens next Friday at 9:15.", "The pool opens next Friday (25 September 2026) at 9:15.",
     ["pool opens next friday 9.15am"]),
    ("The event starts on 20 September 2026 at 18:00.", "", ["event starts <t:1789920000:F>, be there"]),
    ("You may bring one friend, and in May a second one.", "", ["u can bring a friend, from may on two"]),
    ("Write `/warp spawn` to get back.", "", ["just do /warp spawn"]),
    ("The show was on the Friday before 17 September 2026.", "", ["the show was last friday"]),
    ("The hike is on the weekend of 19 and 20 September 2026.", "", ["hike this weekend"]),
    ("The club has met since last year.", "The club has met since last year (2025).", ["we meet since last year"]),
    ("The meeting moves to Wednesday at 6:30 pm.", "", ["not mon, wed 630pm"]),
    ("Use port 25565 and the address 10.0.0.5 to connect.", "", ["connect to 10.0.0.5:25565"]),
    ("Set `max-players=40` in server.properties.", "", ["set max-players to 40 in server.properties"]),
    ("The trip costs about 1.5k in total.", "", ["trip ~1500 total"]),
    ("The server is in zone UTC-5 now.", "", ["the server is in zone UTC-5 now"]),
    ("The server is in zone UTC+5 now.", "", ["the server is 5 hours ahead of utc now"]),
    ("It was -5 degrees in the hall.", "", ["it was minus 5 in the hall"]),
    ("Late homework loses 20 % in the course.", "", ["late homework: -20% in the course"]),
    ("It stands in rack 5, from page 3 to 7.", "", ["it stands in rack-5, pages 3-7"]),
    ("Rehearsals run from September 21 to 25.", "", ["rehearsals sept 21-25"]),
    ("The deadline was extended by one week to 24 September.",
     "The deadline was extended by one week to 24 September 2026.", ["deadline extended a week, its the 24th now"]),
    ("<@1002>, 0xdave and June pick the maps.", "", ["me, 0xdave and june pick the maps"]),
]  # fmt: skip
GERMAN = [
    ("Das Sommerfest ist am Samstag, dem 26. September, ab 15 Uhr.",
     "Das Sommerfest ist am Samstag, dem 26. September 2026, ab 15 Uhr.", ["sommerfest ist sa 26.9. ab 15h"]),
    ("Die Probe wird auf den 25. verschoben und beginnt um halb acht.",
     "Die Probe wird auf den 25. September 2026 verschoben und beginnt um halb acht.",
     ["probe ist jetzt am 25. und geht um 19:30 los"]),
    ("Die Anmeldung läuft bis zum 3.10. bei <@1001>.", "Die Anmeldung läuft bis zum 3.10.2026 bei <@1001>.",
     ["anmelden könnt ihr euch bis 3. oktober bei mir"]),
    ("Der Beitrag kostet 12,50 € im Monat.", "", ["beitrag sind 12,50 euro im monat"]),
    ("Zum Grillen kommen zweiundzwanzig Leute.", "", ["wir sind 22 beim grillen"]),
    ("Die Abgabe ist morgen um 23:59 Uhr.", "Die Abgabe ist morgen (18. September 2026) um 23:59 Uhr.",
     ["abgabe morgen 23:59!!"]),
    ("Der Schlüssel liegt jeden Morgen ab 8 Uhr beim Hausmeister.", "",
     ["schlüssel gibts jeden morgen ab 8 beim hausmeister"]),
    ("Die Sitzung ist am 30. September, also in zwei Wochen.",
     "Die Sitzung ist am 30. September 2026, also in zwei Wochen.", ["sitzung in 2 wochen am 30.9."]),
    ("Bis Freitag, 18.9., 12 Uhr müssen die Listen da sein.",
     "Bis Freitag, 18.9.2026, 12 Uhr müssen die Listen da sein.", ["listen bis fr mittag, also morgen 12 uhr!"]),
    ("Am Donnerstag, den 24. September 2026, fällt die Vorlesung aus.", "", ["nächsten do keine vorlesung"]),
    ("Heute Abend um 20 Uhr ist Turnier.", "Heute Abend (17. September 2026) um 20 Uhr ist Turnier.",
     ["turnier heute 20 uhr"]),
    ("Die beiden Termine sind der 3. und der 10. Oktober.", "Die beiden Termine sind der 3. und der 10. Oktober 2026.",
     ["termine 3.10. und 10.10."]),
    ("Nächste Woche fällt das Training aus.", "Nächste Woche (21.–27. September 2026) fällt das Training aus.",
     ["training fällt nächste woche aus"]),
    ("Am Freitag nächster Woche wird umgezogen.", "Am Freitag nächster Woche (25. September 2026) wird umgezogen.",
     ["umzug ist freitag nächster woche"]),
    ("Der Zug fährt um 7:42 Uhr und braucht eine Stunde.", "", ["zug um 7.42 uhr, dauert 1h"]),
    ("Zwei von drei Mods müssen zustimmen.", "", ["es müssen 2 von 3 mods ja sagen"]),
    ("Samstagabend wird um 20 Uhr gespielt.", "", ["sa abend 20 uhr zocken"]),
    ("Am Samstag wird um 20 Uhr gespielt.", "", ["Samstagabend 20 uhr zocken"]),
    ("Das Treffen ist am 1. November im Raum 2.14.", "Das Treffen ist am 1. November 2026 im Raum 2.14.",
     ["treffen ist am 1.11., raum 2.14"]),
]  # fmt: skip
SPANISH = [
    ("La partida es el viernes 25 de septiembre a las 20:00.",
     "La partida es el viernes 25 de septiembre de 2026 a las 20:00.", ["partida el vie 25 a las 8 de la tarde"]),
    ("El torneo pasa al 3 de octubre.", "El torneo pasa al 3 de octubre de 2026.", ["el torneo pasa al 3/10"]),
    ("Mañana cierra la inscripción a las 18 h.", "Mañana (18 de septiembre de 2026) cierra la inscripción a las 18 h.",
     ["mañana a las 18h cierra la inscripción"]),
    ("El servidor se reinicia cada mañana a las 6.", "", ["se reinicia cada mañana a las 6"]),
    ("La entrada cuesta 7,50 € y los menores de doce años no pagan.", "",
     ["la entrada son 7,50 euros, menores de 12 gratis"]),
    ("El examen es el 25 a las 9:00.", "El examen es el 25 de septiembre de 2026 a las 9:00.",
     ["el examen es el 25 a las 9"]),
    ("Quedamos dentro de dos semanas en el parque.",
     "Quedamos dentro de dos semanas (1 de octubre de 2026) en el parque.",
     ["quedamos en el parque dentro de 2 semanas"]),
    ("El próximo lunes no hay clase.", "El próximo lunes (21 de septiembre de 2026) no hay clase.",
     ["el próximo lunes no hay clase"]),
]  # fmt: skip
FRENCH = [
    ("Le TGV part à 9 h 58 le 3 octobre.", "Le TGV part à 9 h 58 le 3 octobre 2026.", ["le tgv de 9h58 le 3 octobre"]),
    ("La répétition est le 25 à 18h30.", "La répétition est le 25 septembre 2026 à 18h30.", ["répète le 25 à 18h30"]),
    ("On est dix-sept, dont sept nouveaux.", "", ["on est 17 dont sept nouveaux"]),
    ("Le salon ouvre le 1er octobre.", "Le salon ouvre le 1er octobre 2026.", ["le salon ouvre au 1 oct"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "written", "lines"), [*ENGLISH, *GERMAN, *SPANISH, *FRENCH])
def test_natural_wordings_of_what_was_said_pass_with_their_dates_written_out(
    text: str, written: str, lines: list[str]
) -> None:
    passed = judged(text, *lines)
    assert passed == Exact(written or text)
    assert judged(passed.text, *lines) == passed


@pytest.mark.parametrize(
    ("text", "refusal", "lines"),
    [
        ("The raid is on Sunday at 20:00.", Refusal.DATE, ["raid sat 8pm then"]),
        ("The raid is on Saturday at 21:00.", Refusal.TIME, ["raid sat 8pm then"]),
        ("The raid is on Saturday at 8 am.", Refusal.TIME, ["raid sat 8pm then"]),
        ("The bus leaves at 9:00 from the hall.", Refusal.TIME, ["the bus leaves at 9:58 from the hall"]),
        ("Le cours commence à 19h dans la salle.", Refusal.TIME, ["le cours commence à 19h30 dans la salle"]),
        ("The server moves on 26 September 2026.", Refusal.DATE, ["we move the server on the 25th"]),
        ("The server moves on 25 October 2026.", Refusal.DATE, ["we move the server on the 25th"]),
        ("The exam is on 14 October 2027 in hall 3.", Refusal.DATE, ["exam oct 14 hall 3"]),
        ("The concert is on Saturday 11 October.", Refusal.DATE, ["concert is on october 11"]),
        ("The raid is next Monday in the hall.", Refusal.DATE, ["raid next friday in the hall"]),
        ("The raid is on Saturday 20th at 20:00.", Refusal.DATE, ["not sat, raid sunday 20th 8pm"]),
        ("Seven people come in autumn.", Refusal.FIGURE, ["people come on 22 sept, in autumn"]),
        ("<@1002> is away for three weeks.", Refusal.FIGURE, ["im away 2 weeks"]),
        ("Late homework gets minus 24% after 20h.", Refusal.FIGURE, ["24h late = minus 20%, after that 0"]),
        ("The server is in zone UTC-5 now.", Refusal.FIGURE, ["the server is in zone UTC+5 now"]),
        ("The server is in zone UTC+5 now.", Refusal.FIGURE, ["the server is in zone UTC-5 now"]),
        ("It was -5 degrees in the hall.", Refusal.FIGURE, ["it was 5 degrees in the hall"]),
        ("Release 1.2 is out now.", Refusal.FIGURE, ["release 2.1 is out"]),
        ("Run /opt/mc/restart.sh to restore it.", Refusal.IDENTIFIER, ["just run /opt/mc/restore.sh"]),
        ("Wipe it with shred -z on the disk.", Refusal.COMMAND, ["wipe it with shred -n on the disk"]),
        ("Load it with sudo modprobe nvidia then.", Refusal.COMMAND, ["how do i load nvidia then?"]),
        ("Add '-' after the name of the package.", Refusal.COMMAND, ["add '=' after the name"]),
        ("Notes are at https://example.org/b now.", Refusal.LINK, ["notes: https://example.org/a"]),
        ("Notes are at _https://evil.example/a now.", Refusal.LINK, ["notes: https://example.org/a"]),
        ("Notes are at https://a.example'.evil.com now.", Refusal.LINK, ["notes: https://a.example"]),
        ("<@1004> writes the notes today.", Refusal.PERSON, ["i write the notes today"]),
        ("Too short.", Refusal.LENGTH, ["too short"]),
        (f"It is {'very ' * 90}long.", Refusal.LENGTH, ["it is long"]),
        ("The wifi password is hunter2-Xk93 in the hall.", Refusal.SECRET, ["the wifi password is hunter2-Xk93"]),
        ("Am 26. wird umgezogen.", Refusal.DATE, ["umzug am 25."]),
        ("El torneo es el 4 de octubre.", Refusal.DATE, ["el torneo pasa al 3/10"]),
    ],
)
def test_what_nobody_said_is_refused(text: str, refusal: Refusal, lines: list[str]) -> None:
    assert judged(text, *lines) is refusal


@pytest.mark.parametrize(
    ("text", "line", "passes"),
    [
        ("The exam is on 14 October 2026 in the hall.", "so is it 14 oct?", True),
        ("The exam starts at 9:30 in the hall.", "so is it at 9.30am?", True),
        ("The exam takes two hours in the hall.", "2 hours again?", True),
        ("Enrol for the exam at https://example.org/a first.", "at https://example.org/a ?", True),
        ("Enrol for the exam with `!enrol` in the hall.", "with !enrol ?", True),
        ("The exam is open to 12 people in the hall.", "12 people?", False),
        ("The exam costs 20 € in the hall.", "20 euros again?", False),
    ],
)
def test_a_line_near_or_answered_lends_whole_values_and_no_bare_figure(text: str, line: str, passes: bool) -> None:
    shown = stretch("hi all", line, "hm", "yes, exam in the hall, register first", replies={4: 2})
    passed = check(text, [4], Hearing(shown), {ANA}, personal=False)
    assert passed == Exact(text, (2,)) if passes else passed is Refusal.FIGURE
    assert not isinstance(check(text, [4], Hearing(shown), {ANA}, personal=True), Exact)


@pytest.mark.parametrize("number", NO_SNOWFLAKES[:2])
@pytest.mark.parametrize("shown", ["<@{}>", "‹@{}›"])
def test_a_mention_of_what_can_be_no_person_is_text_like_any_other(number: str, shown: str) -> None:
    line, text = f"We decided that the kite goes to <@{number}>.", f"The kite goes to {shown.format(number)}."
    assert judged(text, line) == Exact(text)
    assert judged(text, "We decided that the kite goes to <@1001>.") is Refusal.FIGURE


@pytest.mark.parametrize("title", ["T-shirts", "Mitgliedsbeitrag", "Nether hub"])
def test_a_topic_may_be_a_word_and_a_statement_may_not(title: str) -> None:
    shown = stretch("who orders the shirts, pays the fee, and digs the hub?")
    assert check(title, [1], Hearing(shown), {ANA}, topic=True) == Exact(title)
    assert check(title, [1], Hearing(shown), {ANA}) is Refusal.LENGTH


def test_a_line_further_away_lends_only_to_its_reply() -> None:
    talk = ["is it at https://example.org/a ?", *["hm"] * 5, "yes it is there"]
    text = "It is at https://example.org/a for all."
    assert check(text, [7], Hearing(stretch(*talk)), {ANA}, personal=False) is Refusal.LINK
    assert check(text, [7], Hearing(stretch(*talk, replies={7: 1})), {ANA}, personal=False) == Exact(text, (1,))


def test_a_statement_needs_lines_that_are_there() -> None:
    shown = stretch("we meet at noon")
    assert check("They meet at noon.", [], Hearing(shown), {ANA}, personal=False) is Refusal.LINES
    assert check("They meet at noon.", [1, 2], Hearing(shown), {ANA}, personal=False) is Refusal.LINES


def test_nothing_is_kept_about_the_bot_nor_of_what_is_sensitive() -> None:
    shown = stretch(f"<@{BOT}> is slow today", "i have adhd")
    text = f"<@{BOT}> is slow today."
    assert check(text, [1], Hearing(shown), {ANA, BOT}, personal=False, bot_id=BOT) is Refusal.BOT
    assert check("<@1003> has adhd, they said.", [2], Hearing(shown), {CEM}, personal=True) is Refusal.SENSITIVE


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ("Max 20 villagers and 1 farm.", "Max 12 villagers and 1 farm.", True),
        ("The raid is on Saturday 22nd.", "The raid is on Sunday 23rd, not on Saturday.", True),
        ("The raid is at 8pm.", "The raid is at 9pm.", True),
        ("The notes: https://a.example/1", "The notes: https://a.example/2", True),
        ("The raid is on 22 August 2026 at 8pm.", "Raid on Saturday the 22nd at 20:00.", False),
        ("The raid is on Saturday at 8.", "The raid is at 8pm.", False),
        ("It was -5 degrees.", "It was 5 degrees.", True),
        ("The server is in UTC+5.", "The server is in UTC-5.", True),
        ("It stands in rack-5.", "It stands in rack 5.", False),
        ("It takes two weeks.", "It takes 14 days.", False),
        ("It takes two weeks.", "It takes two months.", True),
        ("It takes two hours.", "It takes two days.", True),
        ("It takes two hours.", "It takes 120 minutes.", False),
        ("The shirt is 15€.", "The shirt is 15 dollars.", True),
        ("It needs 8 GB.", "It needs 512 MB.", True),
        ("The shirt is 15€ and ready in 10 minutes.", "The shirt is 15 euros.", False),
        ("It is ready in 10 minutes.", "It costs 15€.", False),
    ],
)
def test_statements_contradict_each_other_where_both_have_a_value_that_the_other_has_not(
    one: str, other: str, differs: bool
) -> None:
    assert contradicts(one, other) is differs
    assert contradicts(other, one) is differs


PIECES = "18|3.9.|2026|12|3/9|9h58|1.21.8|restore.sh|https://a.example/25|`a -b`|(|)|.|, |-|–|'"
IN_LANGUAGES = (
    "the 25th|Saturday|sat|22nd|oct 14|14 October|tomorrow|next Friday|next week|in two weeks|last month|at 8pm|and|of"
    "|Sept|week|Friday|is|this|half|one",
    "am 25.|Sonntag|nächste Woche|vor|Morgen|letzten|Montag|am 14. Oktober|in zwei Wochen|um 20 Uhr|und|ist|halb|eins",
    "le 25|samedi|demain|1er octobre|dans 3 jours|la semaine prochaine|à 20 h|et|est|un",
    "el 25|mañana|el 14 de octubre|la semana que viene|dentro de dos semanas|a las 20:00|y|es|uno",
)
TEXTS = st.sampled_from(IN_LANGUAGES).flatmap(
    lambda words: st.lists(st.sampled_from(f"{PIECES}|{words}".split("|")), min_size=3, max_size=14).map(" ".join)
)
DAYS = st.dates(date(2015, 1, 1), date(2084, 9, 1))  # of which a snowflake can be


@settings(max_examples=150, deadline=None)
@given(TEXTS | st.text(max_size=300), TEXTS | st.text(), DAYS)
@example("nächste Woche Morgen um 20 Uhr", "", date(2015, 1, 1))  # behind the date in brackets it is a morning still
@pytest.mark.slow
def test_any_text_is_judged_and_passes_again_with_its_dates_written_out(text: str, said: str, day: date) -> None:
    shown = stretch(f"{text} {said}", said, day=day)
    passed = check(text, [1], Hearing(shown), {ANA, BEN}, personal=False, secrets=NO_SECRETS)
    if isinstance(passed, Exact) and len(passed.text) < LONGEST - 60:
        again = check(passed.text, [1], Hearing(shown), {ANA, BEN}, personal=False, secrets=NO_SECRETS)
        assert isinstance(again, Exact), "a date that was written out is a date that was said"
    contradicts(text, said)


@pytest.mark.parametrize(
    ("line", "statement", "right", "wrong"),
    [
        (
            "we launch next month",
            "The launch is in {}.",
            "October 2026",
            ["September 2026", "November", "October 2025"],
        ),
        ("das team startet nächsten Monat", "Das Team startet im {}.", "Oktober 2026", ["August 2026", "Oktober 2027"]),
        ("on déménage le mois prochain", "Le déménagement est en {}.", "octobre 2026", ["août 2026", "octobre 2025"]),
        ("lo hacemos el mes que viene", "Se hace en {}.", "octubre de 2026", ["agosto", "septiembre de 2026"]),
        ("we moved three months ago", "They moved in {}.", "June 2026", ["July 2026", "September 2026", "June 2025"]),
        ("wir sind vor drei Monaten umgezogen", "Der Umzug war im {}.", "Juni 2026", ["Juli 2026", "Juni 2025"]),
        ("we met last year", "They met in {}.", "2025", ["2024", "2026", "January 2025"]),
        ("letztes Jahr war das Fest größer", "Das Fest war {} größer.", "2025", ["2024", "2026"]),
        ("l'an dernier on a eu moins de monde", "Il y a eu moins de monde en {}.", "2025", ["2024", "2026"]),
        ("el año pasado fue mejor", "En {} fue mejor.", "2025", ["2024", "2026"]),
        ("the trip is next week", "The trip begins on {}.", "21 September 2026", ["14 September 2026", "28 September"]),
        ("we do it in october", "It happens {}.", "next month (October 2026)", ["last month", "next week"]),
    ],
)
def test_months_and_years_counted_from_the_line_are_told_and_others_are_not(
    line: str, statement: str, right: str, wrong: list[str]
) -> None:
    assert judged(statement.format(right), line) == Exact(statement.format(right))
    for other in wrong:
        assert isinstance(judged(statement.format(other), line), Refusal), other
