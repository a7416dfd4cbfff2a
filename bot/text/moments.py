"""Times as people write them in options: `7d`, `gestern`, `last week`, `31.01.2026`; and in words what they mean."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

from bot.domain import Phrase, UserError, snowflake
from bot.text.periods import whole_period

_DAY = timedelta(days=1)
_SHORTEST = timedelta(milliseconds=1)  # as exact as a snowflake
_NOW = frozenset({"now", "jetzt", "maintenant", "ahora"})
_DATE = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}")
_ISO = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[ tT][0-9:.,+zZ-]{2,32}")


def parse_since(text: str, now: datetime, zone: tzinfo) -> int:
    """The first snowflake of the time that `text` names.

    Args:
        text: how long ago (`30m`, `12h`, `7d`, `vor 2 Wochen`), a day, week, month or year (`gestern`, `last week`,
            `January`, `31.01.2026`, `mardi`), or a date or time in ISO 8601; in English, German, French or Spanish.
        now: the aware time from which is counted.
        zone: whose days and times are meant, where the text does not name a zone.

    Raises:
        UserError: it is none of these, or a time of which no snowflake can be.
    """
    return snowflake.from_datetime(_span(text, now.astimezone(zone))[0])


def parse_until(text: str, now: datetime, zone: tzinfo) -> int:
    """The last snowflake of the time that `text` names, as `parse_since` reads it: of a week, that of its end.

    Raises:
        UserError: it is no such time.
    """
    return snowflake.from_datetime(_span(text, now.astimezone(zone))[1]) - 1


def window_in_words(since: int | None, until: int | None, zone: tzinfo) -> Phrase:
    """From when until when, as in "since Monday 23 November 2026 until Sunday 29 November 2026"; empty for all time.

    Args:
        since: the first snowflake.
        until: the last one.
        zone: whose days and times are told.
    """
    parts = []
    if since is not None:
        first = snowflake.to_datetime(since).astimezone(zone)
        day, time = first.date(), f"{first:%H:%M}"
        whole = _is_midnight(first)
        parts.append(Phrase("since {day}", day=day) if whole else Phrase("since {day} at {time}", day=day, time=time))
    if until is not None:
        last = snowflake.to_datetime(until).astimezone(zone)
        day, time = last.date(), f"{last:%H:%M}"
        whole = _is_midnight(last) or _is_midnight(snowflake.to_datetime(until + 1).astimezone(zone))
        parts.append(Phrase("until {day}", day=day) if whole else Phrase("until {day} at {time}", day=day, time=time))
    return Phrase.joined(" ", parts)


def _is_midnight(moment: datetime) -> bool:
    return (moment.hour, moment.minute, moment.second) == (0, 0, 0)


def _span(text: str, now: datetime) -> tuple[datetime, datetime]:
    """When the time begins that a text names, and when it is over; Discord had, or will have, snowflakes in it."""
    start, end = _named(" ".join(text.split()), now)
    if end <= snowflake.FIRST or start > snowflake.LAST:
        raise UserError(
            Phrase(
                "Discord has no messages of that time; name one from {first} to {last}, like `7d`, `yesterday`, "
                "`last week` or `2026-01-31`.",
                first=str(snowflake.FIRST.year),
                last=str(snowflake.LAST.year),
            )
        )
    return start, end


def _named(words: str, now: datetime) -> tuple[datetime, datetime]:
    """When the time begins that a text names, and when it is over, in the zone of `now`.

    Days end where the clock on the wall says so: in summer time's first or last night they are not 24 hours long.
    """
    try:
        stretch = _iso(words, now) or ((now, now) if words.casefold() in _NOW else whole_period(words, now))
    except (ValueError, OverflowError):
        stretch = None
    if stretch is None:
        raise UserError(
            Phrase(
                "I don't know that time; write it like `7d`, `12h`, `yesterday`, `last week`, `January`, `31.01.2026` "
                "or `2026-01-31`."
            )
        )
    start, end = stretch
    return start, end if end > start else end + _SHORTEST


def _iso(words: str, now: datetime) -> tuple[datetime, datetime] | None:
    """A date or a time in ISO 8601.

    Raises:
        ValueError: it looks like one, but there is no such time.
    """
    if _DATE.fullmatch(words):
        day = datetime.fromisoformat(words).replace(tzinfo=now.tzinfo)
        return day, day + _DAY
    if not _ISO.fullmatch(words):
        return None
    moment = datetime.fromisoformat(words)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
    return moment, moment
