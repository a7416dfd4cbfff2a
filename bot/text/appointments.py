"""The days on which something is to happen, as a statement tells them: whole dates, and the time of day beside one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.text.calendar_dates import occurrences, relative_times_of
from bot.text.calendar_words import language_of
from bot.text.figures import values_of
from bot.text.identifiers import without_identifiers
from bot.text.meanings import Clock, Value


@dataclass(frozen=True, slots=True, order=True)
class Appointment:
    """A day that a statement tells.

    Attributes:
        first: the day, or the first one of the week that is meant.
        last: the same day, or the last one of that week.
        minutes: since midnight, where one time of day is told; else -1.
    """

    first: date
    last: date
    minutes: int = -1


def appointments(text: str, on: date) -> list[Appointment]:
    """The days in a statement that was said on a day, in its order; none where it is not sure which are meant.

    A date without its year is the likeliest one, counted from that day. What is told in relation to that day ("next
    Friday") counts where there is no date.
    """
    language = language_of(text)
    plain = without_identifiers(text)
    values = values_of(plain, (language,))
    days = [day for value in values if (day := _day(value, on))]
    minutes = _minutes(values)
    if days:
        return [Appointment(day, day, minutes) for day in dict.fromkeys(days)]
    times = [time for time in relative_times_of(plain, on, (language,)) if time.sure and not time.others]
    return list(dict.fromkeys(Appointment(time.first, time.last, minutes) for time in times))


def _day(value: Value, on: date) -> date | None:
    """The date that a value surely is."""
    day = value.day
    if day is None or value.meanings[0] != day or day.day is None or day.month is None:
        return None
    return next(iter(occurrences(day, on)), None)


def _minutes(values: Sequence[Value]) -> int:
    """The time of day: the first one, where only one time can be meant by it."""
    clocks = [meaning for value in values for meaning in value.meanings[:1] if isinstance(meaning, Clock)]
    return min(clocks[0].minutes) if clocks and len(clocks[0].minutes) == 1 else -1
