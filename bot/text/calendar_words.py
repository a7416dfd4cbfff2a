"""Names of months, weekdays, numbers and units in English, German, French and Spanish, folded.

They are no lists of meanings: they tell which value a word stands for, and each is read in its own language only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from bot.text.folding import fold
from bot.text.languages import STOP_WORDS

LANGUAGES = ("english", "german", "french", "spanish")
"""The languages whose values are read, the one that is taken in doubt first."""

Table = Mapping[str, Mapping[str, int]]
"""Language to folded word to value."""


def _table(first: int, **names: str) -> Table:
    """Values counted from `first` on, one for each word, or for several with strokes between them."""
    rows = {
        language: {fold(word): value for value, group in enumerate(text.split(), first) for word in group.split("|")}
        for language, text in names.items()
    }
    return MappingProxyType(rows)


WEEKDAYS = _table(
    0,
    english="monday tuesday wednesday thursday friday saturday sunday",
    german="montag dienstag mittwoch donnerstag freitag samstag|sonnabend sonntag",
    french="lundi mardi mercredi jeudi vendredi samedi dimanche",
    spanish="lunes martes miércoles jueves viernes sábado domingo",
)
SHORT_WEEKDAYS = _table(
    0,
    english="mon tue|tues wed|weds thu|thur|thurs fri sat sun",
    german="mo di mi do fr sa so",
    french="lun mar mer jeu ven sam dim",
    spanish="lun mar mié jue vie sáb dom",
)
_MONTHS = {
    "english": "January February March April May June July August September October November December",
    "german": "Januar|Jänner Februar März April Mai Juni Juli August September Oktober November Dezember",
    "french": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "spanish": "enero febrero marzo abril mayo junio julio agosto septiembre|setiembre octubre noviembre diciembre",
}
MONTHS = _table(1, **_MONTHS)
SHORT_MONTHS = _table(
    1,
    english="jan feb mar apr may jun jul aug sep|sept oct nov dec",
    german="jan|jän feb mär|mrz apr mai jun jul aug sep|sept okt nov dez",
    french="janv févr|fév mars avr mai juin juil août sept oct nov déc",
    spanish="ene feb mar abr may jun jul ago sep|sept oct nov dic",
)
WRITTEN_MONTHS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {language: tuple(name.split("|")[0] for name in names.split()) for language, names in _MONTHS.items()}
)
_NUMBERS = _table(
    0,
    english="zero one|a|an two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen",
    german="null eins|ein|eine|einen|einer|einem zwei|zwo drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn"
    " vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn",
    french="zéro un|une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
    spanish="cero uno|un|una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince"
    " dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco",
)
_TENS = _table(
    2,
    english="twenty thirty forty fifty sixty seventy eighty ninety hundred",
    german="zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig hundert",
    french="vingt trente quarante cinquante soixante - - - cent",
    spanish="veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa cien|ciento",
)
TENS: Table = MappingProxyType(
    {language: {word: 10 * value for word, value in row.items()} for language, row in _TENS.items()}
)
NUMBERS: Table = MappingProxyType({language: {**_NUMBERS[language], **TENS[language]} for language in LANGUAGES})
ORDINALS = _table(
    1,
    english="first second third fourth fifth sixth seventh eighth ninth tenth",
    german="erste|ersten|erster|erstes zweite|zweiten|zweiter|zweites dritte|dritten|dritter|drittes vierte|vierten"
    " fünfte|fünften",
    french="premier|première|premiers deuxième|second|seconde troisième quatrième cinquième",
    spanish="primero|primera|primer segundo|segunda tercero|tercera|tercer cuarto|cuarta quinto|quinta",
)
AMBIGUOUS_NUMBERS = frozenset(
    {"one", "a", "an", "ein", "eine", "einen", "einer", "einem", "un", "une", "una", "uno", "neuf"}
)
"""They are articles, pronouns or adjectives as well, so that a text that has them states no number for sure."""
SCALES: Mapping[str, int] = MappingProxyType(
    {
        fold(word): 10**zeros
        for zeros, words in ((2, "hundred hundert cent cientos"), (3, "thousand tausend mille mil"))
        for word in words.split()
    }
)
"""What a number before them is multiplied by."""
NAMED_HOURS: Mapping[str, int] = MappingProxyType(
    {
        word: hour
        for hour, words in ((12, "noon midday mittag midi mediodia"), (0, "midnight mitternacht minuit medianoche"))
        for word in words.split()
    }
)
"""Folded names of hours of the day."""

_UNITS = {
    "second": "sec secs second seconds sekunde sekunden seconde secondes segundo segundos",
    "minute": "min mins minute minutes minuten minuto minutos",
    "hour": "h hr hrs hour hours std stunde stunden heure heures hora horas",
    "day": "day days tag tage tagen jour jours dia dias",
    "week": "week weeks wk wks woche wochen semaine semaines semana semanas",
    "weekend": "weekend wochenende finde",
    "month": "month months monat monate monaten mois mes meses",
    "year": "year years yr yrs jahr jahre jahren ans année années año años",
    "%": "% percent prozent",
    "€": "€ euro euros eur",
    "$": "$ dollar dollars usd bucks",
    "£": "£ pound pounds gbp quid",
    "km": "km kilometer kilometers kilometres",
    "kg": "kg kilo kilos",
    "gb": "gb gig gigs gigabyte gigabytes",
    "mb": "mb megabyte megabytes",
}
UNITS: Mapping[str, str] = MappingProxyType(
    {fold(word): unit for unit, words in _UNITS.items() for word in words.split()}
)
"""Folded word or sign to its unit."""
SECONDS: Mapping[str, int] = MappingProxyType(
    {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
)
"""Units of time that are counted in each other."""
DURATIONS = frozenset({*SECONDS, "month", "year"})
CURRENCIES = frozenset("€$£")
SIZES = frozenset({"gb", "mb"})

_WORD = re.compile(r"[^\W\d_]+")
_NAMES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        language: frozenset({*STOP_WORDS[language], *WEEKDAYS[language], *MONTHS[language], *NUMBERS[language]})
        for language in LANGUAGES
    }
)


def language_of(text: str, default: str = LANGUAGES[0]) -> str:
    """The one of `LANGUAGES` that a text has most words of, by function words and names; `default` where it has none.

    Of several with as many it is the default, or else the first.
    """
    counts = _counts(text)
    return max((default, *LANGUAGES), key=lambda language: counts.get(language, 0))


def languages_of(text: str) -> list[str]:
    """Those of `LANGUAGES` that a text has most words of; several where they are as many."""
    counts = _counts(text)
    most = max(counts.values())
    return [language for language in LANGUAGES if counts[language] == most]


def _counts(text: str) -> dict[str, int]:
    """How many words of each language a text has."""
    counts = dict.fromkeys(LANGUAGES, 0)
    for word in _WORD.findall(text.casefold()):
        forms = {word, fold(word)}
        for language, names in _NAMES.items():
            counts[language] += not names.isdisjoint(forms)
    return counts


def value_of(table: Table, word: str, languages: Iterable[str] = LANGUAGES) -> int | None:
    """What a folded word stands for in a table, in the first of the languages that has it; None in none of them."""
    return next((table[language][word] for language in languages if word in table[language]), None)
