"""The stretches of time that a text names: "since Friday", "zwischen dem 3. und 5. Mai", "les 3 derniers jours".

Of a question they tell when what it asks for was said or happened; of an option like `since` they are all of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bot.domain import snowflake
from bot.text.calendar_dates import occurrences, relative_times_of
from bot.text.calendar_words import LANGUAGES, language_of, languages_of
from bot.text.figures import values_of
from bot.text.meanings import Day
from bot.text.relative_words import ABOUT, AFTER, ARTICLES, AT, BEFORE, FROM, SINCE, TO, UP_TO
from bot.text.time_reader import Time, TimeReader

_MOST_ARTICLES = 3
_LONGEST = timedelta(days=31)  # what a text tells more roughly says little of a day
_AND = frozenset({"and", "und", "et", "y", "a"})
"""Without a word like "between" before them they list times, and make no stretch of two."""
_AGO = frozenset({"ago", "her"})
_CLOSING = frozenset(".,;:!?)")
_YESTERDAY = re.compile(r"昨日|昨天|어제|\b(?:ontem|ieri|вчера)\b", re.IGNORECASE)
_Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time that a text names.

    Attributes:
        first: when it begins.
        end: when it is over.
        named: the time that is named, where the stretch only begins or ends with it ("before June").
        ahead: another one that may be meant, which has yet to come.
        start: where it is named in the text.
        stop: where that ends.
        is_topic: whether it only says which thing is meant ("the plan for Friday"), or up to when something is due.
        dated: whether it is told by the calendar, and not by its distance from now.
    """

    first: datetime
    end: datetime
    named: _Stretch
    ahead: _Stretch | None
    start: int
    stop: int
    is_topic: bool = False
    dated: bool = False


def periods_of(text: str, now: datetime) -> list[Period]:
    """The stretches of time that a question names, in the language that most of it is in.

    Args:
        text: of the question.
        now: when it is asked, in the zone whose days are meant.
    """
    readers = (_PeriodReader(TimeReader(text, now, (language,)), now) for language in languages_of(text))
    periods = next((periods for reader in readers if (periods := reader.all())), [])
    if not periods and (match := _YESTERDAY.search(text)):
        day = now.date() - timedelta(1)
        first, end = TimeReader("", now, LANGUAGES).days(day, day)
        return [Period(first, end, (first, end), None, *match.span())]
    return periods


def whole_period(text: str, now: datetime) -> tuple[datetime, datetime] | None:
    """The stretch of time that is all of a text, in any of the languages; None for what is no time.

    What is told as so long ago begins and ends at that moment, or begins there and ends now ("last 3 days").
    """
    readers = (_PeriodReader(TimeReader(text, now, (language,), sole=True), now) for language in LANGUAGES)
    try:
        return next((stretch for reader in readers if (stretch := reader.whole())), None)
    except (OverflowError, ValueError):  # beyond the calendar
        return None


def is_dated_in(text: str, on: date, stretches: Sequence[tuple[date, date]]) -> bool:
    """Whether a text tells a day, week or month that lies in one of some stretches of days, or touches it.

    Args:
        text: a line or a statement.
        on: the day on which it was said.
        stretches: each with its first and last day.
    """
    language = language_of(text)
    return any(
        first <= end and last >= begin and last - first <= max(_LONGEST, end - begin)
        for first, last in _told_spans(text, on, language)
        for begin, end in stretches
    )


def _told_spans(text: str, on: date, language: str) -> Iterator[tuple[date, date]]:
    """The days, weeks, months and years that a text tells, each with its first and last day."""
    yield from ((time.first, time.last) for time in relative_times_of(text, on, (language,)))
    for value in values_of(text, (language,)):
        day = value.meanings[0]
        if not isinstance(day, Day):
            continue
        is_month = day.day is None and day.weekday is None
        for first in occurrences(replace(day, day=1) if is_month else day, on)[:1]:
            yield first, first + timedelta(27) if is_month else first


