"""Days that are told by half ("the 25th", "14 October", "next Friday"), counted from the day on which they were said.

Code counts days better than a small model does.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from bot.text.calendar_words import NUMBERS, SHORT_WEEKDAYS, UNITS, WEEKDAYS, value_of
from bot.text.figures import values_of
from bot.text.meanings import Day, Number, Value
from bot.text.relative_words import BEHIND, COMING, DAY_PARTS, DAY_WORDS, LAST, MORNINGS, NEXT, THIS, WHICH
from bot.text.tokens import Tokens

LONGEST_AHEAD = 300  # days within which a date without its year is taken to come
LONGEST_AGO = 200  # days within which it may have been
_AGO_WITH_MONTH = 2  # a date that was is as likely as one twice as far ahead
_AGO = 3  # the same without a month: the 3rd, said on the 5th, was the day before yesterday
_BETWEEN = 2  # tokens between two times that may be one, as in "on Friday in two weeks"

_AHEAD = frozenset({"in", "dans", "en"})
_SPANS = {"day": 1, "week": 7}
_PERIODS = frozenset({"week", "weekend", "month", "year"})
_APART_WORDS = "and or but to not than und oder auf bis statt nicht y o pero et ou mais a au"
_APART = frozenset((*".,;:!?()[]+/&–-—→>", *_APART_WORDS.split()))
"""What stands between two times that are two."""


@dataclass(frozen=True, slots=True)
class RelativeTime:
    """A time that is counted from when it was said.

    Attributes:
        phrase: its folded words.
        start: where it begins in the text.
        end: where it ends.
        first: the day, or the first one of the week or month.
        last: the same day, or the last one of the week or month.
        others: days that it may mean as well.
        sure: whether it is a time of its own, and not a part of another ("on Friday in two weeks").
    """

    phrase: str
    start: int
    end: int
    first: date
    last: date
    others: tuple[date, ...] = ()
    sure: bool = True

    @property
    def is_rough(self) -> bool:
        """Whether it is told in weeks, so that a date beside it is surer."""
        return any(UNITS.get(word) == "week" for word in self.phrase.split())

    @property
    def month(self) -> Day | None:
        """The month that it is, with its year."""
        whole = self.first.day == 1 and _WEEK < (self.last - self.first).days < _LONGEST_MONTH
        return Day(year=self.first.year, month=self.first.month) if whole else None

    @property
    def year(self) -> int | None:
        """The year that it is."""
        return self.first.year if (self.last - self.first).days >= _LONGEST_MONTH else None

    @property
    def days(self) -> frozenset[date]:
        """Every day that it may mean; none where it is longer than a week."""
        count = (self.last - self.first).days + 1
        days = (self.first + timedelta(n) for n in range(count if count <= 7 else 0))
        return frozenset((*days, *self.others))


_Period = tuple[date, date, tuple[date, ...], int]
"""First and last day, other days that may be meant, and the place of the token after it."""


def relative_times_of(text: str, on: date, languages: Sequence[str]) -> list[RelativeTime]:
    """The times in a text that are counted from the day on which it was said."""
    tokens = Tokens(text)
    reader = _DateReader(tokens, on, languages)
    read: list[tuple[int, int, _Period]] = []
    place = 0
    while place < len(tokens):
        if period := reader.read(place):
            read.append((place, period[3], period))
        place = period[3] if period else place + 1
    taken = {part for start, after, _ in read for part in range(start, after)}
    times = []
    for start, after, (first, last, others, _) in read:
        span = tokens.at(start).start, tokens.at(after - 1).end
        sure = not reader.is_part(start, after, taken) and not reader.is_duration(start, after)
        times.append(RelativeTime(tokens.phrase(start, after), *span, first, last, others, sure))
    return times


class _DateReader:
    def __init__(self, tokens: Tokens, on: date, languages: Sequence[str]) -> None:
        self._tokens, self._said, self._languages = tokens, on, languages

    def read(self, place: int) -> _Period | None:
        """The relative time that begins at a place."""
        if self._tokens.at(place).kind == "":
            return None
        try:
            readings = (self._day_word, self._of_week, self._weekday, self._week_or_month, self._counted)
            return next((period for reading in readings if (period := reading(place))), None)
        except (OverflowError, ValueError):  # beyond the calendar
            return None

    def is_part(self, start: int, after: int, taken: Container[int]) -> bool:
        """Whether a weekday, a unit of time or another relative time stands so near that both tell one time."""
        sides = range(start - 1, start - 2 - _BETWEEN, -1), range(after, after + 1 + _BETWEEN)
        return any(self._joins(side, taken) for side in sides)

    def is_duration(self, start: int, after: int) -> bool:
        """Whether months or years counted with "in" may tell how long something took: "twice in a year"."""
        unit = UNITS.get(self._tokens.text(after - 1))
        return self._tokens.text(start) in ("in", "en") and unit in ("month", "year")

    def _joins(self, side: Iterable[int], taken: Container[int]) -> bool:
        for place in side:
            token = self._tokens.at(place)
            if token.kind in ("", "number") or token.text in _APART:
                return False
            unit = UNITS.get(token.text) in _PERIODS | {"day"}
            if unit or place in taken or value_of(WEEKDAYS, token.text) is not None:
                return True
        return False

    def _one(self, days: int, after: int) -> _Period:
        day = self._said + timedelta(days)
        return day, day, (), after

    def _day_word(self, place: int) -> _Period | None:
        tokens = self._tokens
        mornings, before = MORNINGS.get(tokens.text(place), frozenset()), tokens.at(place - 1)
        if before.text in mornings or (
            mornings and tokens.at(place).capital and (before.kind in ("word", "number") or before.text == ")")
        ):
            return None
        for after in range(place + 4, place, -1):
            phrase = tokens.phrase(place, after)
            for language in self._languages:
                if (days := DAY_WORDS[language].get(phrase)) is not None:
                    return self._one(days, after + (tokens.text(after) in DAY_PARTS))
        return None

    def _of_week(self, place: int) -> _Period | None:
        """A weekday and its week: "Friday next week", "next week on Friday", "Freitag nächster Woche"."""
        tokens = self._tokens
        name = value_of(WEEKDAYS, tokens.text(place))
        if name is not None:
            week = self._week_or_month(place + 1 + (tokens.text(place + 1) == "of"))
            end = week[3] if week else place
        else:
            week = self._week_or_month(place)
            end = week[3] if week else place
            end += tokens.text(end) == ","
            end += tokens.text(end) in ("on", "am")
            name, end = value_of(WEEKDAYS, tokens.text(end)), end + 1
        if week is None or name is None or (week[1] - week[0]).days != 6:
            return None
        return (day := week[0] + timedelta(name)), day, (), end

    def _weekday(self, place: int) -> _Period | None:
        tokens = self._tokens
        which, name, after = WHICH.get(tokens.text(place)), value_of(WEEKDAYS, tokens.text(place + 1)), place + 2
        if name is None and which is not None:
            name = value_of(SHORT_WEEKDAYS, tokens.text(place + 1), self._languages)
        if name is None:
            name = value_of(WEEKDAYS, tokens.text(place))
            which, after = self._which_behind(place + 1)
        if which is None or name is None:
            return None
        ahead = (name - self._said.weekday()) % 7
        if which == LAST:
            return self._one(-((-ahead - 1) % 7 + 1), after)
        if which == NEXT:  # many mean the one of the coming week, some the very next
            day = self._said + timedelta(7 - self._said.weekday() + name)
            return day, day, (self._said + timedelta(ahead or 7),), after
        return self._one((ahead or 7) if which == COMING else ahead, after)

    def _which_behind(self, place: int) -> tuple[str | None, int]:
        word = self._tokens.text(place)
        if word == "que" and self._tokens.text(place + 1) == "viene":
            return COMING, place + 2
        return (BEHIND[word], place + 1) if word in BEHIND else (None, place)

    def _week_or_month(self, place: int) -> _Period | None:
        """A week, weekend, month or year that is next, this or last."""
        tokens = self._tokens
        which, unit, after = WHICH.get(tokens.text(place)), UNITS.get(tokens.text(place + 1)), place + 2
        if which is None:
            which, after = self._which_behind(place + 1)
            unit = "year" if tokens.text(place) == "an" else UNITS.get(tokens.text(place))  # "l'an dernier"
        if which is None or unit not in _PERIODS:
            return None
        steps = {LAST: -1, THIS: 0}.get(which, 1)
        monday = self._said - timedelta(self._said.weekday() - 7 * steps)
        if unit == "week":
            return monday, monday + timedelta(6), (), after
        if unit == "weekend":
            return monday + timedelta(5), monday + timedelta(6), (), after
        return (*_month_or_year(self._said, unit, steps), (), after)

    def _counted(self, place: int) -> _Period | None:
        """Days, weeks, months or years from now or ago: "in two weeks", "vor 3 Tagen", "il y a 2 mois"."""
        tokens, word = self._tokens, self._tokens.text(place)
        if word in _AHEAD or tokens.phrase(place, place + 2) == "dentro de":
            count, unit, after = self._amount(place + 1 + (word == "dentro"))
        elif word in ("vor", "hace") or tokens.phrase(place, place + 3) == "il y a":
            count, unit, after = self._amount(place + 1 + 2 * (word == "il"))
            count = -count
        else:
            count, unit, after = self._amount(place)
            count, after = -count * (tokens.text(after) == "ago"), after + 1
        if not count:
            return None
        if days := _SPANS.get(unit):
            return self._one(days * count, after)
        return (*_month_or_year(self._said, unit, count), (), after)

    def _amount(self, place: int) -> tuple[int, str, int]:
        """How many days, weeks, months or years are told at a place, and the place after them; 0 for none."""
        word = self._tokens.text(place)
        unit = UNITS.get(self._tokens.text(place + 1), "")
        unit = "year" if self._tokens.text(place + 1) == "an" and word in ("un", "1") else unit  # "il y a un an"
        short = self._tokens.is_number(place) and len(word) <= 3
        count = int(word) if short else value_of(NUMBERS, word, self._languages) or 0
        return count if unit in ("day", "week", "month", "year") else 0, unit, place + 2


def _month_or_year(day: date, unit: str, steps: int) -> tuple[date, date]:
    """The first and the last day of the month or the year that is so many steps after that of a day."""
    first = _month_of(day, steps) if unit == "month" else date(day.year + steps, 1, 1)
    return first, _month_of(first, 1 if unit == "month" else 12) - timedelta(1)


def _month_of(day: date, steps: int) -> date:
    """The first day of the month that is so many months after that of a day."""
    months = 12 * day.year + day.month - 1 + steps
    if not 12 <= months < 12 * 10_000:
        raise OverflowError
    return date(months // 12, months % 12 + 1, 1)


def occurrences(day: Day, on: date) -> list[date]:
    """The dates that a day may mean which is told by half, the likeliest first.

    Args:
        day: with at least its day of the month, or its weekday.
        on: when it was told.
    """
    years = (day.year,) if day.year else range(on.year - 1, on.year + 2)
    months = (day.month,) if day.month else range(1, 13)
    if day.day is None:
        dates = [] if day.weekday is None else [_shifted(on, (day.weekday - on.weekday()) % 7 - n) for n in (0, 7)]
    else:
        dates = [_made(year, month, day.day) for year in years for month in months]
    fits = [each for each in dates if each and day.weekday in (None, each.weekday())]
    if day.year and day.month:
        return fits
    near = [each for each in fits if -LONGEST_AGO <= (each - on).days <= LONGEST_AHEAD]
    if day.month is None and day.weekday is None:
        near = [*[each for each in near if each >= on][:1], *[each for each in near if each < on][-1:]]
    ago = _AGO_WITH_MONTH if day.month else _AGO
    return sorted(near, key=lambda each: abs((each - on).days) * (ago if each < on else 1))


def _made(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _shifted(day: date, days: int) -> date | None:
    try:
        return day + timedelta(days)
    except OverflowError:
        return None


class ToldDays:
    """The days that a line tells, in every way in which they may be meant.

    Args:
        text: of the line.
        said: the day of the line.
        languages: in which it is read.
        figures: whether a bare figure may be the day of a month as well ("the 14?", "14 then").
    """

    def __init__(self, text: str, on: date, languages: Sequence[str], *, figures: bool = True) -> None:
        self.said = on
        self.values = values_of(text, languages, heard=True)
        self.relative = relative_times_of(text, on, languages)
        self.days = [meaning for value in self.values for meaning in value.meanings if isinstance(meaning, Day)]
        self.named_months = {day.month for day in self.days if day.month}
        self._periods = [month for time in self.relative if (month := time.month)]
        self.named_months.update(month.month for month in self._periods if month.month)
        self.numbers: set[int | None] = {day.day for day in self.days}
        self.dates = {each for day in self.days for each in occurrences(day, on)}
        self.dates.update(each for time in self.relative for each in (on, *time.days))
        if figures:
            bare = {Day(day=int(amount)) for amount in _amounts(self.values) if amount in _DAYS_OF_MONTH}
            self.numbers.update(day.day for day in bare)
            self.dates.update(each for day in bare for each in occurrences(day, on))
        likeliest = {dates[0] for day in self.days if day.day and (dates := occurrences(day, on))}
        likeliest.update(time.first for time in self.relative if time.first == time.last)
        self.weekdays: set[int | None] = {each.weekday() for each in likeliest}
        self.weekdays.update(day.weekday for day in self.days)
        self.months: set[int | None] = {each.month for each in likeliest}
        self.months.update(day.month for day in self.days)
        short = [time for time in self.relative if time.year is None and time.month is None]
        self.months.update(month for time in short for month in (time.first.month, time.last.month))
        if _units_of(text, "month") > len(self._periods):  # "until the end of the month"
            self.months.update((on.month % 12 + 1, on.month, (on.month - 2) % 12 + 1))
        self.years = {*(each.year for each in likeliest), *(day.year for day in self.days if day.year)}
        self.years.update(year for time in self.relative for year in (time.first.year, time.last.year))
        if not any(time.year for time in self.relative):  # else the year that it tells is meant, and no other
            self.years.add(on.year)

    def tells_month(self, day: Day) -> bool:
        """Whether the line tells a month by its distance from when it was said, and a year only with its own month."""
        return any(day.month == month.month and day.year in (None, month.year) for month in self._periods)


def tells(lines: Sequence[ToldDays], day: Day) -> bool:
    """Whether lines together tell a day: its parts stand in them, or follow from a date that they mean."""
    if day.day is None:
        if day.weekday is None and any(line.tells_month(day) for line in lines):
            return True
        parts = ((day.month, [line.months for line in lines]), (day.weekday, [line.weekdays for line in lines]))
        fits = all(part is None or any(part in known for known in sets) for part, sets in parts)
        return fits and (day.year is None or any(_is_year_of(day, line) for line in lines))
    if any(_same_words(day, other) and _is_year_of(day, line) for line in lines for other in line.days):
        return True
    dates = {each for line in lines for each in line.dates if each.day == day.day and day.month in (None, each.month)}
    numbered = any(day.day in line.numbers for line in lines)
    if day.month and numbered and any(day.month in line.months or line.tells_month(day) for line in lines):
        dates.update(each for line in lines for each in occurrences(Day(month=day.month, day=day.day), line.said))
    elif day.month is None and day.weekday is None and numbered:
        return True
    return any(day.year in (None, each.year) and day.weekday in (None, each.weekday()) for each in dates)


def _same_words(day: Day, other: Day) -> bool:
    """Whether both are the same day of a month and a weekday, also where the calendar has no such date."""
    return (day.month, day.day, day.weekday) == (other.month, other.day, other.weekday)


def _is_year_of(day: Day, line: ToldDays) -> bool:
    if day.year is None or any(other.year == day.year for other in line.days):
        return True
    if (day.month, day.day, day.weekday) == (None, None, None):
        return day.year in line.years
    dates = occurrences(Day(month=day.month, day=day.day or 15), line.said)
    return any(each.year == day.year for each in dates) or (day.month is None and day.year in line.years)


def _units_of(text: str, unit: str) -> int:
    """How many words of a text are this unit of time."""
    return sum(UNITS.get(word) == unit for word in map(_bare, text.casefold().split()))


def _bare(word: str) -> str:
    return word.strip(".,;:!?()")


def _amounts(values: Iterable[Value]) -> Iterator[Decimal | str]:
    for value in values:
        for meaning in value.meanings:
            if isinstance(meaning, Number) and not meaning.unit:
                yield from meaning.amounts


_WEEK, _LONGEST_MONTH = 7, 31
_DAYS_OF_MONTH = frozenset(map(Decimal, range(1, 32)))
