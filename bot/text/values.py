"""Numbers, times of day, weekdays and months in a text, each in one form whatever language or spelling it is in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from bot.text.folding import as_matched

_WEEKDAYS = (
    "monday montag lundi lunes lunedì maandag poniedziałek понедельник",
    "tuesday dienstag mardi martes martedì dinsdag wtorek вторник",
    "wednesday mittwoch mercredi miércoles mercoledì woensdag środa środę среда среду",
    "thursday donnerstag jeudi jueves giovedì donderdag quinta czwartek четверг",
    "friday freitag vendredi viernes venerdì vrijdag sexta piątek пятница пятницу",
    "saturday samstag sonnabend samedi sábado sabato zaterdag sobota sobotę суббота субботу",
    "sunday sonntag dimanche domingo domenica zondag niedziela niedzielę воскресенье",
)
WEEKDAYS = {name: day for day, names in enumerate(_WEEKDAYS) for name in names.split()}
"""0 for Monday, by name in lower case."""
_MONTHS = (
    "january januar janvier enero gennaio janeiro januari января",
    "february februar février febrero febbraio fevereiro februari февраля",
    "march märz mars marzo março maart марта",
    "april avril abril aprile апреля",
    "mai mayo maggio maio mei мая",
    "june juni juin junio giugno junho июня",
    "july juli juillet julio luglio julho июля",
    "august août agosto augustus августа",
    "september septembre septiembre settembre setembro сентября",
    "october oktober octobre octubre ottobre outubro октября",
    "november novembre noviembre novembro ноября",
    "december dezember décembre diciembre dicembre dezembro декабря",
)
_COUNTS = (
    "zero null cero",
    "",  # "one", "ein" and "un" are seldom numbers
    "two zwei deux dos dois duas twee два две",
    "three drei trois tres tre três drie три",
    "four vier quatre cuatro quattro quatro четыре",
    "five fünf cinq cinco cinque vijf пять",
    "six sechs seis zes шесть",
    "seven sieben sept siete sette sete zeven семь",
    "eight acht huit ocho otto oito восемь",
    "nine neun neuf nueve nove negen девять",
    "ten zehn dix diez dieci dez tien десять",
    "eleven onze undici",
    "twelve zwölf douze doce dodici twaalf",
)
_MONTH_NAMES = {name: month for month, names in enumerate(_MONTHS, 1) for name in names.split()}
_NAMED = (
    {name: f"weekday{day}" for name, day in WEEKDAYS.items()}
    | {name: f"month{month}" for name, month in _MONTH_NAMES.items()}
    | {name: str(count) for count, names in enumerate(_COUNTS) for name in names.split()}
)
_UNSPACED_DAYS = {
    sign: day for signs in ("月火水木金土日", "一二三四五六天", "월화수목금토일") for day, sign in enumerate(signs)
}

THOUSANDS = re.compile(r"(?<=\d)[,.'’](?=\d{3}(?!\d))")
_MONTH = "|".join(sorted((*_MONTH_NAMES, "may"), key=len, reverse=True))
_NO_HOUR = r"(?:st|nd|rd|th|\.)?(?![\d:]|\s?(?:[ap]\.?m|uhr|h)\b)"
VALUE = re.compile(
    rf"\b(?P<day>\d{{1,2}}){_NO_HOUR}\s(?:of\s|de\s)?(?P<month>{_MONTH})\b"
    rf"|\b(?P<month_before>{_MONTH})\s(?P<day_after>\d{{1,2}}){_NO_HOUR}"
    r"|(?P<hour>(?<![\d.:])\d{1,2})"
    r"(?:[:h](?P<minute>\d\d)(?![\d:])(?:\s?(?P<half>[ap])\.?m\b|\s?(?:uhr|h)\b)?"
    r"|\s?(?:(?P<half_only>[ap])\.?m|uhr|h)\b|[時时点시])"
    r"|(?P<figure>\d+(?:[.,:/'’-]\d+)*)(?:(?:st|nd|rd|th)\b)?"
    r"|(?P<may>\b(?-i:May)\b)"
    r"|(?P<unspaced>[月火水木金土日](?=曜)|(?<=星期|礼拜)[一二三四五六日天]|(?<=[周週])[一二三四五六日]|[월화수목금토일](?=요일))"
    rf"|\b(?P<name>{'|'.join(sorted(_NAMED, key=len, reverse=True))})\b",
    re.IGNORECASE,
)


def values(text: str) -> tuple[str, ...]:
    """The values of a text in order: "two" as "2", "8 pm" as "20:00", "3. Juni" as "6/3", "Freitag" as "weekday4"."""
    return tuple(map(_value, VALUE.finditer(THOUSANDS.sub("", text))))


def with_values(text: str) -> str:
    """The text with each value in that one form."""
    return VALUE.sub(lambda match: f" {_value(match)} ", THOUSANDS.sub("", text))


def denies_alike(text: str, source: str) -> bool:
    """Whether a text denies no value that was stated, and states none that was denied ("Monday, not Friday")."""
    denies, states = _denied(text)
    were_denied, were_stated = _denied(source)
    return not (states & were_denied - were_stated or denies & were_stated - were_denied)


def _denied(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The values of a text that it denies, and those that it does not: of "Monday, not Friday" Friday, and Monday."""
    denied: tuple[set[str], set[str]] = set(), set()
    for match in VALUE.finditer(text):
        denied[not _DENIES.search(text[max(0, match.start() - DENIAL) : match.start()])].add(_value(match))
    return frozenset(denied[0]), frozenset(denied[1])


