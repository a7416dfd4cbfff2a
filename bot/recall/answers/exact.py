"""What is exact in a sentence of an answer, against the lines that it cites; what it means, the model decides.

Whatever a model answers, there is no figure, date, time, link, address, command or identifier in it that its lines do
not tell. What may be counted and added is counted and added here. All of it takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from bot.remember import LONGEST, Heard, Hearing, Need, Refusal, Stretch, needs_of
from bot.text import (
    REDACTED,
    Day,
    Number,
    SecretFinder,
    Value,
    occurrences,
    relative_times_of,
    runs_of,
    tells,
    with_written_times,
)

_ADDRESS = re.compile(r"(?<![\w.-])[\w-]{2,64}(?:\.[\w-]{1,64}){0,8}\.[^\W\d_]{2,64}(?![\w-])(?:/\S*)?")
"""The name of a host in whatever domain, with the path behind it."""
_PART = re.compile(r"[.:;!?()\n]")


@dataclass(frozen=True, slots=True)
class Cited:
    """What a sentence stands on.

    Attributes:
        message_ids: of the cited lines.
        said_on: their days, where the members are.
        counts: numbers of people and lines that the answer may tell because they can be counted.
        names: of people, which may look like identifiers.
        today: when it is asked.
    """

    message_ids: Collection[int]
    said_on: Collection[date]
    counts: Container[int]
    names: Container[str]
    today: date


def checked(text: str, cited: Cited, hearing: Hearing, secrets: SecretFinder) -> str | Refusal:
    """The sentence, with the dates behind relative times that lie back by now; or why it is refused."""
    if len(text) > LONGEST:
        return Refusal.LENGTH
    if REDACTED in text or secrets.find(text):
        return Refusal.SECRET
    stretch = Stretch(hearing, cited.message_ids, text, alone=True)
    if not stretch.is_complete:
        return Refusal.LINES
    if any(runs_of(address[0]) not in _runs(stretch.cited) for address in _ADDRESS.finditer(text)):
        return Refusal.LINK
    needs = list(needs_of(text, stretch.language))
    for need in needs:
        if not (need.is_in(stretch.cited) or _may_be_told(need, needs, cited, stretch)):
            return need.refusal
    told_days = [heard.told for heard in reversed(stretch.cited)]
    return with_written_times(text, told_days, stretch.language, cited.today)


def _runs(lines: Sequence[Heard]) -> str:
    return " ¶ ".join(heard.runs for heard in lines)


def _may_be_told(need: Need, needs: Sequence[Need], cited: Cited, stretch: Stretch) -> bool:
    """Whether something that no line holds as it stands follows from the lines."""
    if need.value is not None:
        others = [other.value for other in needs if other.value is not None and other is not need]
        return any(
            _is_day(meaning, cited.said_on)
            if isinstance(meaning, Day)
            else isinstance(meaning, Number) and _is_counted(meaning, others, cited, stretch)
            for meaning in need.value.meanings
        )
    if need.refusal is Refusal.DATE:
        return _is_time(need.words, cited, stretch)
    return need.words.casefold() in cited.names


def _is_day(day: Day, days: Collection[date]) -> bool:
    """Whether it is the day of a line, or its month or year; a weekday alone may be any."""
    if day.day is None:
        parts = (day.month, day.year)
        return day.weekday is None and any(
            all(part in (None, own) for part, own in zip(parts, (each.month, each.year), strict=True)) for each in days
        )
    return day.month is not None and any(each in occurrences(day, each) for each in days)


def _is_counted(number: Number, others: Sequence[Value], cited: Cited, stretch: Stretch) -> bool:
    """Whether it is how many people or lines are cited, how many things a line lists, or the sum of the others."""
    amounts = {int(amount) for amount in number.amounts if isinstance(amount, Decimal) and amount == int(amount)}
    if not number.unit and any(amount in cited.counts or amount in _lists(stretch.cited) for amount in amounts):
        return True
    firsts = [value.meanings[0] for value in others]
    alike = [meaning for meaning in firsts if isinstance(meaning, Number) and meaning.unit == number.unit != ""]
    total = sum((max(map(_amount, meaning.amounts)) for meaning in alike), Decimal(0))
    return len(alike) > 1 and total in number.amounts


def _amount(amount: Decimal | str) -> Decimal:
    return amount if isinstance(amount, Decimal) else Decimal(0)


def _lists(lines: Sequence[Heard]) -> set[int]:
    """How many things the lines list, with commas between."""
    return {part.count(",") + 1 for heard in lines for part in _PART.split(heard.text) if "," in part}


def _is_time(phrase: str, cited: Cited, stretch: Stretch) -> bool:
    """Whether a relative time, counted from today, means a day that a line tells or was said on."""
    told_days = [heard.told for heard in stretch.cited]
    dates = (*cited.said_on, *(date for line in told_days for date in line.dates))
    for time in relative_times_of(phrase, cited.today, (stretch.language,)):
        if any(time.first <= day <= time.last for day in dates):
            return True
        if time.month is not None and tells(told_days, time.month):
            return True
    return False
