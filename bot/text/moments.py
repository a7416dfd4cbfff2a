"""Times as people write them: `7d`, `yesterday`, `monday`, `2026-01-31`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from bot.domain import UserError, snowflake

_AGO = re.compile(r"(?:last\s+)?(\d{1,4})\s*(mo|min|m|h|d|w|y)[a-z]*(?:\s+ago)?")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "mo": timedelta(days=30),
    "y": timedelta(days=365),
}
_DAY = timedelta(days=1)
_SHORTEST = timedelta(milliseconds=1)  # as exact as a snowflake
_DAYS_BACK = {"today": 0, "yesterday": 1}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DATE = re.compile(r"\d{4}-?\d\d-?\d\d")


def parse_since(text: str, now: datetime, zone: tzinfo) -> int:
    """The first snowflake of the time that `text` names.

    Args:
        text: how long ago (`30m`, `12h`, `7d`, `2w`, `3mo`, `1y`), `now`, `today`, `yesterday`, a day of the week (the
            last one), or a date or time in ISO 8601.
        now: the aware time from which is counted.
        zone: whose days and times are meant, where the text does not name a zone.

    Raises:
        UserError: it is none of these, or a time of which no snowflake can be.
    """
    return snowflake.from_datetime(_span(text, now.astimezone(zone))[0])


def parse_until(text: str, now: datetime, zone: tzinfo) -> int:
    """The last snowflake of the time that `text` names, as `parse_since` reads it: of a day, that of its end.

    Raises:
        UserError: it is no such time.
    """
    return snowflake.from_datetime(_span(text, now.astimezone(zone))[1]) - 1


def _span(text: str, now: datetime) -> tuple[datetime, datetime]:
    """When the time begins that a text names, and when it is over; Discord had, or will have, snowflakes in it."""
    start, end = _named(text, now)
    if end <= snowflake.FIRST or start > snowflake.LAST:
        raise UserError(
            f"Discord has no messages of that time; name one from {snowflake.FIRST.year} to {snowflake.LAST.year}, "
            "like `7d`, `yesterday` or `2026-01-31`."
        )
    return start, end


def _named(text: str, now: datetime) -> tuple[datetime, datetime]:
    """When the time begins that a text names, and when it is over, in the zone of `now`.

    Days end where the clock on the wall says so: in summer time's first or last night they are not 24 hours long.
    """
    words = " ".join(text.lower().split())
    try:
        if (back := _days_back(words, now)) is not None:
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) - back * _DAY
            return midnight, midnight + _DAY
        moment = now if words == "now" else _moment(words, now)
        return moment, moment + (_DAY if _DATE.fullmatch(words) else _SHORTEST)
    except (ValueError, OverflowError):
        raise UserError("I don't know that time; write it like `7d`, `12h`, `yesterday` or `2026-01-31`.") from None


def _days_back(words: str, now: datetime) -> int | None:
    day = words.removeprefix("last ").removeprefix("on ")
    if day in _WEEKDAYS:
        return (now.weekday() - _WEEKDAYS.index(day) - 1) % 7 + 1
    return _DAYS_BACK.get(words)


def _moment(words: str, now: datetime) -> datetime:
    if ago := _AGO.fullmatch(words):
        return now.astimezone(UTC) - int(ago[1]) * _UNITS[ago[2].removesuffix("in")]
    moment = datetime.fromisoformat(words)
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
