"""Dates written out: "the 25th" in a text becomes 25 September 2026, in the language of the text.

Where it is not sure which day is meant nothing is written, for a wrong date is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from bot.text.calendar_dates import RelativeTime, ToldDays, occurrences, relative_times_of
from bot.text.calendar_words import WRITTEN_MONTHS
from bot.text.figures import values_of
from bot.text.identifiers import without_identifiers
from bot.text.meanings import Day, Value

SURELY_AHEAD = 45
"""Days within which a weekday with a bare figure ("Sunday 18") is a date; what fits only later may be none."""
_ARTICLE = 5  # characters of an article with its blanks
_RANGE = re.compile(r"\s?(?:[-–]|to|and|until)\s?\d")
_BRACKET = re.compile(r"(?<!\s)\s*+\(")
_ABBREVIATED = re.compile(r"\.(?= [a-z\d])")
_ORDINAL = re.compile(r"\d(?:st|nd|rd|th)$", re.IGNORECASE)


def with_written_dates(text: str, lines: Sequence[ToldDays], language: str) -> str:
    """The text with month and year behind each date that lacks them; what is whole already stays as it is.

    Args:
        text: in which nothing else is changed.
        lines: what it stands on, the most important first.
        language: of the text.
    """
    return _with(text, dict(_insertions(text, lines, language)))


def with_written_times(text: str, lines: Sequence[ToldDays], language: str, today: date) -> str:
    """The text with the date behind each relative time that a line told and that means another day by now.

    Args:
        text: in which nothing else is changed.
        lines: what it stands on, the most important first.
        language: of the text.
        today: when it is read.
    """
    now = {time.start: time for time in relative_times_of(without_identifiers(text), today, (language,))}
    relative = [(place, time) for place, time in _relative(text, lines, language) if not _BRACKET.match(text, place)]
    old = [(place, time) for place, time in relative if time.start not in now or now[time.start].first != time.first]
    return _with(text, {place: f" ({_span(time.first, time.last, language)})" for place, time in old})


def _with(text: str, written: Mapping[int, str]) -> str:
    parts, last = [], 0
    for place in sorted(written):
        parts += [text[last:place], written[place]]
        last = place
    return "".join((*parts, text[last:]))


def _insertions(text: str, lines: Sequence[ToldDays], language: str) -> Iterator[tuple[int, str]]:
    """What is to be written, and where."""
    values = values_of(without_identifiers(text), (language,))
    months = {value.day.month for value in values if value.day and value.day.month}
    for value in values:
        day = value.meanings[0]
        if not isinstance(day, Day) or day.day is None or day.year or not (meant := _meant(day, lines, months)):
            continue
        yield _with_year(text, value, meant, language) if day.month else _with_month(text, value, meant, language)
    dated = [value for value in values if value.day and value.day.day]
    for place, time in _relative(text, lines, language):
        if not (_BRACKET.match(text, place) or any(_is_dated_by(time, value) for value in dated)):
            yield place, f" ({_span(time.first, time.last, language)})"


def _is_dated_by(time: RelativeTime, value: Value) -> bool:
    """Whether a date tells what a relative time does: "next Friday the 25th", "in two weeks, on 1 October"."""
    of_weekday = value.day and value.day.weekday is not None and time.start < value.end
    whole = isinstance(value.meanings[0], Day)
    return bool(of_weekday and value.start <= time.end + _ARTICLE) or (whole and time.is_rough)


def _meant(day: Day, lines: Sequence[ToldDays], months: Collection[int]) -> date | None:
    """The date of a day that is told by half: as a line has it in full, or else as one means it.

    Args:
        day: with its day of the month.
        lines: what its text stands on.
        months: that are told in its text, of it and of other days.
    """
    candidates = [
        (other, line)
        for line in lines
        for other in line.days
        if other.day == day.day and _fits(day.month, other.month) and _fits(day.weekday, other.weekday)
    ]
    candidates.sort(key=lambda pair: (pair[0].year is None, pair[0].month is None))
    if day.month and lines:
        candidates.append((day, lines[0]))
    for other, line in candidates:
        weekday = other.weekday if day.weekday is None else day.weekday
        whole = replace(other, month=day.month or other.month, weekday=weekday)
        for meant in occurrences(whole, line.said)[:1]:
            if whole.month:
                return meant
            if whole.weekday is not None:
                return meant if abs((meant - line.said).days) <= SURELY_AHEAD else None
            return _beside(whole, meant, line, {*months, *line.named_months})
    return None


def _beside(day: Day, meant: date, line: ToldDays, months: Collection[int]) -> date | None:
    """The date of a bare day beside months that are told with it: "on 22 November, the rehearsal on the 20th".

    `meant` is what it is without them. Of several months, or one that is far off, it is not sure which one is meant.
    """
    if not months or set(months) == {meant.month}:
        return meant
    if len(months) > 1:
        return None
    soon = [each for each in occurrences(replace(day, month=next(iter(months))), line.said)[:1] if each >= line.said]
    return soon[0] if soon and (soon[0] - line.said).days <= SURELY_AHEAD else None


def _fits(part: int | None, other: int | None) -> bool:
    return part is None or other is None or part == other


def _with_year(text: str, value: Value, meant: date, language: str) -> tuple[int, str]:
    last, place = text[value.end - 1], value.end
    if text[value.start : place].isdigit():  # the first of two days of a month: the second one has the year
        return place, ""
    if last == ".":  # "3.9."
        return place, str(meant.year)
    if _RANGE.match(text, place) and not last.isalpha():  # "September 21 to 25"
        return place, ""
    if not last.isalpha() or _ORDINAL.search(text[value.start : place]):  # "October 14th"
        return place, f", {meant.year}"
    if _ABBREVIATED.match(text, place):
        place += 1
    return place, f" {_of(language)}{meant.year}"


def _with_month(text: str, value: Value, meant: date, language: str) -> tuple[int, str]:
    if _ORDINAL.search(text[value.start : value.end]):
        bracketed = _BRACKET.match(text, value.end)
        return value.end, "" if bracketed else f" ({written_date(meant, language)})"
    dot = "." * (language == "german" and text[value.end - 1] != ".")
    day = (
        f"{meant.day}."
        if language == "german"
        else "1er"
        if language == "french" and meant.day == 1
        else str(meant.day)
    )
    return value.end, dot + written_date(meant, language).removeprefix(day)


def _relative(text: str, lines: Sequence[ToldDays], language: str) -> Iterator[tuple[int, RelativeTime]]:
    """The relative times of a text, each as the line means it that tells the same, and where they end."""
    plain = without_identifiers(text)
    readings = [relative_times_of(plain, line.said, (language,)) for line in lines]
    for times in zip(*readings, strict=False):  # fewer at the calendar's end
        pairs = list(zip(lines, times, strict=True))
        same = [time for line, time in pairs if any(other.phrase == time.phrase for other in line.relative)]
        same += [time for line, time in pairs if time.first == line.said or not line.dates.isdisjoint(time.days)]
        if same and same[0].sure:
            yield same[0].end, same[0]


def written_date(day: date, language: str) -> str:
    """A day with its month and year as a language writes them."""
    month, number = WRITTEN_MONTHS[language][day.month - 1], str(day.day)
    if language == "german":
        number += "."
    if language == "french" and day.day == 1:
        number = "1er"
    return f"{number} {_of(language)}{month} {_of(language)}{day.year}"


def _of(language: str) -> str:
    return "de " if language == "spanish" else ""


def _span(first: date, last: date, language: str) -> str:
    """A day, a weekend, a week, a month or a year."""
    if first == last:
        return written_date(first, language)
    if (last - first).days > 31:
        return str(first.year)
    if first.day == 1 and last.day > 7:
        return f"{WRITTEN_MONTHS[language][first.month - 1]} {_of(language)}{first.year}"
    if first.month != last.month:
        return f"{written_date(first, language)} – {written_date(last, language)}"
    return f"{first.day}{'.' * (language == 'german')}–{written_date(last, language)}"
