"""What a value in a text means: a figure, a time of day, or a date or a part of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.text.calendar_words import SECONDS

YEARS = range(1900, 2100)
_NOON = 720  # minutes

NO_SIGN = ""
PLUS = "+"
MINUS = "-"
HYPHEN = "hyphen"
"""A minus, or a mere hyphen: "UTC-5", "rack-5"."""

SIGNS_LIKE = {
    NO_SIGN: (NO_SIGN, PLUS, HYPHEN),
    PLUS: (PLUS, NO_SIGN),
    MINUS: (MINUS, HYPHEN),
    HYPHEN: (HYPHEN, NO_SIGN, MINUS),
}
"""With which signs a figure may be the same as one with this sign."""


@dataclass(frozen=True, slots=True)
class Number:
    """A figure.

    Attributes:
        amounts: what it may be: "1.000" is one and a thousand; a version such as "1.21.8" is its text.
        unit: as `calendar_words.UNITS` names it, or "".
        sign: one of `SIGNS_LIKE`.
    """

    amounts: frozenset[Decimal | str]
    unit: str = ""
    sign: str = NO_SIGN

    def agrees(self, other: Number) -> bool:
        """Whether both are the same amount; of different units only where these are counted in each other."""
        if other.sign not in SIGNS_LIKE[self.sign]:
            return False
        if not self.unit or not other.unit or self.unit == other.unit:
            return not self.amounts.isdisjoint(other.amounts)
        return not self.seconds.isdisjoint(other.seconds)

    def times(self, factor: int) -> Number:
        """So many times as much."""
        amounts = (amount * factor if isinstance(amount, Decimal) else amount for amount in self.amounts)
        return replace(self, amounts=frozenset(amounts))

    @property
    def seconds(self) -> frozenset[Decimal]:
        """The same in seconds; nothing for what is no time of a known length."""
        size = SECONDS.get(self.unit)
        return frozenset(amount * size for amount in self.amounts if size and isinstance(amount, Decimal))


def number_of(figure: str) -> Number:
    """The amount of a whole number in figures."""
    return Number(frozenset({Decimal(figure)}))


def figure_of(parts: Sequence[str], sign: str) -> Number:
    """A figure with one kind of sign in it, which may divide thousands, whole and part, or the parts of a version."""
    amounts: set[Decimal | str] = set()
    if all(len(part) == 3 for part in parts[1:]) and len(parts[0]) <= 3:
        amounts.add(Decimal("".join(parts)))
    if len(parts) == 2 and sign in ".,":
        amounts.add(Decimal(".".join(parts)))
    return Number(frozenset(amounts or {".".join(part.lstrip("0") or "0" for part in parts)}))


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day.

    Attributes:
        minutes: since midnight; two values where it may be before noon or after.
    """

    minutes: frozenset[int]

    def agrees(self, other: Clock) -> bool:
        """Whether both may be the same time."""
        return not self.minutes.isdisjoint(other.minutes)


@dataclass(frozen=True, slots=True)
class Day:
    """A date, or what of it is told: of "Saturday 22nd" the day of the month and that of the week, 0 for Monday."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None


Meaning = Number | Clock | Day


@dataclass(frozen=True, slots=True)
class Value:
    """A value in a text.

    Attributes:
        start: where it begins in the text.
        end: where it ends.
        meanings: what it may mean, the likeliest first; at least one.
    """

    start: int
    end: int
    meanings: tuple[Meaning, ...]

    @property
    def day(self) -> Day | None:
        """The first date that it may mean."""
        return next((meaning for meaning in self.meanings if isinstance(meaning, Day)), None)


def day_of(day: str) -> Day | None:
    """The day of a month of these figures, or None."""
    return Day(day=int(day)) if len(day) <= 2 and 1 <= int(day) <= 31 else None


def date_of(day: str, month: str, year: str = "") -> Day | None:
    """The date of these figures, or None where there is none."""
    read = day_of(day)
    if read is None or len(month) > 2 or not 1 <= int(month) <= 12 or (year and int(year) not in YEARS):
        return None
    return replace(read, month=int(month), year=int(year) if year else None)


def clock_of(hour: str, minute: str, half: str) -> Clock | None:
    """The time of day of these figures in a half of the day ("a", "p" or "" for either), or None."""
    if len(hour) > 2 or len(minute) != 2 or int(minute) > 59 or int(hour) > (12 if half else 24):
        return None
    start = int(hour) % (12 if half else 24) * 60 + int(minute)
    if half:
        return Clock(frozenset({start + _NOON * (half == "p")}))
    either = 0 < int(hour) <= 12 and not hour.startswith("0")
    return Clock(frozenset({start, (start + _NOON) % (2 * _NOON)} if either else {start}))
