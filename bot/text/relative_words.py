"""Words that tell a day by its distance from today, and which week, month or year is meant, folded.

Like the names in `calendar_words` they are exact, and no list of meanings.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DAY_WORDS = {
    "english": {
        "today": 0,
        "tonight": 0,
        "tomorrow": 1,
        "tmrw": 1,
        "tmr": 1,
        "the day after tomorrow": 2,
        "day after tomorrow": 2,
        "yesterday": -1,
        "last night": -1,
        "day before yesterday": -2,
        "the day before yesterday": -2,
    },
    "german": {"heute": 0, "morgen": 1, "ubermorgen": 2, "gestern": -1, "vorgestern": -2},
    "french": {
        "aujourd ' hui": 0,
        "aujourd ’ hui": 0,
        "ce soir": 0,
        "demain": 1,
        "apres - demain": 2,
        "apres demain": 2,
        "hier": -1,
        "avant - hier": -2,
        "avant hier": -2,
    },
    "spanish": {"hoy": 0, "esta noche": 0, "manana": 1, "pasado manana": 2, "ayer": -1, "anteayer": -2},
}
DAY_PARTS = frozenset(
    [
        "morning",
        "afternoon",
        "evening",
        "night",
        "abend",
        "nacht",
        "fruh",
        "nachmittag",
        "vormittag",
        "mittag",
        "matin",
        "soir",
    ]
)
MORNINGS = {
    "morgen": frozenset({"guten", "am", "jeden", "jeder", "heute", "gestern", "diesen", "den"}),
    "manana": frozenset({"la", "esta", "cada", "una", "de"}),
}
"""Words that are a morning, and no day, behind these."""
NEXT, COMING, THIS, LAST = "next", "coming", "this", "last"
_WHICH_WORDS = {
    NEXT: "next nachste nachsten nachster nachstes nachstem",
    COMING: "coming upcoming kommende kommenden kommender kommendes kommendem prochain prochaine proximo proxima",
    THIS: "this diese diesen dieser dieses diesem ce cet cette este esta",
    LAST: "last past previous letzte letzten letzter letztes letztem vergangene vergangenen vergangener vergangenes"
    " vergangenem vorige vorigen voriger voriges vorigem dernier derniere ultimo ultima",
}
_BEHIND_WORDS = {
    COMING: "prochain prochaine proximo proxima",
    LAST: "dernier derniere passe passee precedent precedente pasado pasada anterior",
}
WHICH = {word: which for which, words in _WHICH_WORDS.items() for word in words.split()}
"""Words before a weekday or a unit, to which one they mean."""
BEHIND = {word: which for which, words in _BEHIND_WORDS.items() for word in words.split()}
"""The same for words behind it."""

NIGHTS: Mapping[str, int] = MappingProxyType(
    {
        "tonight": 0,
        "heute nacht": 0,
        "ce soir": 0,
        "cette nuit": 0,
        "esta noche": 0,
        "last night": -1,
        "gestern nacht": -1,
        "letzte nacht": -1,
        "la nuit derniere": -1,
        "anoche": -1,
    }
)
"""Evenings with the night after them, by the day on which they begin."""
DAY_HOURS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        word: hours
        for hours, words in {
            (0, 12): "morning morgen fruh vormittag matin manana",
            (12, 18): "afternoon nachmittag midi tarde",
            (17, 24): "evening night abend nacht soir noche",
        }.items()
        for word in words.split()
    }
)
"""Parts of a day, with the hours between which they lie."""
BEFORE_PARTS = frozenset({"por", "la", "en", "au", "le", "in", "the", "am", "apres", "-"})
"""What may stand between a day and its part, as in "ayer por la tarde"."""

SEVERAL_LAST = frozenset(
    [
        "last",
        "past",
        "previous",
        "letzten",
        "vergangenen",
        "vorigen",
        "dernier",
        "derniere",
        "derniers",
        "dernieres",
        "ultimo",
        "ultima",
        "ultimos",
        "ultimas",
        "letzte",
        "pasados",
        "pasadas",
    ]
)
"""Before a number of units, or a unit in the plural: so much time until now."""
UNTIL_NOW = frozenset(["past", "ultimo", "ultima", "derniers", "dernieres", "ultimos", "ultimas"])
"""Those that mean the time until now without a number as well, as in "the past week"."""
PLURAL_UNITS = frozenset(
    [
        "seconds",
        "minutes",
        "hours",
        "days",
        "weeks",
        "months",
        "years",
        "sekunden",
        "minuten",
        "stunden",
        "tage",
        "tagen",
        "wochen",
        "monate",
        "monaten",
        "jahre",
        "jahren",
        "secondes",
        "heures",
        "jours",
        "semaines",
        "annees",
        "segundos",
        "minutos",
        "horas",
        "dias",
        "semanas",
        "meses",
        "anos",
    ]
)
A_FEW = frozenset({"few", "couple", "paar", "quelques", "pocos", "pocas", "of"})
SHORT_UNITS: Mapping[str, str] = MappingProxyType(
    {"m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year", "an": "year"}
)
"""What may be glued to a number where nothing but a time is written."""

SINCE = frozenset(["since", "seit", "depuis", "desde", "ab"])
AFTER = frozenset(["after", "nach", "apres", "tras", "despues"])
BEFORE = frozenset(["before", "vor", "avant", "antes"])
UP_TO = frozenset(["until", "till", "by", "bis", "jusqu", "hasta"])
FROM = frozenset(["from", "between", "zwischen", "entre", "vom", "von", "du", "de", "del", "desde", "depuis"])
TO = frozenset(["and", "to", "until", "till", "und", "bis", "zum", "et", "au", "a", "y", "al", "hasta", "jusqu"]) | {
    "-",
    "–",
    "—",
}
AT = frozenset(
    [
        "in",
        "during",
        "of",
        "on",
        "around",
        "late",
        "early",
        "mid",
        "im",
        "am",
        "an",
        "zum",
        "fruhen",
        "anfang",
        "mitte",
        "ende",
        "seit",
        "vom",
        "en",
        "au",
        "aux",
        "durant",
        "pendant",
        "le",
        "debut",
        "mi",
        "fin",
        "el",
        "principios",
        "mediados",
        "finales",
        "de",
        "d",
        "del",
        "desde",
        "depuis",
        "since",
        "from",
        "von",
    ]
)
"""What makes a month, a weekday or a year without more a time at which something was: "in May", "on Friday"."""
ABOUT = frozenset(["for", "to", "fur", "auf", "zum", "zur", "pour", "para", "about", "uber", "sobre"])
"""What makes a time one that is talked about: "the plan for Friday"."""
ARTICLES = frozenset(
    [
        "the",
        "le",
        "la",
        "les",
        "l",
        "el",
        "los",
        "las",
        "der",
        "dem",
        "den",
        "die",
        "das",
        "les",
        "du",
        "del",
        "de",
        "'",
        "’",
        "a",
        "au",
        "as",
        "um",
        "at",
        "of",
        "zum",
        "a",
    ]
)
"""What may stand between these and a time."""
