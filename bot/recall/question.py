"""What a question asks for: its words, people, dates, and whether it wants what holds now.

Function words are understood in the languages that `bot.text` tells apart; where a language has no entry here, the
question is still answered by its words alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo

from bot.domain import people_in, snowflake
from bot.text import (
    WRITTEN_MONTHS,
    Period,
    author_token,
    is_dated_in,
    mention_token,
    periods_of,
    question_terms,
    window_in_words,
)

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

DAY_ECHO = timedelta(days=2)  # people tell on the next days what happened on a day,
MONTH_ECHO = timedelta(days=10)  # and in the next week or so what happened in a month
DAY_LEAD = timedelta(days=1)  # some members are in other time zones
MONTH_LEAD = timedelta(days=7)  # who names a month may mean the days around its first
MONTH = timedelta(days=28)
LATELY = timedelta(days=14)  # of a day within these, what was said then is asked for, though another one may come
MOST_MONTHS = 4
"""So many months of a time are looked for by their names."""
TELLING = 14 * 86_400_000 << 22  # two weeks between snowflakes
LONGEST_OF_MONTHS = 200
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that a question names.

    Attributes:
        start: the first snowflake of the time that is named.
        end: the first one after it.
        around_start: the first snowflake shortly before it.
        around_end: the first one after the time in which people still tell of it.
        first: the first snowflake of what is asked about, which may only begin or end with the time that is named.
        last: the last one, with the time after it in which people still tell of it.
        words: from when until when that is.
        days: its first and last day, and those of another one ahead that may be meant.
        restricts: whether only what was said in it, or is dated in it, is asked for.
    """

    start: int
    end: int
    around_start: int
    around_end: int
    first: int
    last: int
    words: str
    days: tuple[tuple[date, date], ...]
    restricts: bool

    def closeness(self, message_id: int) -> float:
        """1 within the time that is named, one half shortly around it, else 0."""
        if self.start <= message_id < self.end:
            return 1.0
        return 0.5 if self.around_start <= message_id < self.around_end else 0.0

    def admits(self, message_id: int) -> bool:
        """Whether a message is of what is asked about, or of the time after it in which people still tell of it."""
        return self.first <= message_id <= self.last

    @property
    def told_from(self) -> int:
        """From when on people may tell of it relative to their own day, as in "next month"."""
        return max(0, self.first - self._told_around)

    @property
    def told_until(self) -> int:
        """Until when they may, as in "last month"."""
        return min(snowflake.HIGHEST, self.last + self._told_around)

    @property
    def _told_around(self) -> int:
        return max(TELLING, (self.end - self.start) * 2)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the question.

    Attributes:
        terms: what it may stand under; one of them is enough.
        name: it is (part of) the name of somebody whom the question is about.
        time: it only tells the time that is asked about.
        before: it is of the question before this one alone, or of what this one found.
    """

    terms: tuple[str, ...]
    name: bool = False
    time: bool = False
    before: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question, understood.

    Attributes:
        words: without function words and doubles.
        people: members named or mentioned, and the asker if they ask about themselves: likely authors of the answer.
        spans: the times that it names.
        wants_now: it asks for what holds now, so newer is better.
        wants_time: it asks when something was.
        several: it asks for more than one thing.
        zone: whose days it means.
        terms: all terms that its words may stand under.
    """

    words: tuple[Word, ...]
    people: frozenset[int] = frozenset()
    spans: tuple[Span, ...] = ()
    wants_now: bool = False
    wants_time: bool = False
    several: bool = False
    zone: tzinfo = UTC
    terms: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Gather the terms."""
        object.__setattr__(self, "terms", frozenset(term for word in self.words for term in word.terms))

    @property
    def restricts(self) -> bool:
        """Whether only what is of its times is asked for."""
        return bool(self.spans) and all(span.restricts for span in self.spans)

    @property
    def is_long(self) -> bool:
        """Whether one of its times is some months or more."""
        return any((last - first).days > LONGEST_OF_MONTHS for span in self.spans for first, last in span.days)

    def closeness(self, message_id: int) -> float:
        """How near to its times a message was sent, from 0 to 1."""
        return max((span.closeness(message_id) for span in self.spans), default=0.0)

    def admits(self, message_id: int) -> bool:
        """Whether a message is of one of its times."""
        return any(span.admits(message_id) for span in self.spans)

    def is_dated(self, text: str, said_id: int) -> bool:
        """Whether a text tells a day of one of its times, counted from the day on which it was said."""
        on = snowflake.to_datetime(said_id).astimezone(self.zone).date()
        return is_dated_in(text, on, [days for span in self.spans for days in span.days])

    @property
    def dates(self) -> frozenset[str]:
        """Terms of which a text holds one that tells a day of its times in figures and words, not relative to its own.

        None for times that are longer than a few months.
        """
        months = {month for span in self.spans for first, last in span.days for month in _months(first, last)}
        names = (table[month - 1] for month in months for table in WRITTEN_MONTHS.values())
        return frozenset(stem for name in names for stems in question_terms(name) for stem in stems)

    def without_restriction(self) -> Question:
        """The same question, for which the times only count as likelier."""
        return replace(self, spans=tuple(replace(span, restricts=False) for span in self.spans))

    def after(self, earlier: Question) -> Question:
        """This question with what the one before it tells and it leaves out itself: words, people, times.

        It need not be about the time of the one before it, which therefore only counts as likelier.
        """
        own = {word.terms for word in self.words}
        added = [
            replace(word, before=True)
            for word in earlier.words
            if word.terms not in own and not (word.time and self.spans)
        ]
        return replace(
            self,
            words=(*self.words, *added),
            people=self.people or earlier.people,
            spans=self.spans or earlier.without_restriction().spans,
        )

    def with_words(self, words: Iterable[Word]) -> Question:
        """This question with more words."""
        return replace(self, words=(*self.words, *words))

    @property
    def subject(self) -> frozenset[int]:
        """The places of the words that tell what it is about, and not who or when."""
        return frozenset(place for place, word in enumerate(self.words) if not (word.name or word.time))


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
    now = snowflake.to_datetime(newest).astimezone(zone)
    periods = _asked_about(text, now)
    untimed = _without(text, periods)
    timed = {stems for period in periods for stems in question_terms(text[period.start : period.stop])}
    return Question(
        words=_words(text, name_terms, people, timed.difference(question_terms(untimed))),
        people=frozenset(people),
        spans=tuple(_span(period, now, zone) for period in periods),
        wants_now=bool(_NOW.search(text)),
        wants_time=bool(_WHEN.search(text)),
        several=_parts(untimed, name_terms) > 1,
        zone=zone,
    )


def _words(
    text: str, name_terms: set[str], people: Collection[int], timed: Collection[tuple[str, ...]]
) -> tuple[Word, ...]:
    """The distinct words; a name may also stand as a mention of its bearer.

    A question with no words but names asks what these people said.
    """
    mentions = tuple(mention_token(user_id) for user_id in sorted(people))
    words: dict[Word, None] = {}
    for terms in question_terms(text):
        named = not name_terms.isdisjoint(terms)
        words[Word((*terms, *mentions), name=True) if named else Word(terms, time=terms in timed)] = None
    if people and all(word.name for word in words):
        words[Word(tuple(author_token(user_id) for user_id in sorted(people)), name=True)] = None
    return tuple(words)


def _parts(text: str, name_terms: set[str]) -> int:
    """How many parts of the question have a word that is not a name."""
    return sum(any(name_terms.isdisjoint(terms) for terms in question_terms(part)) for part in _PARTS.split(text))


def _asked_about(text: str, now: datetime) -> list[Period]:
    """The times that a question names; where one is a date, those that are counted from now are about that date."""
    periods = periods_of(text, now)
    return [period for period in periods if period.dated] or periods


def _without(text: str, periods: Sequence[Period]) -> str:
    """The question without the times that it names."""
    places = [0, *(place for period in periods for place in (period.start, period.stop)), len(text)]
    return " ".join(text[start:stop] for start, stop in zip(places[::2], places[1::2], strict=True))


def _span(period: Period, now: datetime, zone: tzinfo) -> Span:
    """A period as snowflakes, with the time after it in which people still tell of it."""
    first, end = period.named
    echo = DAY_ECHO if end - first < MONTH else MONTH_ECHO
    is_month = first.day == 1 and _moved(first, MONTH) <= end <= _moved(first, MONTH + MONTH_LEAD)
    asked = _moved(period.first, -MONTH_LEAD) if is_month else period.first
    bounds = (first, end, _moved(first, -DAY_LEAD), _moved(end, echo), asked, _moved(period.end, echo))
    stretches = [(period.first, period.end), *([period.ahead] if period.ahead else [])]
    start, over, around_start, around_end, admitted, echo_end = map(snowflake.from_datetime, bounds)
    return Span(
        start=start,
        end=over,
        around_start=around_start,
        around_end=around_end,
        first=admitted,
        last=echo_end - 1,
        words=window_in_words(_unless_open(period.first), snowflake.from_datetime(period.end) - 1, zone),
        days=tuple((first.date(), (end - INSTANT).date()) for first, end in stretches),
        restricts=not period.is_topic and period.first <= now and not _is_likelier_ahead(period, now),
    )


def _is_likelier_ahead(period: Period, now: datetime) -> bool:
    """Whether a day or month told by half is rather the next one: what is planned for it was said before it."""
    return period.ahead is not None and period.ahead[0] - now < now - period.first - LATELY


def _unless_open(moment: datetime) -> int | None:
    return None if moment <= snowflake.FIRST else snowflake.from_datetime(moment)


def _months(first: date, last: date) -> Iterator[int]:
    """The months from one day to another; none where they are many."""
    count = 12 * (last.year - first.year) + last.month - first.month + 1
    yield from ((first.month - 1 + n) % 12 + 1 for n in range(count if count <= MOST_MONTHS else 0))


def _moved(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return moment
