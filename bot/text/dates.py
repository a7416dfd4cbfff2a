"""Relative times ("tomorrow", "next Friday") as dates, counted from the message that says them.

Code counts days better than a small model does, so the model keeps the words and the date is added here. Where it is
not sure which day is meant none is, for a wrong date is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise

from bot.text.chat_text import is_english, may_be
from bot.text.folding import as_matched
from bot.text.values import WEEKDAYS

_DAYS = {
    0: "today|tonight|heute|hoy|aujourd'hui|hoje|oggi|vandaag|idag|dzisiaj|сегодня|今日|今天|오늘",
    1: "tomorrow|morgen|tmrw|tmr|mañana|demain|amanhã|domani|imorgon|jutro|завтра|明日|明天|내일",
    2: "day after tomorrow|übermorgen|overmorgen|après-demain|après demain|pasado mañana|depois de amanhã|dopodomani"
    "|pojutrze|послезавтра|明後日|后天|모레",
    -1: "yesterday|gestern|ayer|hier|ontem|ieri|gisteren|igår|wczoraj|вчера|昨日|昨天|어제",
    -2: "day before yesterday|vorgestern|eergisteren|avant-hier|avant hier|anteayer|antes de ayer|anteontem"
    "|l'altro ieri|przedwczoraj|позавчера|一昨日|前天",
}
_OFFSETS = {phrase: offset for offset, phrases in _DAYS.items() for phrase in phrases.split("|")}
_UNSPACED = "|".join(sorted((phrase for phrase in _OFFSETS if phrase[0] >= "\u2e80"), key=len, reverse=True))
_SPACED = "|".join(sorted((phrase for phrase in _OFFSETS if phrase[0] < "\u2e80"), key=len, reverse=True))
_MORNING = r"(?<!guten )(?<!goede )(?<!heute )(?<!gestern )(?<!am )(?<!la )(?<!esta )"
"""Before "morgen" and "mañana", which are mornings then."""
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10}
_UNITS = {"day": 1, "week": 7}
_NEXT = frozenset(("next", "nächsten", "nächster", "nächste", "volgende"))
_COMING = frozenset(
    ("coming", "kommenden", "kommender", "próximo", "proximo", "próxima", "prossimo", "prossima", "prochain")
)
_LAST = frozenset(("last", "past", "letzten", "letzter", "letzte", "vorige", "pasado", "passado", "scorso", "dernier"))
_ON = frozenset(("on", "am"))
_WHICH = "|".join(sorted(_NEXT | _COMING | _LAST | _ON | {"this", "diesen", "by", "is", "ist", "est", "es el"}))
_WEEKS = "|".join(sorted(_NEXT | _LAST | {"this", "diese", "dieser"}))
_AFTER = "prochain|próximo|proximo|pasado|passado|scorso|prossimo|dernier"
_NAMES = "|".join(WEEKDAYS)
_RELATIVE = re.compile(
    rf"\b(?:(?:(?:{_WHICH}|the)\s++)?(?P<of_week>{_NAMES})\s++(?:of\s++)?(?P<its_week>{_WEEKS})\s++(?:week|woche)"
    rf"|(?P<week_of>{_WEEKS})\s++(?:week(?:['’]s)?|woche),?\s++(?:(?:on|am)\s++)?(?P<in_week>{_NAMES})"
    rf"|{_MORNING}(?P<day>{_SPACED})(?:['’]s)?"
    rf"|(?P<which>{_WHICH})\s++(?P<weekday>{_NAMES})"
    rf"|(?P<weekday_before>{_NAMES})\s++(?P<which_after>{_AFTER})"
    rf"|(?P<which_week>{'|'.join(sorted(_NEXT | _LAST))})\s++(?:week|woche)"
    rf"|in\s++(?P<ahead>\d{{1,2}}|{'|'.join(_COUNTS)})\s++(?P<ahead_unit>day|week)s?"
    rf"|(?P<from>\d{{1,2}}|{'|'.join(_COUNTS)})\s++(?P<from_unit>day|week)s?\s++from\s++(?P<from_day>now|today|tomorrow)"
    rf"|(?P<back>\d{{1,2}}|{'|'.join(_COUNTS)})\s++(?P<back_unit>day|week)s?\s++ago"
    rf")\b(?!-)|(?P<unspaced>{_UNSPACED})",
    re.IGNORECASE,
)
_CLOCK = r"\d{1,2}(?:[:h]\d\d|\s?(?:[ap]\.?m|h|uhr)\b|[時时点시])"
_DATED = re.compile(
    rf"^\s*+(?:,\s*+)?\(?(?!{_CLOCK})\d|^\s++(?:the\s++)?\d{{1,2}}(?:st|nd|rd|th)\b"
    r"|^,?\s++[A-Z][a-z]++\s++\d(?!\d?(?:[:h]|\s?[ap]m))"
)
"""What follows a relative time that the speaker dated already."""
_EVERY = re.compile(
    r"\b(?:every|each|any|weekly|jede\w?|jeweils|chaque|tous|cada|todos|todas|ogni|elke|iedere|varje|każd\w+|кажд\w+)\b"
    r"|[每毎]|매",
    re.IGNORECASE,
)
_FROM = re.compile(
    r"\b(?:(?:days?|tage?n?) (?:from|after|before|ab|nach|vor)"
    r"|(?:weeks?|fortnight|wochen?|months?|monate?)(?: (?:from|after|before|on|of|ab|nach|vor|next|the)){0,3}) ?$",
    re.IGNORECASE,
)
_COUNTED_ON = re.compile(
    r"(?<!\s)\s++(?:week|woche|after (?:next|that)|the week|in \w+ (?:weeks?|days?|fortnight|wochen?|tage?n?)"
    r"|\w+ (?:weeks?|days?|wochen?|tage?) (?:later|after|ago|from|später))\b",
    re.IGNORECASE,
)
_OF_A_DAY = re.compile(rf"\b(?:{_NAMES})(?: (?:of|after|the))* $", re.IGNORECASE)
"""A weekday before a time of weeks or days, which tells a part of it."""
_APART = re.compile(
    r"[,;.!?()]|\b(?:and|or|but|to|not|than|of|und|oder|auf|bis|statt|nicht|y|o|et|ou|e|en|of)\b", re.IGNORECASE
)
"""What stands between two times that are two, and not one told in two parts as "on Friday next week"."""
_GREETED = re.compile(r"(?<!\s)(?:\s*+[,!.]|\s++(?:zusammen|alle\w*|leute|ihr|euch|@|<@))", re.IGNORECASE)
"""What follows a "Morgen" that is a greeting."""
NEAR = 3
"""So many words before or after a time tell that it is one of many, or a part of another."""
SIDE = 200
"""Characters before or after a time that are looked at: texts may be long, and hold a time every few words."""
_CLAUSE = re.compile(r"[,;:.!?]|\b(?:and|but|that|because|so|und|aber|dass|weil)\b", re.IGNORECASE)
_PAST = re.compile(
    r"\b(?:was|were|had|did(?:n['’]t)?|met|went|came|got|took|saw|gave|made|held|sent|told|said|began|found|lost|won"
    r"|broke|wrote|left|bought|paid|(?:i|we|they|you|he|she|it|<@\d+>) [a-z]+ed|waren?|wurden?|hatten?)\b",
    re.IGNORECASE,
)
"""A verb of what was. German "hat" and "ist" are only with what was done, which stands at the end."""
_GERMAN_PERFECT = re.compile(r"\b(?:ha(?:be|ben|t|bt)|ist|sind)\b", re.IGNORECASE)
_GERMAN_DONE = re.compile(
    r"\b(?:[a-zäöü]{0,20}ge[a-zäöü]{2,20}(?:t|en)|(?:be|ver|er|ent|zer)[a-zäöü]{2,}(?:t|en)|[a-zäöü]+iert)\b"
)
_NOT_PAST = re.compile(
    r"\b(?:is|are|will|shall|should|must|can|be|planned|scheduled|supposed|going to|wird|werden|soll\w*|muss|geplant)\b"
    r"|\b(?:it|that|there|he|she)['’]s\b|['’](?:re|ll)\b",
    re.IGNORECASE,
)
_SAID = re.compile(r"\b(?:told|said|wrote|sagte|meinte)\b(?: (?:me|us|him|her|them|mir|uns))? +\S", re.IGNORECASE)
"""Somebody reported, before the time of what they reported, which was or will be."""


@dataclass(frozen=True, slots=True)
class DatedTime:
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


class _Language:
    """Which language a text may be in, told once for all of its times."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def is_english(self) -> bool:
        return is_english(self._text)

    @cached_property
    def may_be_french(self) -> bool:
        return may_be(self._text, "french")