class _PeriodReader:
    def __init__(self, times: TimeReader, now: datetime) -> None:
        self._times, self._tokens, self._now = times, times.tokens, now

    def all(self) -> list[Period]:
        periods, place = [], 0
        while place < len(self._tokens):
            after = place + 1
            if read := self._pair(place) or self._open(place) or self._alone(place):
                period, after = read
                periods.append(period)
            place = after
        return periods

    def whole(self) -> _Stretch | None:
        """What all tokens are, with a word like "since" or "on" before them at most."""
        tokens = self._tokens
        place = self._past_articles(int(tokens.text(0) in SINCE | AT))
        if (pair := self._pair(0)) and self._ends(pair[1]):
            return pair[0].first, pair[0].end
        times = (time for start in dict.fromkeys((0, place)) if (time := self._to_the_clock(start)))
        if time := next((time for time in times if self._ends(time.after)), None):
            first = time.point or time.first
            return first, first if time.point and time.end != self._now else time.end
        length = self._times.length(place)
        if length and self._ends(length[2] + (tokens.text(length[2]) in _AGO)):
            return (moment := self._times.ago(length[0])), moment
        clock = self._times.clock(place)
        return (clock.first, clock.end) if clock and self._ends(clock.after) else None

    def _ends(self, place: int) -> bool:
        """Whether nothing but a dot follows."""
        return place + (self._tokens.text(place) == ".") >= len(self._tokens)

    def _to_the_clock(self, place: int) -> Time | None:
        """A time, with the time of day behind a day: "yesterday at 18:00", "gestern um 9 Uhr"."""
        time = self._times.read(place)
        if time is None:
            return None
        is_day = time.point is None and time.end - time.first < timedelta(days=2)
        clock = self._times.clock(self._past_articles(time.after), time.first) if is_day else None
        return clock or time

    def _period(
        self, start: int, stretch: _Stretch, time: Time, *, named: _Stretch | None = None, is_topic: bool = False
    ) -> Period:
        places = self._tokens.at(start).start, self._tokens.at(time.after - 1).end
        return Period(*stretch, named or stretch, time.ahead, *places, is_topic, time.dated)

    def _pair(self, place: int) -> tuple[Period, int] | None:
        """A stretch with both its ends: "between 3 and 5 May", "vom 3. bis 5. Mai", "3-5 May"."""
        start = self._past_articles(place + 1) if self._tokens.text(place) in FROM else place
        first = self._times.read(start)
        if first is None:
            return None
        between = first.after + (self._tokens.text(first.after) == ".")  # "3. bis 5. Mai"
        joint = self._tokens.text(between)
        listed = joint not in TO or (start == place and joint in _AND)
        behind = self._past_articles(between + 1)
        last = None if listed else self._times.read(behind) or self._times.day_beside(behind, first)
        begin = first.first
        if last is None or (begin > last.first and first.whole and not first.dated):
            return None
        if first.bare:
            begin = _day_before(begin.day, last.first)
        while begin > last.first:
            begin = _before(begin, first)
        return self._period(place, (begin, last.end), last), last.after

    def _open(self, place: int) -> tuple[Period, int] | None:
        """A stretch with one end: "since Friday", "after 3 May", "before June", "bis gestern"."""
        word = self._tokens.text(place)
        if word not in SINCE | AFTER | BEFORE | UP_TO and self._tokens.phrase(place, place + 2) != "as of":
            return None
        time = self._times.read(place)  # "vor zwei Wochen"
        time = None if time else self._times.read(self._past_articles(place + 1))
        if time is None:
            return None
        if word in SINCE | AFTER:
            first = time.end if word in AFTER else time.first
            time = replace(time, ahead=None)
            return None if first > self._now else (self._period(place, (first, self._now), time), time.after)
        end = time.first if word in BEFORE else time.end
        due = time.ahead is not None or end > self._now
        return self._period(place, (snowflake.FIRST, end), time, named=(time.first, time.end), is_topic=due), time.after

    def _alone(self, place: int) -> tuple[Period, int] | None:
        """A time by itself: whole ones anywhere, names of months and weekdays and years only as times."""
        time = self._times.read(place)
        if time is None or not (time.whole or self._is_at(place, time)):
            return None
        before = self._before_articles(place)
        topic = self._tokens.text(before) in ABOUT
        return self._period(place, (time.first, time.end), time, is_topic=topic), time.after

    def _is_at(self, place: int, time: Time) -> bool:
        """Whether something makes a bare name a time: a word before it, or of a weekday that nothing follows it."""
        before, after = self._tokens.text(place - 1), self._tokens.at(time.after)
        if before in AT:
            return True
        ends = after.kind == "" or after.text in _CLOSING
        return self._times.is_weekday(place) and ends and before not in ABOUT | ARTICLES

    def _past_articles(self, place: int) -> int:
        for _ in range(_MOST_ARTICLES):
            place += self._tokens.text(place) in ARTICLES and self._times.read(place) is None
        return place

    def _before_articles(self, place: int) -> int:
        before = place - 1
        while place - before <= _MOST_ARTICLES and self._tokens.text(before) in ARTICLES - ABOUT:
            before -= 1
        return before


def _day_before(day: int, last: datetime) -> datetime:
    """The last such day of a month that is not after another day."""
    month = last if last.day >= day else last.replace(day=1) - timedelta(days=1)
    return month.replace(day=min(day, month.day))


def _before(begin: datetime, time: Time) -> datetime:
    """The weekday a week before, or the month or date a year before."""
    if not time.whole and time.end - time.first < timedelta(days=2):
        return begin - timedelta(days=7)
    return begin.replace(year=begin.year - 1, day=min(begin.day, 28) if begin.month == 2 else begin.day)
