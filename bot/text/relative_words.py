"""Words that tell a day by its distance from today, and which week, month or year is meant, folded.

Like the names in `calendar_words` they are exact, and no list of meanings.
"""

from __future__ import annotations

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
