"""Relative times ("tomorrow", "next Friday") as dates, counted from the message that says them.

Code counts days better than a small model does, so the model keeps the words and the date is added here. Days are
UTC's, as the snowflake's time is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_DAYS = {
    0: "today tonight heute hoy aujourd'hui hoje oggi vandaag idag dzisiaj сегодня 今日 今天 오늘",
    1: "tomorrow morgen tmrw tmr mañana demain amanhã domani imorgon jutro завтра 明日 明天 내일",
    2: "übermorgen après-demain послезавтра 明後日 后天",
    -1: "yesterday gestern ayer hier ontem ieri gisteren igår wczoraj вчера 昨日 昨天 어제",
    -2: "vorgestern avant-hier anteayer позавчера 一昨日 前天",
}
_OFFSETS = {word: offset for offset, words in _DAYS.items() for word in words.split()}
_WEEKDAY_NAMES = (
    "monday montag lundi lunes lunedì maandag понедельник",
    "tuesday dienstag mardi martes martedì dinsdag вторник",
    "wednesday mittwoch mercredi miércoles mercoledì woensdag среду",
    "thursday donnerstag jeudi jueves giovedì donderdag четверг",
    "friday freitag vendredi viernes venerdì vrijdag пятницу",
    "saturday samstag samedi sábado zaterdag субботу",
    "sunday sonntag dimanche domingo domenica zondag воскресенье",
)
_WEEKDAYS = {name: day for day, names in enumerate(_WEEKDAY_NAMES) for name in names.split()}
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10}
_UNITS = {"day": 1, "week": 7}
_NEXT = frozenset(("next", "nächsten", "nächster", "nächste", "volgende"))
_LAST = frozenset(("last", "past", "letzten", "letzter", "letzte", "vorige"))
_UNSPACED = re.compile("|".join(word for word in _OFFSETS if word[0] >= "\u2e80"))
_SPACED = "|".join(
    re.escape(word) for word in sorted(_OFFSETS, key=len, reverse=True) if word[0] < "\u2e80" and word != "morgen"
)
_MORGEN = r"(?<!guten )(?<!goede )(?<!heute )(?<!gestern )(?<!am )(?-i:morgen)"
"""Tomorrow in German and Dutch; the noun, a morning, has a capital letter or follows one of these words."""
_RELATIVE = re.compile(
    rf"\b(?:(?P<day>{_SPACED}|{_MORGEN})(?:['’]s)?"
    rf"|(?:(?P<which>{'|'.join(sorted(_NEXT | _LAST))}|this|diesen|on|am)\s+)(?P<weekday>{'|'.join(_WEEKDAYS)})"
    rf"|(?P<which_week>{'|'.join(sorted(_NEXT | _LAST))})\s+(?P<week>week|woche)"
    rf"|in\s+(?P<ahead>\d{{1,2}}|{'|'.join(_COUNTS)})\s+(?P<ahead_unit>day|week)s?"
    rf"|(?P<back>\d{{1,2}}|{'|'.join(_COUNTS)})\s+(?P<back_unit>day|week)s?\s+ago"
    rf")\b(?!-)|(?P<unspaced>{_UNSPACED.pattern})",
    re.IGNORECASE,
)
_DATED = re.compile(r"^\s*,?\s*\(?\d|^\s+(?:the\s+)?\d{1,2}(?:st|nd|rd|th)?\b|^,?\s+[A-Z][a-z]+\s+\d")
"""What follows a relative time that the speaker dated already."""


@dataclass(frozen=True, slots=True)
class RelativeTime:
    """A relative time in a text.

    Attributes:
        phrase: the words, as they stand.
        end: where they end in the text.
        first: the day meant, or the first one of the week meant.
        last: the same day, or the last one of that week.
    """

    phrase: str
    end: int
    first: date
    last: date

    @property
    def written(self) -> str:
        """The date, or the two dates of a week, as ISO 8601 writes them."""
        return str(self.first) if self.first == self.last else f"{self.first} – {self.last}"


def relative_times(text: str, said: date) -> Iterator[RelativeTime]:
    """The relative times in a `text` that was said on the day `said`."""
    for match in _RELATIVE.finditer(text):
        first, last = _days(match, said)
        yield RelativeTime(match.group(), match.end(), first, last)


def _days(match: re.Match[str], said: date) -> tuple[date, date]:
    found = {name: value.casefold() for name, value in match.groupdict().items() if value}
    if "week" in found:
        monday = said - timedelta(said.weekday() + (7 if found["which_week"] in _LAST else -7))
        return monday, monday + timedelta(6)
    day = _weekday(found["which"], _WEEKDAYS[found["weekday"]], said) if "weekday" in found else _offset(found, said)
    return day, day


def _weekday(which: str, weekday: int, said: date) -> date:
    """With "next" the one of the coming week, with "last" the newest gone by, else the next to come, today included."""
    if which in _LAST:
        return said - timedelta((said.weekday() - weekday - 1) % 7 + 1)
    if which in _NEXT:
        return said + timedelta(7 - said.weekday() + weekday)
    return said + timedelta((weekday - said.weekday()) % 7)


def _offset(found: dict[str, str], said: date) -> date:
    if "ahead" in found:
        return said + timedelta(_count(found["ahead"]) * _UNITS[found["ahead_unit"]])
    if "back" in found:
        return said - timedelta(_count(found["back"]) * _UNITS[found["back_unit"]])
    return said + timedelta(_OFFSETS[found.get("day") or found["unspaced"]])


def _count(text: str) -> int:
    return _COUNTS[text] if text in _COUNTS else int(text)


def with_dates(text: str, said: date) -> str:
    """`text` with the date behind each relative time that has none yet: "tomorrow (2025-01-03)"."""
    shown, at = "", 0
    for time in relative_times(text, said):
        shown += text[at : time.end]
        if not _DATED.match(text[time.end :]):
            shown += f" ({time.written})"
        at = time.end
    return shown + text[at:]