def relative_times(text: str, on: date) -> Iterator[DatedTime]:
    """The relative times in a `text` that was said on the day `said`, as far as it is sure which days they mean."""
    matches = list(_RELATIVE.finditer(text))
    parts = {match for pair in pairwise(matches) if _in_parts(*pair, text) for match in pair}
    language = _Language(text)
    for match in matches:
        if match in parts or _is_name(match, text, language) or _one_of_many(match, text):
            continue
        if days := _days(match, on, text):
            yield DatedTime(match.group(), match.end(), *days)


def _before(match: re.Match[str], text: str) -> str:
    return text[max(0, match.start() - SIDE) : match.start()]


def _after(match: re.Match[str], text: str) -> str:
    return text[match.end() : match.end() + SIDE]


def _is_name(match: re.Match[str], text: str, language: _Language) -> bool:
    """Whether a day is written as a name or a noun is ("Edge of Tomorrow"), or is a word of another language."""
    day = match["day"] or ""
    before = _before(match, text).rstrip()
    begins = not before or before[-1] in '.!?:\n"“„'
    if as_matched(day) == "hier":
        return not language.may_be_french
    if day == "Morgen":
        return not begins or language.is_english or bool(_GREETED.match(text, match.end()))
    return day[:1].isupper() and not day.isupper() and not begins


