"""Reads the times that a question or a search names, as seen from now: "last Tuesday", "les 3 derniers jours".

What lines tell of days is read in `calendar_dates`, and figures in `figures`; this puts both on the clock of a time
zone and looks back where they may mean a time that was or one that comes. A text is read from left to right with a look
at the next few tokens, so that reading takes linear time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from bot.text.calendar_dates import RelativeTime, relative_times_of
from bot.text.calendar_words import NUMBERS, UNITS, WEEKDAYS, value_of
from bot.text.figures import values_of
from bot.text.meanings import YEARS, Clock, Day
from bot.text.relative_words import (
    A_FEW,
    BEFORE_PARTS,
    DAY_HOURS,
    NIGHTS,
    PLURAL_UNITS,
    SEVERAL_LAST,
    SHORT_UNITS,
    UNTIL_NOW,
    WHICH,
)
from bot.text.tokens import Tokens

SOON = 60
"""Days within which a month or a date without its year may also be the one that comes."""
LENGTHS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
_A_FEW = {"second": 60, "minute": 60, "hour": 24, "day": 7, "week": 4, "month": 3, "year": 3}
"""How many are meant where no number is told, as in "the last days"."""
_MOST = 9_999
_LONGEST_NIGHT = 3  # tokens of a name in NIGHTS
_YEARS_BACK = 8  # there is a 29 February in them


@dataclass(frozen=True, slots=True)
class Time:
    """A time that is named.

    Attributes:
        first: when it begins.
        end: when it is over.
        after: the place of the token after it.
        ahead: when it begins and ends if it is the next such time and not the last one, where that may be meant.
        whole: whether it is a date or a time by itself, and not a mere name of a month or weekday, or a year.
        dated: whether it is told by the calendar, and not by its distance from now.
        point: the exact time that is so far from now.
        bare: whether it is the day of a month that is not told with it.
    """

    first: datetime
    end: datetime
    after: int
    ahead: tuple[datetime, datetime] | None = None
    whole: bool = True
    dated: bool = False
    point: datetime | None = None
    bare: bool = False


class TimeReader:
    """Reads the times in a text.

    Args:
        text: in which times are named.
        now: the present, in the zone whose days are meant.
        languages: in which it is read.
        sole: whether the text is to be nothing but a time, so that a figure may be a date.
    """

    def __init__(self, text: str, now: datetime, languages: Sequence[str], *, sole: bool = False) -> None:
        self.tokens = Tokens(text)
        self._now, self._today, self._languages = now, now.date(), languages
        self._known: dict[int, Time | None] = {}
        self._relative = {time.start: time for time in relative_times_of(text, self._today, languages)}
        values = values_of(text, languages, heard=True)
        self._clocks = {
            value.start: (minutes, value.end)
            for value in values
            for minutes in [min(meaning.minutes) for meaning in value.meanings[:1] if isinstance(meaning, Clock)]
        }
        self._values = {v.start: v for v in values if v.day and (sole or isinstance(v.meanings[0], Day))}

    def __len__(self) -> int:
        return len(self.tokens)

    def read(self, place: int) -> Time | None:
        """The time that begins at a place."""
        if place not in self._known:
            self._known[place] = self._read(place)
        return self._known[place]

    def _read(self, place: int) -> Time | None:
        if self.tokens.at(place).kind == "":
            return None
        try:
            readings = (self._night, self._part, self._until_now, self._counted, self._distant, self._date, self._year)
            return next((time for reading in readings if (time := reading(place))), None)
        except (OverflowError, ValueError):  # beyond the calendar
            return None

    def length(self, place: int) -> tuple[timedelta, str, int] | None:
        """A length of time at a place ("3 days", "7d", "zwei Wochen"), its unit, and the place after it."""
        tokens, word = self.tokens, self.tokens.text(place)
        number = int(word) if tokens.is_number(place) and len(word) <= len(str(_MOST)) else None
        if number is None:
            number = value_of(NUMBERS, word, self._languages)
        last = place + 1 + (tokens.text(place + 1) in SEVERAL_LAST)  # "les 3 derniers jours"
        unit = self._unit(last, short=tokens.is_number(place) and tokens.at(last).glued)
        if number is None or unit not in LENGTHS:
            return None
        return number * LENGTHS[unit], unit, last + 1

    def day_beside(self, place: int, time: Time) -> Time | None:
        """Another day of the same month, told by its bare number behind a date: "May 3 to 5"."""
        word = self.tokens.text(place)
        if not (self.tokens.is_number(place) and len(word) <= 2 and time.dated and time.whole):
            return None
        day = _made(time.first.year, time.first.month, int(word))
        return None if day is None else Time(*self.days(day, day), place + 1, dated=True)

    def clock(self, place: int, day: datetime | None = None) -> Time | None:
        """The time of day at a place, of the day that begins so, or the last such time before now."""
        read = self._clocks.get(self.tokens.at(place).start) if self.tokens.at(place).kind else None
        if read is None:
            return None
        at = (day or self._midnight(self._today)) + timedelta(minutes=read[0])
        at -= timedelta(1) if day is None and at > self._now else timedelta()
        return Time(at, at, self._after(read[1]), point=at)

    def is_weekday(self, place: int) -> bool:
        """Whether a weekday stands at a place in full letters."""
        return value_of(WEEKDAYS, self.tokens.text(place)) is not None

    def _unit(self, place: int, *, short: bool = False) -> str:
        word = self.tokens.text(place)
        return (SHORT_UNITS.get(word) if short or word == "an" else None) or UNITS.get(word, "")

    def days(self, first: date, last: date) -> tuple[datetime, datetime]:
        """When a day begins, and when another is over, on the clock: in summer time's nights not 24 hours later."""
        return self._midnight(first), self._midnight(last + timedelta(1))

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self._now.tzinfo)

    def _hours(self, day: date, first: int, end: int, after: int) -> Time:
        midnight = self._midnight(day)
        return Time(midnight + timedelta(hours=first), midnight + timedelta(hours=end), after)

    def _night(self, place: int) -> Time | None:
        for after in range(place + _LONGEST_NIGHT, place, -1):
            if (days := NIGHTS.get(self.tokens.phrase(place, after))) is not None:
                return self._hours(self._today + timedelta(days), 17, 30, after)
        return None

    def _part(self, place: int) -> Time | None:
        """A part of a day: "this morning", "gestern Abend", "ayer por la tarde"."""
        day, after = self._today, place + 1
        if WHICH.get(self.tokens.text(place)) != "this":
            relative = self._relative.get(self.tokens.at(place).start)
            if relative is None or relative.first != relative.last or relative.others:
                return None
            day, after = relative.first, self._after(relative.end)
            if self.tokens.text(after - 1) in DAY_HOURS and after > place + 1:
                after -= 1
        while self.tokens.text(after) in BEFORE_PARTS and after < place + 5:
            after += 1
        hours = DAY_HOURS.get(self.tokens.text(after))
        return self._hours(day, *hours, after + 1) if hours else None

    def _until_now(self, place: int) -> Time | None:
        """So much time until now: "the last two weeks", "letzte Stunde", "ces 3 derniers jours"."""
        tokens = self.tokens
        if tokens.text(place + 1) in SEVERAL_LAST and (counted := self.length(place)):
            return self._back(*counted)
        if tokens.text(place) not in SEVERAL_LAST:
            return None
        if counted := self.length(place + 1):
            return self._back(*counted)
        after = place + 1
        while tokens.text(after) in A_FEW:
            after += 1
        unit, word = self._unit(after), tokens.text(after)
        several = word in PLURAL_UNITS or tokens.text(place) in UNTIL_NOW - {"past", "ultimo", "ultima"}
        if unit not in LENGTHS or not (several or tokens.text(place) in UNTIL_NOW or unit in ("hour", "minute")):
            return None
        return self._back((_A_FEW[unit] if several else 1) * LENGTHS[unit], unit, after + 1)

    def _back(self, length: timedelta, unit: str, after: int) -> Time:
        """From so long ago until now; of days or longer units from the beginning of the first day."""
        point = self.ago(length)
        first = self._midnight(point.date()) if unit in ("day", "week", "month", "year") else point
        return Time(first, self._now, after, point=point)

    def ago(self, length: timedelta) -> datetime:
        """The time that was so long ago."""
        return (self._now.astimezone(UTC) - length).astimezone(self._now.tzinfo)

    def _counted(self, place: int) -> Time | None:
        """So long ago: "two weeks ago", "vor 3 Stunden", "il y a un mois": the hour, day, week, month or year."""
        tokens, word = self.tokens, self.tokens.text(place)
        ahead = 3 * (tokens.phrase(place, place + 3) == "il y a") or (word in ("vor", "hace"))
        counted = self.length(place + ahead)
        if counted is None or not (ahead or tokens.text(counted[2]) == "ago"):
            return None
        length, unit, after = counted
        point, after = self.ago(length), after + (not ahead)
        if unit not in ("day", "week", "month", "year"):
            return Time(point - LENGTHS[unit], point + LENGTHS[unit], after, point=point)
        relative = self._relative.get(tokens.at(place).start)
        if relative is None:
            return None
        return replace(self._of_relative(relative), after=after, point=point)

    def _distant(self, place: int) -> Time | None:
        """A time that is counted from today: "yesterday", "Freitag letzter Woche", "le mois dernier"."""
        relative = self._relative.get(self.tokens.at(place).start)
        return None if relative is None else self._of_relative(relative)

    def _of_relative(self, time: RelativeTime) -> Time:
        first, last = time.first, time.last
        words = time.phrase.split()
        after = self._after(time.end)
        if first == last < self._today and any(UNITS.get(word) == "week" for word in words) and not _weekday(words):
            first -= timedelta(first.weekday())  # "two weeks ago" is roughly that week
            last = first + timedelta(6)
        if first == last > self._today and WHICH.get(words[0]) == "this":
            past = first - timedelta(7)
            return Time(*self.days(past, past), after, ahead=self.days(first, last))
        return Time(*self.days(first, last), after)

    def _date(self, place: int) -> Time | None:
        """A date, a month or a weekday: the last such time, and where it may be meant the next one."""
        value = self._values.get(self.tokens.at(place).start)
        days = [] if value is None else [meaning for meaning in value.meanings if isinstance(meaning, Day)]
        spans = next((spans for day in days if (spans := self._occurrences(day))), None)
        if value is None or spans is None:
            return None
        past, ahead = spans
        whole = any(day.day or day.year for day in days)
        bare = days[0].day is not None and days[0].month is None
        after = self._after(value.end)
        if past is None:
            return None if ahead is None else Time(*ahead, after, whole=whole, dated=whole)
        return Time(*past, after, ahead, whole, whole, bare=bare)

    def _occurrences(
        self, day: Day
    ) -> tuple[tuple[datetime, datetime] | None, tuple[datetime, datetime] | None] | None:
        """When a day or month that may be told by half was last, and when it is soon; None for what never is.

        A weekday is the one before today, as in "since Monday", and the one after that.
        """
        if day.weekday is not None and day.day is None and day.month is None:
            last = self._today - timedelta((self._today.weekday() - day.weekday - 1) % 7 + 1)
            return self.days(last, last), self.days(last + timedelta(7), last + timedelta(7))
        firsts = sorted(
            first
            for first in _dates(day, self._today.year)
            if day.day is None or day.weekday in (None, first.weekday())
        )
        if not firsts:
            return None
        spans = [self.days(first, first if day.day else _month_end(first)) for first in firsts]
        past = [span for span in spans if span[0] <= self._now]
        ahead = next((span for span in spans if span[0] > self._now), None)
        near = ahead if ahead and (not past or (ahead[0] - self._now).days <= SOON) else None
        return (past[-1] if past else None), near

    def _year(self, place: int) -> Time | None:
        tokens, word = self.tokens, self.tokens.text(place)
        glued = tokens.at(place).glued or (tokens.at(place + 1).glued and tokens.at(place + 1).kind != "sign")
        if not tokens.is_number(place) or len(word) != 4 or glued or int(word) not in YEARS:
            return None
        return Time(*self.days(date(int(word), 1, 1), date(int(word), 12, 31)), place + 1, whole=False, dated=True)

    def _after(self, end: int) -> int:
        """The place of the token that begins where another ends, or later."""
        low, high = 0, len(self.tokens)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.tokens.at(middle).start < end else (low, middle)
        return low


def _weekday(words: Sequence[str]) -> bool:
    return any(value_of(WEEKDAYS, word) is not None for word in words)


def _dates(day: Day, year: int) -> list[date]:
    """The dates that a day or the first of a month may mean, some years back and one ahead."""
    years = (day.year,) if day.year else range(year - (_YEARS_BACK if day.month else 1), year + 2)
    months = (day.month,) if day.month else range(1, 13)
    return [made for each in years for month in months if (made := _made(each, month, day.day or 1))]


def _made(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(4)).replace(day=1) - timedelta(1)