def all_said(text: str, source: str, days: Iterable[date]) -> bool:
    """Whether every value of `text` was said, or follows from what was.

    A figure counts as a whole, as release 2.1 is none of 1.2; dates and times of day may be written in another way.

    Args:
        text: whose values are looked for.
        source: where.
        days: that relative times in `said` mean.
    """
    known = set(values(source)) | ({"1"} if _ONE.search(source) else set())
    alone = {part for value in known for part in _alone(value)}
    for day in days:
        known |= {f"weekday{day.weekday()}", str(day), f"{day.month}/{day.day}", f"{day:%d.%m.%Y}".lstrip("0")}
        alone |= {f"month{day.month}", str(day.year)}
    parts = {part for value in known for part in _parts(value)}
    known |= alone
    return all(value in known or _follows(value, known, parts) for value in values(text))


def _follows(value: str, known: set[str], parts: set[str]) -> bool:
    """Whether a date or a time of day is put together from what is known: "20:00" from 8, "03.06.2025" from 3 June."""
    if clock := _TIME.fullmatch(value):
        hour = int(clock[1])
        return clock[2] == "00" and not known.isdisjoint((str(hour), str(hour - 12)))
    return bool(_COMPOSED.fullmatch(value)) and parts.issuperset(_parts(value))


def _parts(value: str) -> list[str]:
    """The numbers of which a value is put together, and that of a month."""
    whole = value.removeprefix("month")
    return [part.lstrip("0") or "0" for part in re.split(r"\D", whole)] if _COMPOSED.fullmatch(whole) else [whole]


def _alone(value: str) -> list[str]:
    """Values that stand for a part of another: the hour of a time, the ends of a range, month and year of a date."""
    numbers = _parts(value)
    if clock := _TIME.fullmatch(value):
        return [clock[1], str(int(clock[1]) % 12)]
    if len(numbers) == 3:  # year, month and day, in some order
        return [*(f"month{number}" for number in numbers[:2]), *(number for number in numbers if len(number) == 4)]
    return [f"month{numbers[0]}"] if "/" in value else numbers


_DENIES = re.compile(
    r"\b(?:not|no longer|nicht|kein\w{0,2}|no|pas|niet|não|non|не|instead of|rather than|(?:an)?statt|au lieu d[eu]"
    r"|en vez de|en lugar de|em vez de|invece di|in plaats van)\s++"
    r"(?:(?:on|at|in|the|to|from|by|am|um|im|den|der|el|las?|los|le|au|à|a|op|om|em|na|no|в|во) ){0,2}$",
    re.IGNORECASE,
)
DENIAL = 80
"""Characters before a value in which it is denied."""
_ONE = re.compile(r"\b(?:one|ein\w{0,2}|une?|una|uno|um|uma|een)\b", re.IGNORECASE)
_TIME = re.compile(r"(\d{1,2}):(\d\d)")
_COMPOSED = re.compile(r"(?<!\d)\d++(?:[:/'’-]\d++)++|\d{1,2}\.\d{1,2}\.\d{2,4}")


def _value(match: re.Match[str]) -> str:
    if match["hour"]:
        half = as_matched(match["half"] or match["half_only"] or "")
        hour = int(match["hour"]) % 12 + 12 * (half == "p") if half else int(match["hour"])
        return f"{hour}:{match['minute'] or '00'}"
    if month := match["month"] or match["month_before"]:
        return f"{_MONTH_NAMES.get(as_matched(month), 5)}/{int(match['day'] or match['day_after'])}"
    if match["figure"]:
        return match["figure"].replace(",", ".").lstrip("0") or "0"
    if match["may"]:
        return "month5"
    if day := match["unspaced"]:
        return f"weekday{_UNSPACED_DAYS[day]}"
    return _NAMED[as_matched(match["name"])]