def _one_of_many(match: re.Match[str], text: str) -> bool:
    """Whether it is said of every week or day, or counted on from the day."""
    before, after = _before(match, text), _after(match, text)
    near = " ".join((*before.split()[-NEAR:], "", *after.split()[:NEAR]))
    counted_on = _FROM.search(before) or _COUNTED_ON.match(after)
    weekday = match["weekday"] or match["weekday_before"] or match["of_week"] or match["in_week"]
    return bool(_EVERY.search(near) or counted_on or (not weekday and _OF_A_DAY.search(before)))


def _in_parts(first: re.Match[str], second: re.Match[str], text: str) -> bool:
    """Whether two neighbours are one time, told in two parts."""
    between = text[first.end() : second.start()]
    listed = between.strip() == "," and first["weekday"] and second["which_week"]
    return bool(listed) or (len(between.split()) < NEAR and not _APART.search(between))


def _days(match: re.Match[str], on: date, text: str) -> tuple[date, date] | None:
    groups = {name: as_matched(value) for name, value in match.groupdict().items() if value}
    if which := groups.get("which_week") or groups.get("its_week") or groups.get("week_of"):
        monday = on - timedelta(on.weekday() + 7 * ((which in _LAST) - (which in _NEXT)))
        if name := groups.get("of_week") or groups.get("in_week"):
            return (monday + timedelta(WEEKDAYS[name]),) * 2
        return monday, monday + timedelta(6)
    name = groups.get("weekday") or groups.get("weekday_before")
    day = _weekday(match, WEEKDAYS[name], on, text) if name else _offset(groups, on)
    return (day, day) if day else None


def _weekday(match: re.Match[str], weekday: int, on: date, text: str) -> date | None:
    """With "next" the one of the coming week, with "last" the newest gone by, else the next to come, today included.

    After a verb in the past it is the newest one, today included. None where it may be either.
    """
    which = as_matched(match["which"] or match["which_after"])
    if which in _LAST:
        return on - timedelta((on.weekday() - weekday - 1) % 7 + 1)
    if which in _NEXT:
        return on + timedelta(7 - on.weekday() + weekday)
    if which in _COMING:
        return on + timedelta((weekday - on.weekday() - 1) % 7 + 1)
    before = _CLAUSE.split(_before(match, text))[-1]
    after = _CLAUSE.split(_after(match, text))[0]
    if which in _ON and _SAID.search(before) and not _NOT_PAST.search(before):
        return None
    if which in _ON and _is_past(f"{before}|{after}") and not _NOT_PAST.search(f"{before}|{after}"):
        sure = _is_past(before) or not before.strip()
        return on - timedelta((on.weekday() - weekday) % 7) if sure else None
    return on + timedelta((weekday - on.weekday()) % 7)


def _is_past(clause: str) -> bool:
    perfect = _GERMAN_PERFECT.search(clause)
    return bool(_PAST.search(clause) or (perfect and _GERMAN_DONE.search(clause, perfect.end())))


def _offset(groups: dict[str, str], on: date) -> date:
    if "ahead" in groups:
        return on + timedelta(_count(groups["ahead"]) * _UNITS[groups["ahead_unit"]])
    if "from" in groups:
        start = on + timedelta(_OFFSETS.get(groups["from_day"], 0))
        return start + timedelta(_count(groups["from"]) * _UNITS[groups["from_unit"]])
    if "back" in groups:
        return on - timedelta(_count(groups["back"]) * _UNITS[groups["back_unit"]])
    return on + timedelta(_OFFSETS[groups.get("day") or groups["unspaced"]])


def _count(text: str) -> int:
    return _COUNTS[text] if text in _COUNTS else int(text)


def with_dates(text: str, on: date, written: Callable[[DatedTime, str], str] = lambda time, _: time.written) -> str:
    """`text` with the date behind each relative time that has none yet: "tomorrow (2025-01-03)".

    Args:
        text: the text.
        on: the day when it was said.
        written: what to write behind a time, or "" for nothing; it is given the part of the text from the time before
            to the time after as well.
    """
    times = list(relative_times(text, on))
    shown, at = "", 0
    for i, time in enumerate(times):
        following = times[i + 1].end if i + 1 < len(times) else len(text)
        shown += text[at : time.end]
        if not _DATED.match(text[time.end : time.end + SIDE]) and (day := written(time, text[at:following])):
            shown += f" ({day})"
        at = time.end
    return shown + text[at:]
