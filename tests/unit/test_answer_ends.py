"""Ends of ranges and changes in answers: none of them becomes the other one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.recall.answers.wording import ends

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
    ("der Raid zieht von Dienstag auf Donnerstag um", "Der Raid zieht von Donnerstag auf Dienstag um."),
    ("die Halle ist von 9 bis 17 Uhr offen", "Die Halle ist von 17 bis 9 Uhr offen."),
    ("der Server zieht von Berlin nach Hamburg um", "Der Server zieht von Hamburg nach Berlin um."),
    ("la sala abre de 9 a 17 horas", "La sala abre de 17 a 9 horas."),
    ("el servidor pasa de Madrid a Sevilla el viernes", "El servidor pasa de Sevilla a Madrid el viernes."),
    ("le tournoi passe de mardi à jeudi", "Le tournoi passe de jeudi à mardi."),
    ("le serveur passe de Lyon à Paris en mai", "Le serveur passe de Paris à Lyon en mai."),
]


@pytest.mark.parametrize(("said", "text"), SWAPPED)
def test_swapped_ends_are_seen(said: str, text: str) -> None:
    assert ends(text).swaps(ends(said))


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("the raid moves from Tuesday to Thursday", "The raid moves to Thursday from Tuesday."),
        ("the raid moves from Tuesday to Thursday", "The raid moves to Thursday."),
        ("from Friday on we need to restart the server at 04:00", "Restart the server at 04:00 from Friday on."),
        ("der Server zieht von Berlin nach Hamburg um", "Der Server zieht nach Hamburg um, von Berlin."),
    ],
)
def test_ends_in_another_order_of_words_stay(said: str, text: str) -> None:
    assert not ends(text).swaps(ends(said))


ENDS = ["June 23", "July 1", "9", "17:30", "Tuesday", "12 euros", "rack A", "rack B", "Graz", "the old hall", "port 25"]


@settings(max_examples=60, deadline=None)
@given(
    ends_=st.lists(st.sampled_from(ENDS), min_size=2, max_size=2, unique=True),
    form=st.sampled_from(["moves from {} to {}", "offen von {} bis {}", "abre de {} a {}", "passe de {} à {}"]),
    around=st.sampled_from(["it {}", "the fee {} from now on", "{} and stays there", "it {} next year"]),
)
def test_whatever_the_ends_are_their_order_counts(ends_: list[str], form: str, around: str) -> None:
    said, turned = (ends(around.format(form.format(*two))) for two in (ends_, ends_[::-1]))
    assert turned.swaps(said)
    assert not said.swaps(said)
