"""Ends of ranges and changes: none of them becomes the other one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.remember.gate import Refusal
from bot.remember.ranges import ends
from bot.remember.reconcile import same_statement
from tests.fixtures.extraction import ANA, Extract, chat

SWAPPED = [
    ("the raid break goes from June 23 to July 1", "The raid break goes from July 1 to June 23."),
    ("the code freeze is June 23 - July 1", "The code freeze is July 1 - June 23."),
    ("the help desk is open from 9 to 5 on weekdays", "The help desk is open from 5 to 9 on weekdays."),
    ("the help desk is open 9-5 on weekdays", "The help desk is open 5-9 on weekdays."),
    ("the fee goes up from 10 to 15 euros", "The fee goes up from 15 to 10 euros."),
    ("the raid moves from Tuesday to Thursday", "The raid moves from Thursday to Tuesday."),
    ("the raid moves to Thursday from Tuesday", "The raid moves from Thursday to Tuesday."),
    ("the raid moves from Tuesday to Thursday", "The raid moves to Tuesday."),
    ("the hall stays open until Friday for the fair", "The hall stays open from Friday for the fair."),
    ("the backup moves from rack A to rack B on Friday", "The backup moves from rack B to rack A on Friday."),
    ("we switch from TeamSpeak to Mumble on Friday", "We switch from Mumble to TeamSpeak on Friday."),
    ("we use Mumble instead of TeamSpeak from Friday on", "We use TeamSpeak instead of Mumble from Friday on."),
    ("the booth is open Tuesday through Thursday", "The booth is open Thursday through Tuesday."),
    ("o servidor passa de Lisboa para o Porto na sexta", "O servidor passa do Porto para Lisboa na sexta."),
    # two things and what is told of each
    (
        "the raid is on Friday and the picnic is on Sunday",
        "The raid is on Sunday and the picnic is on Friday.",
    ),
    ("the raid needs 12 players and 3 healers", "The raid needs 3 players and 12 healers."),
    ("raid at 20:00, loot council at 21:30 in the keep", "Raid at 21:30, loot council at 20:00 in the keep."),
    (
        "the wiki moves to Postgres and Mumble to Debian in May",
        "The wiki moves to Debian and Mumble to Postgres in May.",
    ),
    ("in May Postgres replaces MySQL on the server", "In May MySQL replaces Postgres on the server."),
    ("der Raid ist am Freitag und das Picknick am Sonntag", "Der Raid ist am Sonntag und das Picknick am Freitag."),
    ("der Raid zieht von Dienstag auf Donnerstag um", "Der Raid zieht von Donnerstag auf Dienstag um."),
    ("die Halle ist von 9 bis 17 Uhr offen", "Die Halle ist von 17 bis 9 Uhr offen."),
    ("der Server zieht von Berlin nach Hamburg um", "Der Server zieht von Hamburg nach Berlin um."),
    ("la sala abre de 9 a 17 horas", "La sala abre de 17 a 9 horas."),
    ("el servidor pasa de Madrid a Sevilla el viernes", "El servidor pasa de Sevilla a Madrid el viernes."),
    ("le tournoi passe de mardi à jeudi", "Le tournoi passe de jeudi à mardi."),
    ("le serveur passe de Lyon à Paris en mai", "Le serveur passe de Paris à Lyon en mai."),
]


@pytest.mark.parametrize(("said", "text"), SWAPPED)
async def test_swapped_ends_are_refused(extract: Extract, said: str, text: str) -> None:
    assert (await extract(chat((ANA, said)), (text, "decision", [1]))).refusals == {Refusal.NEGATION: 1}
    assert not same_statement(said.capitalize(), text)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("the raid moves from Tuesday to Thursday", "The raid moves to Thursday from Tuesday."),
        ("the raid moves from Tuesday to Thursday", "The raid moves to Thursday."),
        (
            "the raid moves from Tuesday to Thursday, and from Thursday to Sunday the hall is closed",
            "From Thursday to Sunday the hall is closed.",
        ),
        ("from Friday on we need to restart the server at 04:00", "Restart the server at 04:00 from Friday on."),
        ("der Server zieht von Berlin nach Hamburg um", "Der Server zieht nach Hamburg um, von Berlin."),
        ("the raid is on Friday and the picnic is on Sunday", "The picnic is on Sunday and the raid is on Friday."),
        ("12 tanks and 3 healers will come on Friday", "3 healers and 12 tanks will come on Friday."),
        ("raid Friday 20:00 in the north keep", "Raid at 20:00 on Friday in the north keep."),
        ("der Server zieht am Freitag um 18:00 um", "Am Freitag zieht der Server um 18:00 um."),
        ("Der Chor probt in der Halle am Freitag um 18:00", "In der Halle probt der Chor am Freitag um 18:00."),
    ],
)
async def test_ends_in_another_order_of_words_stay(extract: Extract, said: str, text: str) -> None:
    result = await extract(chat((ANA, said)), (text, "decision", [1]))
    assert len(result.candidates) == 1, result.refusals


ENDS = ["June 23", "July 1", "9", "17:30", "Tuesday", "12 euros", "rack A", "rack B", "Graz", "the old hall", "port 25"]


@given(
    ends_=st.lists(st.sampled_from(ENDS), min_size=2, max_size=2, unique=True),
    form=st.sampled_from(["moves from {} to {}", "offen von {} bis {}", "abre de {} a {}", "passe de {} à {}"]),
    around=st.sampled_from(["it {}", "the fee {} from now on", "{} and stays there", "it {} next year"]),
)
def test_whatever_the_ends_are_their_order_counts(ends_: list[str], form: str, around: str) -> None:
    said, turned = (ends(around.format(form.format(*two))) for two in (ends_, ends_[::-1]))
    assert turned.swaps(said)
    assert not said.swaps(said)
