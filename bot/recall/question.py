"""What a question asks for: its words, people, dates, and whether it wants what holds now.

Function words are understood in the languages that `bot.text` tells apart; where a language has no entry here, the
question is still answered by its words alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from bot.domain import people_in, snowflake
from bot.text import as_matched, author_token, mention_token, question_terms

_NOW = re.compile(
    r"\b(?:current|currently|now|latest|still|recent|newest|remains?|today|as of"
    r"|aktuell\w*|derzeit|jetzt|neueste\w*|momentan|noch|actuel\w*|maintenant|encore|actualmente|ahora|todavía"
    r"|atual\w*|agora|ainda|attual\w*|adesso|ancora|huidige|nog|nuvarande|fortfarande|nåværende|fortsatt|nuværende"
    r"|obecn\w*|teraz|şimdi|güncel|сейчас|текущ\w*|зараз)\b|现在|目前|当前|現在|最新|今|지금|현재",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\b(?:when|wh(?:at|ich) (?:date|day|month|year|time)|how long|wann|quand|cuándo|quando|wanneer|när|når|hvornår"
    r"|milloin|kiedy|kdy|ne zaman|când|mikor|kapan|когда|коли)\b|什么时候|什麼時候|いつ|언제",
    re.IGNORECASE,
)
_MYSELF = re.compile(
    r"\b(?:i|me|my|mine|myself|ich|mich|mir|mein\w?|je|moi|mon|mes|yo|mis|eu|meu|minha|io|mio|mia|ik|mij|mijn|jag|mig|"
    r"mitt|jeg|meg|moje|ja|мне|мой|моя|я)\b",
    re.IGNORECASE,
)
_PARTS = re.compile(
    r"[,;?、，]\s*|(?<!\s)\s+(?:and|or|&|plus|und|oder|y|et|e|ou|en|och|og|ja|i|oraz|ve|și|és|a|dan|и|та)\s+",
    re.IGNORECASE,
)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:uary|ruary|ch|il|e|y|ust|t(?:ember)?|ober|ember)?"
)
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?(?:\s+of)?\s+{_MONTH}\b\.?,?\s*{_YEAR}?",
        rf"\b{_MONTH}\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b,?\s*{_YEAR}?",
        rf"\b{_YEAR}-(?P<month>\d\d)-(?P<day>\d\d)\b",
        rf"\b(?P<day>\d{{1,2}})\.(?P<month>\d{{1,2}})\.{_YEAR}",
        rf"\b{_MONTH}\b\.?,?\s*{_YEAR}",
        rf"\b(?:in|during|of|since|around|late|early|mid)[ -](?:the\s+)?{_MONTH}\b",
    )
)
_AGO = re.compile(
    r"\b(?:(?P<yesterday>yesterday|gestern|ayer|ontem|ieri|вчера)|(?P<which>last|this) (?P<unit>week|month)"
    r"|(?P<number>\d{1,3}|an?|one|two|three|four|five|six) (?P<units>day|week|month)s? ago)\b|昨日|昨天|어제",
    re.IGNORECASE,
)
_NUMBERS = {"this": 0, "last": 1, "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
DAY_ECHO = timedelta(days=2)  # people tell on the next days what happened on a day,
MONTH_ECHO = timedelta(days=10)  # and in the next week or so what happened in a month
DAY_LEAD = timedelta(days=1)  # some members are in other time zones


@dataclass(frozen=True, slots=True)
class Span:
    """A day, a week or a month that a question names, as snowflakes: said within it, or shortly around it."""

    start: int
    end: int
    around_start: int
    around_end: int

    def closeness(self, message_id: int) -> float:
        """1 within the span, one half shortly around it, else 0."""
        if self.start <= message_id < self.end:
            return 1.0
        return 0.5 if self.around_start <= message_id < self.around_end else 0.0


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the question.

    Attributes:
        terms: what it may stand under; one of them is enough.
        name: it is (part of) the name of somebody whom the question is about.
    """

    terms: tuple[str, ...]
    name: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question, understood.

    Attributes:
        words: without function words and doubles.
        people: members named or mentioned, and the asker if they ask about themselves: likely authors of the answer.
        span: a day, week or month that it names.
        wants_now: it asks for what holds now, so newer is better.
        wants_time: it asks when something was.
        several: it asks for more than one thing.
    """

    words: tuple[Word, ...]
    people: frozenset[int] = frozenset()
    span: Span | None = None
    wants_now: bool = False
    wants_time: bool = False
    several: bool = False


def understand(
    text: str, *, names: Mapping[int, str], asker_id: int | None, newest: int, zone: tzinfo = UTC
) -> Question:
    """Read a question.

    Args:
        text: as it was asked.
        names: members whom it names, with their names.
        asker_id: who asks.
        newest: a snowflake of the present, by which a date without a year is the last such date.
        zone: where the members are; it decides when a day begins.
    """
    people = {*names, *people_in([text])}
    if asker_id is not None and _MYSELF.search(text):
        people.add(asker_id)
    name_terms = {term for name in names.values() for stems in question_terms(name) for term in stems}
    dated = _date(text, snowflake.to_datetime(newest).astimezone(zone))
    span, written = dated if dated else (None, "")
    return Question(
        words=_words(text, name_terms, people),
        people=frozenset(people),
        span=span,
        wants_now=bool(_NOW.search(text)),
        wants_time=bool(_WHEN.search(text)),
        several=_parts(text.replace(written, " ") if written else text, name_terms) > 1,
    )


def _words(text: str, name_terms: set[str], people: Collection[int]) -> tuple[Word, ...]:
    """The distinct words; a name may also stand as a mention of its bearer.

    A question with no words but names asks what these people said.
    """
    mentions = tuple(mention_token(user_id) for user_id in sorted(people))
    words: dict[Word, None] = {}
    for terms in question_terms(text):
        named = not name_terms.isdisjoint(terms)
        words[Word((*terms, *mentions), name=True) if named else Word(terms)] = None
    if people and all(word.name for word in words):
        words[Word(tuple(author_token(user_id) for user_id in sorted(people)), name=True)] = None
    return tuple(words)


def _parts(text: str, name_terms: set[str]) -> int:
    """How many parts of the question have a word that is not a name."""
    return sum(any(name_terms.isdisjoint(terms) for terms in question_terms(part)) for part in _PARTS.split(text))


def _date(text: str, now: datetime) -> tuple[Span, str] | None:
    for pattern in _DATES:
        match = pattern.search(text)
        if match:
            span = _span(match.groupdict(), now)
            return (span, match[0]) if span else None
    match = _AGO.search(text)
    return (_ago(match.groupdict(), now), match[0]) if match else None


def _ago(parts: Mapping[str, str | None], now: datetime) -> Span:
    """A day, week (from Monday) or month of the calendar that is told by its distance from now."""
    number = as_matched(parts["which"] or parts["number"] or "one")
    count = int(number) if number.isdecimal() else _NUMBERS[number]
    unit = as_matched(parts["unit"] or parts["units"] or "day")
    today = now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if unit == "month":
        years, month = divmod(today.year * 12 + today.month - 1 - count, 12)
        start = today.replace(year=years, month=month + 1, day=1)
        return _spanning(start, (start + timedelta(days=31)).replace(day=1), MONTH_ECHO)
    if unit == "week":
        start = today - timedelta(days=today.weekday(), weeks=count)
        return _spanning(start, start + timedelta(weeks=1), DAY_ECHO)
    start = today - timedelta(days=count)
    return _spanning(start, start + timedelta(days=1), DAY_ECHO)


def _span(parts: Mapping[str, str | None], now: datetime) -> Span | None:
    month_text, day = parts["month"] or "", parts.get("day")
    month = int(month_text) if month_text.isdigit() else _MONTHS.index(as_matched(month_text)[:3]) + 1
    year = parts.get("year")
    try:
        start = datetime(int(year) if year else now.year, month, int(day or 1), tzinfo=now.tzinfo)
        if not year and start > now:
            start = start.replace(year=start.year - 1)
    except ValueError:  # no such day
        return None
    end = start + timedelta(days=1) if day else (start + timedelta(days=31)).replace(day=1)
    return _spanning(start, end, DAY_ECHO if day else MONTH_ECHO)


def _spanning(start: datetime, end: datetime, echo: timedelta) -> Span:
    return Span(*map(snowflake.from_datetime, (start, end, start - DAY_LEAD, end + echo)))
