"""Numbers, times of day, weekdays and months in a text, each in one form whatever language or spelling it is in."""

from __future__ import annotations

import re

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
_NAMED = (
    {name: f"weekday{day}" for name, day in WEEKDAYS.items()}
    | {name: f"month{month}" for month, names in enumerate(_MONTHS, 1) for name in names.split()}
    | {name: str(count) for count, names in enumerate(_COUNTS) for name in names.split()}
)
_UNSPACED_DAYS = {
    sign: day for signs in ("月火水木金土日", "一二三四五六天", "월화수목금토일") for day, sign in enumerate(signs)
}

THOUSANDS = re.compile(r"(?<=\d)[,.'’](?=\d{3}(?!\d))")
VALUE = re.compile(
    r"(?P<hour>(?<![\d.:])\d{1,2})"
    r"(?:[:h](?P<minute>\d\d)(?![\d:])(?:\s?(?P<half>[ap])\.?m\b|\s?(?:uhr|h)\b)?"
    r"|\s?(?:(?P<half_only>[ap])\.?m|uhr|h)\b|[時时点시])"
    r"|(?P<figure>\d+(?:[.,:/'’-]\d+)*)(?:(?:st|nd|rd|th)\b)?"
    r"|(?P<may>\b(?-i:May)\b|\bmay(?= \d))"
    r"|(?P<unspaced>[月火水木金土日](?=曜)|(?<=星期|礼拜)[一二三四五六日天]|(?<=[周週])[一二三四五六日]|[월화수목금토일](?=요일))"
    rf"|\b(?P<name>{'|'.join(sorted(_NAMED, key=len, reverse=True))})\b",
    re.IGNORECASE,
)


def values(text: str) -> tuple[str, ...]:
    """The values of a text in their order: "two" as "2", "8 pm" as "20:00", "Freitag" as "weekday4"."""
    return tuple(map(_value, VALUE.finditer(THOUSANDS.sub("", text))))


def with_values(text: str) -> str:
    """The text with each value in that one form."""
    return VALUE.sub(lambda match: f" {_value(match)} ", THOUSANDS.sub("", text))


def _value(match: re.Match[str]) -> str:
    if match["hour"]:
        half = (match["half"] or match["half_only"] or "").casefold()
        hour = int(match["hour"]) % 12 + 12 * (half == "p") if half else int(match["hour"])
        return f"{hour}:{match['minute'] or '00'}"
    if match["figure"]:
        return match["figure"].replace(",", ".").lstrip("0") or "0"
    if match["may"]:
        return "month5"
    if day := match["unspaced"]:
        return f"weekday{_UNSPACED_DAYS[day]}"
    return _NAMED[match["name"].casefold()]
